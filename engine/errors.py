"""The few ways in which PureBoot says no.

Raised in the middle, translated at the doors: HTTP answers, exit codes, toasts. Anything else that is raised is a bug.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in something a person wrote, with its place.

    `line` and `column` count from 1; `path` names the value (`steps[2].timeout`), `file` the file or document.
    """

    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None
    file: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class PureBootError(Exception):
    """The base of all that PureBoot raises on purpose; its text is a sentence for a person."""

    @property
    def message(self) -> str:
        """The sentence for a person."""
        return str(self)


class NotFound(PureBootError):
    """What was named does not exist."""


class Conflict(PureBootError):
    """It exists, but not in a state that allows this (a duplicate, a stale callback, an invalid transition)."""


class Stale(Conflict):
    """It was made from what is not the newest any more; `theirs` is the version that came meanwhile."""

    def __init__(self, message: str, theirs: str) -> None:
        self.theirs = theirs
        super().__init__(message)


class Forbidden(PureBootError):
    """Whoever asks may not do this."""


class Unavailable(PureBootError):
    """It cannot be done now, through no fault of the caller: the store is locked, a port is taken, a disk is full."""


class Invalid(PureBootError):
    """What was given is wrong; `problems` lists everything that is, each with its place."""

    def __init__(self, problems: Sequence[Problem] | str, message: str | None = None) -> None:
        if isinstance(problems, str):
            problems = [Problem(message=problems)]
        self.problems = tuple(problems)
        super().__init__(message or "; ".join(str(problem) for problem in self.problems))
