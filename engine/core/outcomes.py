"""How the steps of an execution end that nobody performs: as assumed by a dry run, or as scripted by a rehearsal.

A step's outcome is written as a word (`failed`), as a word with what belongs to it (`{success: {disk: /dev/sda}}`), or
as a list of those, one for each try; the last one holds for all that follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.core.sources import Path, Source
from engine.durations import parse_duration
from engine.errors import Invalid, Problem


class Ending(StrEnum):
    """How a try of a step ends. `lost` is one that is heard of once and then no more."""

    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"
    LOST = "lost"
    APPROVED = "approved"
    REJECTED = "rejected"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One try's end: how, with which output or error, and after how many seconds (None: at once)."""

    ending: Ending = Ending.SUCCESS
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    exit_code: int | None = None
    after: float | None = None

    @property
    def succeeds(self) -> bool:
        """Whether the step has then done what it is for."""
        return self.ending in (Ending.SUCCESS, Ending.APPROVED)


Outcomes = Mapping[str, Sequence[Outcome]]
"""The outcomes by step key, one for each try; a step that is not there succeeds, or does what its action always
does."""

_WORDS = ", ".join(Ending)
_EXTRAS = ("after", "error", "exit_code")


def read(source: Source, path: Path = (), *, steps: Sequence[str] | None = None) -> dict[str, tuple[Outcome, ...]]:
    """The outcomes written at `path` of a file; `steps` are the keys there are, if they are known.

    Raises:
        Invalid: something is not of the form, or names a step that does not exist; all of it, each with its place.
    """
    tree = _at(source.tree, path)
    if not isinstance(tree, Mapping):
        raise Invalid([source.problem(path, "must be a mapping of step keys to outcomes")])
    reading = _Reading(source)
    found = {str(key): reading.step(value, (*path, str(key))) for key, value in tree.items()}
    if steps is not None:
        reading.problems += [
            source.problem((*path, key), no_step(key, steps), at_key=True) for key in found if key not in steps
        ]
    if reading.problems:
        raise Invalid(reading.problems)
    return found


def no_step(key: str, steps: Sequence[str]) -> str:
    """What is said of a step that does not exist."""
    return f"there is no step {key!r}; there are {', '.join(steps)}"


def _at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


class _Reading:
    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def step(self, tree: Any, path: Path) -> tuple[Outcome, ...]:
        if not isinstance(tree, list):
            return (self._outcome(tree, path),)
        if not tree:
            self._wrong(path, "must not be empty: write one outcome for each try")
        return tuple(self._outcome(each, (*path, at)) for at, each in enumerate(tree))

    def _outcome(self, tree: Any, path: Path) -> Outcome:
        if isinstance(tree, str) and tree in set(Ending):
            return Outcome(ending=Ending(tree))
        if not isinstance(tree, Mapping):
            self._wrong(path, f"{tree!r} is no outcome; one of {_WORDS}")
            return Outcome()
        words = [key for key in tree if key not in _EXTRAS]
        if len(words) != 1 or words[0] not in set(Ending):
            self._wrong(path, f"must name one outcome ({_WORDS}), and beside it only {', '.join(_EXTRAS)}")
            return Outcome()
        return self._with_more(Ending(words[0]), tree, path)

    def _with_more(self, ending: Ending, tree: Mapping[str, Any], path: Path) -> Outcome:
        told = tree[ending.value]
        output: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
        error = tree.get("error", told if isinstance(told, str) else None)
        if not isinstance(told, Mapping | str | None) and told is not True:
            self._wrong((*path, ending.value), "must be true, a mapping (the output) or a text (the error)")
        if error is not None and not isinstance(error, str):
            self._wrong((*path, "error"), "must be text")
            error = None
        return Outcome(
            ending=ending,
            output=output,
            error=error,
            exit_code=self._exit_code(tree, path),
            after=self._after(tree, path),
        )

    def _exit_code(self, tree: Mapping[str, Any], path: Path) -> int | None:
        code = tree.get("exit_code")
        if code is None or (isinstance(code, int) and not isinstance(code, bool)):
            return code
        self._wrong((*path, "exit_code"), "must be a whole number")
        return None

    def _after(self, tree: Mapping[str, Any], path: Path) -> float | None:
        if tree.get("after") is None:
            return None
        try:
            return parse_duration(tree["after"])
        except ValueError as error:
            self._wrong((*path, "after"), str(error))
            return None

    def _wrong(self, path: Path, message: str) -> None:
        self.problems.append(self._source.problem(path, message))
