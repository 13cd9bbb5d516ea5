"""Query parameters: read, checked and named when they are wrong. A misspelt one is an error, never silence."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from bootsrv.http.routing import Reader
from engine.core.page import MAX_LIMIT, Page
from engine.errors import Invalid, Problem

LARGEST = 2**63 - 1  # of an integer column
LONGEST = 1024  # characters of a value

LIST_PARAMETERS = ("limit", "offset", "sort")


def text(value: str) -> str:
    """Any text that can be stored."""
    if len(value) > LONGEST or "\0" in value:
        raise ValueError(f"may have {LONGEST} characters, none of them NUL")
    return value


def integer(least: int = 0, most: int = LARGEST) -> Reader:
    """A whole number between two bounds."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and len(value) <= 19) or not least <= int(value) <= most:
            raise ValueError(f"is {value[:30]!r}, not a whole number from {least} to {most}")
        return int(value)

    return read


def truth(value: str) -> bool:
    """`true` or `false`."""
    if value.lower() in ("true", "1", "yes"):
        return True
    if value.lower() in ("false", "0", "no"):
        return False
    raise ValueError(f"is {value[:30]!r}; write true or false")


def truth_word(value: str) -> str:
    """`true` or `false`, as a word."""
    return "true" if truth(value) else "false"


def one_of(kinds: type[StrEnum]) -> Reader:
    """A member's value."""

    def read(value: str) -> str:
        try:
            return kinds(value).value
        except ValueError:
            raise ValueError(f"is {value[:30]!r}, not one of {', '.join(kinds)}") from None

    return read


def member(kinds: type[StrEnum]) -> Reader:
    """A member."""
    value_of = one_of(kinds)
    return lambda value: kinds(value_of(value))


def moment(value: str) -> datetime:
    """A time in ISO 8601 with a time zone; a `+` that arrived as a blank is one again."""
    try:
        read = datetime.fromisoformat(value.strip().replace(" ", "T" if "T" not in value else "+"))
    except ValueError:
        raise ValueError(f"is {value[:40]!r}, not a time such as 2026-03-01T12:00:00Z") from None
    if read.tzinfo is None:
        raise ValueError(f"is {value[:40]!r}, a time without a time zone; write 2026-03-01T12:00:00Z")
    return read


def read_query(given: Sequence[tuple[str, str]], known: Mapping[str, Reader]) -> dict[str, Any]:
    """The values of the parameters that were given, each once.

    Raises:
        Invalid: one is not known here, is given twice, or has a wrong value; every one is named.
    """
    values, problems = _read(given, known)
    problems += [
        Problem(path=name, message="is given more than once") for name, found in values.items() if len(found) > 1
    ]
    if problems:
        raise Invalid(problems)
    return {name: found[0] for name, found in values.items()}


def read_page(given: Sequence[tuple[str, str]], filters: Mapping[str, Reader]) -> Page:
    """What part of a list is wanted; a filter given twice keeps what has the one value or the other.

    Raises:
        Invalid: as `read_query`.
    """
    readers = {"limit": integer(1, MAX_LIMIT), "offset": integer(), "sort": text}
    values, problems = _read(given, {**readers, **filters})
    once = {name: values.pop(name) for name in LIST_PARAMETERS if name in values}
    problems += [
        Problem(path=name, message="is given more than once") for name, found in once.items() if len(found) > 1
    ]
    if problems:
        raise Invalid(problems)
    return Page(
        **{name: found[0] for name, found in once.items()},
        filters={name: tuple(found) for name, found in values.items()},
    )


def _read(given: Sequence[tuple[str, str]], known: Mapping[str, Reader]) -> tuple[dict[str, list[Any]], list[Problem]]:
    values: dict[str, list[Any]] = {}
    problems: list[Problem] = []
    for name, value in given:
        if name not in known:
            problems.append(Problem(path=name[:LONGEST], message=_unknown(name, known)))
            continue
        try:
            values.setdefault(name, []).append(known[name](value))
        except ValueError as error:
            problems.append(Problem(path=name, message=str(error)))
    return values, problems


def _unknown(name: str, known: Mapping[str, Reader]) -> str:
    near = difflib.get_close_matches(name[:LONGEST], known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(known) or 'none'}"
    return f"is no parameter here{hint}"
