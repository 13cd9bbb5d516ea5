"""What a check of a template's text found: a problem, how bad it is, and which check found it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from engine.errors import Invalid, Problem

P = TypeVar("P", bound=Problem)


class Severity(StrEnum):
    """An error would make a machine fail; a warning is worth a look and stops nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Problem):
    """One thing that a check found; `validator` is the check's name (`kickstart`, `sh`, …).

    `line` and `column` count from 1 and are those of the template in `file`, where that is known, else of the text
    that was checked.
    """

    severity: Severity = Severity.ERROR
    validator: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it forbids to use the text."""
        return self.severity is Severity.ERROR

    def as_warning(self) -> "Finding":
        """The same, as something that stops nothing."""
        return replace(self, severity=Severity.WARNING)


Findings = tuple[Finding, ...]


def error(message: str, line: int | None = None, column: int | None = None, *, path: str = "") -> Finding:
    """An error at a place; the check's name is added by whoever called the check."""
    return Finding(message=message, line=line, column=column, path=path)


def warning(message: str, line: int | None = None, column: int | None = None, *, path: str = "") -> Finding:
    """A warning at a place."""
    return Finding(message=message, line=line, column=column, path=path, severity=Severity.WARNING)


def of_problems(problems: Iterable[Problem], validator: str, severity: Severity = Severity.ERROR) -> Findings:
    """Problems that something else found, as findings of a check."""
    return tuple(
        Finding(
            message=each.message,
            path=each.path,
            line=each.line,
            column=each.column,
            file=each.file,
            severity=severity,
            validator=validator,
        )
        for each in problems
    )


def errors(findings: Iterable[Finding]) -> Findings:
    """Those that forbid to use the text."""
    return tuple(each for each in findings if each.is_error)


def in_order(findings: Iterable[Finding]) -> Findings:
    """Each once, in the order of the text."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.line or 0, each.column or 0)))


MOST_TOLD = 20


def brief(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The first of them as an event carries them."""
    return [
        {
            "severity": each.severity.value,
            "validator": each.validator,
            "file": each.file,
            "line": each.line,
            "column": each.column,
            "message": each.message[:500],
        }
        for each in findings[:MOST_TOLD]
    ]


def refusal(findings: Sequence[Finding], advice: str = "") -> Invalid:
    """The error that names every error among the findings, each with its place."""
    wrong = errors(findings)
    told = "; ".join(str(each) for each in wrong[:MOST_TOLD])
    more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
    return Invalid(wrong, f"{told}{more}{advice}")
