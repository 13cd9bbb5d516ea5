"""Templates inside templates: how one is found, and how far it may go.

Includes nest to depth 10; an include in the template asked for is at depth 1. No template may reach itself again in the
same version. The text that is being rendered or checked may not be reached again in any version: its own version is not
known here, it may not even have been saved. The same template side by side is no circle.
"""

from collections.abc import Callable
from dataclasses import dataclass

from engine.core.placeholders import Include
from engine.errors import Problem

MAX_DEPTH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """A version of a template as a lookup found it; `version` is its full number (`v2.1`)."""

    name: str
    version: str
    content: str


Lookup = Callable[[str, str | None], Included | None]
"""Finds the template of a name and a reference (None, `v2` or `v2.1`); None: there is none. It must not change its mind
while one text is rendered or checked, which asks once for each name and reference."""

Path = tuple[tuple[str, str], ...]
"""The way from the text asked for down to an include, each as (name, version)."""


def no_includes(name: str, reference: str | None) -> Included | None:
    """The lookup of a text that has no library beside it: finds nothing."""
    return None


def fault(include: Include, found: Included, path: Path) -> Problem | None:
    """What forbids going from the end of `path` into an include: it would close a circle, or nest too deep."""
    names = [name or "(this text)" for name, _ in path] + [found.name]
    start = _circle(found, path)
    if start is not None:
        message = f"{include.text} closes a circle of includes: {' -> '.join(names[start:])}"
    elif len(path) > MAX_DEPTH:
        message = f"{include.text} is nested deeper than {MAX_DEPTH} includes: {' -> '.join(names)}"
    else:
        return None
    return Problem(message=message, line=include.line, column=include.column, file=path[-1][0] or None)


def _circle(found: Included, path: Path) -> int | None:
    for depth, (name, version) in enumerate(path):
        if name == found.name and (depth == 0 or version == found.version):
            return depth
    return None
