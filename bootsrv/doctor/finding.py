"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is: nothing to do, worth knowing, or in the way."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a report: what was looked at, what was found, and in one line what to do about it."""

    name: str
    verdict: Verdict
    message: str
    fix: str = ""


def ok(name: str, message: str) -> Finding:
    """Nothing to do."""
    return Finding(name=name, verdict=Verdict.OK, message=message)


def warning(name: str, message: str, fix: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(name=name, verdict=Verdict.WARNING, message=message, fix=fix)


def problem(name: str, message: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(name=name, verdict=Verdict.PROBLEM, message=message, fix=fix)
