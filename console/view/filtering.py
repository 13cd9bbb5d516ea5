"""The filter of every list: what is typed after `/`, and what it keeps. Pure.

Words, all of which must hold: `dell` is found in any field, `!dell` in none; `state:inst` is found in that field,
`group=r4` is exactly that field, `state:failed,active` is either; quotes hold blanks together. A word with a colon
whose first part is no field, such as a MAC address, is searched for as it stands. Case does not matter.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_FIELD = re.compile(r"([a-z_]+)([:=])(.*)", re.DOTALL)

Fields = Mapping[str, str]
"""What a row says of itself: by name of field, in lower case; of several values, each on a line of its own."""

ANY = ""
"""The field that holds all the others, made by `searchable`."""


def searchable(fields: Fields) -> Fields:
    """Fields with one more in which words without a field are looked for."""
    return {**fields, ANY: "\n".join(fields.values())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of a filter: a field must hold one of `values`, or be exactly one."""

    values: tuple[str, ...]
    field: str = ANY
    exactly: bool = False
    inverse: bool = False

    def holds(self, fields: Fields) -> bool:
        """Whether a row fits; its fields are `searchable`."""
        return self._found(fields) is not self.inverse

    def _found(self, fields: Fields) -> bool:
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


def parse(text: str, known: Collection[str]) -> Query:
    """Read a filter; `known` are the names of the fields. Whatever is typed means something: there are no errors."""
    terms = (_term(match.group(), known) for match in _WORD.finditer(text.lower()))
    return Query(terms=tuple(term for term in terms if term is not None))


def _term(word: str, known: Collection[str]) -> Term | None:
    inverse = word.startswith("!")
    word = word.removeprefix("!")
    match = _FIELD.fullmatch(word)
    if match is None or match.group(1) not in known:
        value = _unquoted(word)
        return Term(values=(value,), inverse=inverse) if value else None
    field, how, given = match.groups()
    values = tuple(_unquoted(value) for value in given.split(","))
    values = tuple(value for value in values if value) or (("",) if how == "=" else ())
    if not values:
        return None  # `state:` is being typed
    return Term(values=values, field=field, exactly=how == "=", inverse=inverse)


def _unquoted(word: str) -> str:
    return word.replace('"', "")
