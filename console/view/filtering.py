"""The filter of every list: what is typed after `/`, and what it keeps. Pure.

Words, all of which must hold: `dell` is found in any field, `!dell` in none; `state:inst` is found in that field,
`group=r4` is exactly that field, `state:failed,active` is either; quotes hold blanks together. Numbers and times are
compared: `tries>1`, `meta.ram>=64`; `seen>10m` was heard of last more than ten minutes ago, `seen:10m` within them.
`since:today`, `since:2026-03-01` and `until:…` are days (UTC): no earlier, and earlier.
A word with a colon whose first part is no field, such as a MAC address, is searched for as it stands. Case does not
matter.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from engine.durations import parse_duration

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_FIELD = re.compile(r"([a-z_]+(?:\.[^\s:=<>\"]+)?)(:?(?:>=|<=|>|<)|[:=])(.*)", re.DOTALL)
_PARTS = re.compile(r'(?:[^,"]|"[^"]*"?)+')
# What looks like a field and is not: part of a MAC address, the beginning of a URL.
_NO_FIELD = re.compile(r"[0-9a-f]{1,2}(?:[:-][0-9a-f]{0,2})+|[a-z]+://.*", re.DOTALL)
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}

Fields = Mapping[str, str]
"""What a row says of itself: by name of field, in lower case; of several values, each on a line of its own.

A moment is written by `moment`; of what is under `META` each key is a field of its own, and all are lines of the one.
"""

ANY = ""
"""The field that holds all the others, made by `searchable`."""

MOMENTS = frozenset({"seen", "since", "known", "started", "ended"})
"""Fields that hold a moment: they are compared by how long ago it was."""

ASIDE = MOMENTS | {"tries", "locked", "progress", "took"}
"""Fields in which words without a field are not looked for: nobody means them."""

SINCE = "since"
UNTIL = "until"
META = "meta"
NEVER = "never"


def moment(seconds: float | None) -> str:
    """A moment as a field holds it; None is never."""
    return NEVER if seconds is None else f"@{seconds:.0f}"


def searchable(fields: Fields) -> Fields:
    """Fields with one more in which words without a field are looked for."""
    found = (value for name, value in fields.items() if name not in ASIDE and not name.startswith(f"{META}."))
    return {**fields, ANY: "\n".join(found)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of a filter: a field must hold one of `values`, or be exactly one, or `compare` with `number`."""

    values: tuple[str, ...] = ()
    field: str = ANY
    exactly: bool = False
    inverse: bool = False
    compare: str = ""
    number: float = 0.0
    is_absolute: bool = False

    def holds(self, fields: Fields, now: float = math.nan) -> bool:
        """Whether a row fits; its fields are `searchable`, and `now` is in seconds since the epoch."""
        return self._found(fields, now) is not self.inverse

    def _found(self, fields: Fields, now: float) -> bool:
        text = fields.get(self.field, "")
        if self.compare:
            amounts = (_amount(line, 0.0 if self.is_absolute else now) for line in text.split("\n"))
            return any(each is not None and _COMPARED[self.compare](each, self.number) for each in amounts)
        if self.exactly:
            return any(line in self.values for line in text.split("\n"))
        return any(value in text for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A filter; without terms everything fits. `problem` says what in it means nothing; empty if all does."""

    terms: tuple[Term, ...] = ()
    problem: str = ""

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def is_timed(self) -> bool:
        """Whether what fits changes with the time alone."""
        return any(term.compare and term.field in MOMENTS and not term.is_absolute for term in self.terms)

    def holds(self, fields: Fields, now: float = math.nan) -> bool:
        """Whether a row fits; its fields are `searchable`, and `now` is in seconds since the epoch."""
        return all(term.holds(fields, now) for term in self.terms)


EVERYTHING = Query()


def parse(text: str, known: Collection[str], now: float = math.nan) -> Query:
    """Read a filter; `known` are the names of the fields, `now` is in seconds since the epoch. Whatever is typed is
    searched for; what means nothing is said in `problem`.
    """
    terms: list[Term] = []
    problems: list[str] = []
    for match in _WORD.finditer(text.lower()):
        inverse = match.group().startswith("!")
        word = match.group().removeprefix("!")
        try:
            term = _term(word, known, now)
        except ValueError as error:
            problems.append(str(error))
            term = Term(values=(_unquoted(word),))
        if term is not None:
            terms.append(replace(term, inverse=inverse))
    return Query(terms=tuple(terms), problem=problems[0] if problems else "")


def is_known(field: str, known: Collection[str]) -> bool:
    """Whether there is such a field; below `meta.` there is any."""
    return field in known or (field.startswith(f"{META}.") and META in known)


def _term(word: str, known: Collection[str], now: float) -> Term | None:
    """One word, None while it is still being typed.

    Raises:
        ValueError: it looks as if it meant something, and does not.
    """
    match = _FIELD.fullmatch(word)
    if match is None:
        value = _unquoted(word)
        return Term(values=(value,)) if value else None
    field, how, given = match.groups()
    if not is_known(field, known):
        if _NO_FIELD.fullmatch(word):
            return Term(values=(_unquoted(word),))
        raise ValueError(f"no field {field!r}{_near(field, known)}")
    if how not in (":", "="):
        return _comparison(field, how.removeprefix(":"), _unquoted(given), now)
    values = tuple(_unquoted(value) for value in _PARTS.findall(given))
    values = tuple(value for value in values if value) or (("",) if how == "=" else ())
    if not values:
        return None  # `state:` is being typed
    if field == UNTIL:
        return _comparison(SINCE, ">", values[0], now)
    if field in MOMENTS and values != (NEVER,):
        return _comparison(field, "<=", values[0], now)
    return Term(values=values, field=field, exactly=how == "=")


def _comparison(field: str, how: str, given: str, now: float) -> Term | None:
    if not given:
        return None
    if field in MOMENTS and (at := _day(given, now)) is not None:
        return Term(field=field, compare=how, number=-at, is_absolute=True)
    try:
        return Term(field=field, compare=how, number=_read(given))
    except ValueError:
        raise ValueError(f"{field}: {given!r} is no number, nor a duration such as 10m or 2h") from None


def _day(text: str, now: float) -> float | None:
    """The moment that is meant by a day, or a day with a time, in UTC; None if it is none."""
    if text in ("today", "yesterday") and not math.isnan(now):
        midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight - timedelta(days=text == "yesterday")).timestamp()
    try:
        meant = datetime.fromisoformat(text) if "-" in text else None
    except ValueError:
        return None
    return None if meant is None else (meant if meant.tzinfo is not None else meant.replace(tzinfo=UTC)).timestamp()


def _near(field: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(field, known, 1, 0.7)
    if near:
        return f": {near[0]}?"
    return f"; meta.{field}?" if META in known else ""


def _read(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return parse_duration(text)


def _amount(text: str, now: float) -> float | None:
    """What a field's text amounts to: a number, or how many seconds ago a moment was; None if neither."""
    if text.startswith("@"):
        return now - float(text[1:])
    if text == NEVER:
        return math.inf
    try:
        return _read(text) if text else None
    except ValueError:
        return None


def _unquoted(word: str) -> str:
    return word.replace('"', "")


def _moment(text: str, now: datetime) -> datetime | None:
    """The time that is meant: so long ago, a day, or a day with a time, in UTC; None while it is being typed."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    try:
        return now - timedelta(seconds=parse_duration(text))
    except ValueError:
        pass
    try:
        meant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return meant if meant.tzinfo is not None else meant.replace(tzinfo=UTC)
