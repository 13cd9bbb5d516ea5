"""The filter of every list: what is typed after `/`, and what it keeps. Pure.

Words, all of which must hold: `dell` is found in any field, `!dell` in none; `state:inst` is found in that field,
`group=r4` is exactly that field, `state:failed,active` is either; quotes hold blanks together. A word with a colon
whose first part is no field, such as a MAC address, is searched for as it stands. Case does not matter.

A list of what has a time has the fields `since` and `until`: `since:2h`, `since:today`, `until:2026-03-01`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.durations import parse_duration

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_FIELD = re.compile(r"([a-z_]+)([:=])(.*)", re.DOTALL)

Fields = Mapping[str, str]
"""What a row says of itself: by name of field, in lower case; of several values, each on a line of its own."""

ANY = ""
"""The field that holds all the others, made by `searchable`."""


TIMES = ("since", "until")
"""The fields that are compared with a time; both are of the same one, `TIME`."""

TIME = "since"


def searchable(fields: Fields) -> Fields:
    """Fields with one more in which words without a field are looked for; not in times, which nobody knows by heart."""
    return {**fields, ANY: "\n".join(value for name, value in fields.items() if name not in TIMES)}


def timed(moment: datetime) -> str:
    """A time as it is compared, the value of the field `TIME`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of a filter: a field must hold one of `values`, or be exactly one; of a time, be no earlier (`since`) or
    earlier (`until`).
    """

    values: tuple[str, ...]
    field: str = ANY
    exactly: bool = False
    inverse: bool = False

    def holds(self, fields: Fields) -> bool:
        """Whether a row fits; its fields are `searchable`."""
        return self._found(fields) is not self.inverse

    def _found(self, fields: Fields) -> bool:
        if self.field in TIMES:
            return (fields.get(TIME, "") >= self.values[0]) is (self.field == TIME)
        text = fields.get(self.field, "")
        if self.exactly:
            return any(line in self.values for line in text.split("\n"))
        return any(value in text for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A filter; without terms everything fits."""

    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    def holds(self, fields: Fields) -> bool:
        """Whether a row fits; its fields are `searchable`."""
        return all(term.holds(fields) for term in self.terms)


EVERYTHING = Query()


def parse(text: str, known: Collection[str], now: datetime | None = None) -> Query:
    """Read a filter; `known` are the names of the fields, `now` is what times are counted from. Whatever is typed means
    something: there are no errors.
    """
    terms = (_term(match.group(), known, now) for match in _WORD.finditer(text.lower()))
    return Query(terms=tuple(term for term in terms if term is not None))


def _term(word: str, known: Collection[str], now: datetime | None) -> Term | None:
    inverse = word.startswith("!")
    word = word.removeprefix("!")
    match = _FIELD.fullmatch(word)
    if match is None or match.group(1) not in known:
        value = _unquoted(word)
        return Term(values=(value,), inverse=inverse) if value else None
    field, how, given = match.groups()
    if field in TIMES:
        moment = _moment(_unquoted(given), now or datetime.now(UTC))
        return None if moment is None else Term(values=(timed(moment),), field=field, inverse=inverse)
    values = tuple(_unquoted(value) for value in given.split(","))
    values = tuple(value for value in values if value) or (("",) if how == "=" else ())
    if not values:
        return None  # `state:` is being typed
    return Term(values=values, field=field, exactly=how == "=", inverse=inverse)


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
