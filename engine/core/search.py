"""Finding a text in documents: where it stands, with its line. Literally, and whatever its case is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.documents import Document
from engine.core.shape import as_data
from engine.errors import Invalid, Problem

LONGEST = 200
"""How many characters may be looked for."""

AROUND = 160
"""How many characters of a line are shown."""

MOST = 10
"""How many places of a document are named; how many there are is counted all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A place: in `field` (`content`, `name`, `description` or `tag`), at a line and column that count from 1.

    `text` is the line, or of a long one the part around the place, where it begins at `start` (from 0).
    """

    field: str
    line: int
    column: int
    text: str
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document in which a text was found: in which version, where, and how often."""

    document: Document
    version: str | None
    matches: tuple[Match, ...]
    count: int

    def data(self) -> dict[str, Any]:
        """As JSON: the document's fields, and what was found."""
        data: dict[str, Any] = as_data(self.document)
        found = {"version_string": self.version, "matches": as_data(self.matches), "match_count": self.count}
        return {**data, **found}


def check_needle(text: str) -> str:
    """Refuse what cannot be looked for.

    Raises:
        Invalid: it is empty, has line breaks, or is too long.
    """
    problem = None
    if not text.strip():
        problem = "is empty; write what to look for"
    elif "\n" in text or "\0" in text:
        problem = "has several lines; only what stands on one line can be looked for"
    elif len(text) > LONGEST:
        problem = f"has {len(text)} characters; {LONGEST} can be looked for"
    if problem:
        raise Invalid([Problem(path="q", message=problem)])
    return text


def holds(text: str, needle: str) -> bool:
    """Whether a text has the needle in it."""
    return needle.lower() in text.lower()


def search(text: str, needle: str, *, field: str = "content", most: int = MOST) -> tuple[tuple[Match, ...], int]:
    """The first places of a needle in a text, and how many there are."""
    if not holds(text, needle):
        return (), 0
    places = list(_places(text, needle))
    found = []
    line, at = 1, 0
    for place, length in places[:most]:
        line += text.count("\n", at, place)
        at = place
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        found.append(_match(field, line, place - start, length, text[start : end if end >= 0 else None]))
    return tuple(found), len(places)


def _places(text: str, needle: str) -> Iterator[tuple[int, int]]:
    """Where the needle stands, and how long it is there."""
    low, wanted = text.lower(), needle.lower()
    if len(low) != len(text):  # some letter has a longer small form, so places in the one are not those in the other
        for found in re.finditer(re.escape(needle), text, re.IGNORECASE):
            yield found.start(), found.end() - found.start()
        return
    at = low.find(wanted)
    while at >= 0:
        yield at, len(wanted)
        at = low.find(wanted, at + len(wanted))


def _match(field: str, line: int, offset: int, length: int, text: str) -> Match:
    begin = 0
    if len(text) > AROUND:
        begin = max(0, min(offset - AROUND // 4, len(text) - AROUND))
    shown = text[begin : begin + AROUND].rstrip("\r")
    return Match(field=field, line=line, column=offset + 1, text=shown, start=offset - begin, length=length)


def in_facts(document: Document, needle: str) -> tuple[tuple[Match, ...], int]:
    """The places of a needle in what a document is called and described by."""
    found: list[Match] = []
    facts = [("name", document.name), ("description", document.description), *(("tag", tag) for tag in document.tags)]
    for field, text in facts:
        found += search(text, needle, field=field, most=1)[0]
    return tuple(found), len(found)
