"""Where a setting was written: a file and line, a variable of the environment, a flag."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.errors import Invalid, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """`place` is the file, the variable or the flag; `line` counts from 1."""

    place: str
    line: int | None = None

    def __str__(self) -> str:
        return self.place if self.line is None else f"{self.place}:{self.line}"


Written = tuple[Sequence[str], Any, Origin]
"""A setting: its keys from the outside in, its value, and where it was written."""

Origins = Mapping[tuple[str, ...], Origin]


def from_file(path: Path) -> list[Written]:
    """What a settings file says.

    Raises:
        Invalid: it cannot be read, or is no YAML of sections.
    """
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        tree = loader.construct_document(node) if node is not None else {}
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid([Problem(file=str(path), message=f"cannot be read: {error}")]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        problem = Problem(file=str(path), line=line, column=column, message=f"is not YAML: {error.problem}")
        raise Invalid([problem]) from None
    except yaml.YAMLError as error:
        raise Invalid([Problem(file=str(path), message=f"is not YAML: {error}")]) from None
    if not isinstance(tree or {}, dict):
        raise Invalid([Problem(file=str(path), message="must be sections with keys, such as http: {port: 8080}")])
    lines = dict(_lines(node, ())) if node is not None else {}
    return [(keys, value, Origin(place=str(path), line=lines.get(keys))) for keys, value in _leaves(tree or {}, ())]


def _lines(node: yaml.Node, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """The line of each key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*above, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _lines(value, here)


def _leaves(tree: Mapping[Any, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        here = (*above, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        elif value is not None:
            yield here, value


def origin_of(place: Sequence[str], origins: Origins) -> Origin | None:
    """Where a value was written, by its own place, or that of what is in it or around it."""
    wanted = tuple(place)
    for keys, origin in origins.items():
        size = min(len(keys), len(wanted))
        if keys[:size] == wanted[:size]:
            return origin
    return None
