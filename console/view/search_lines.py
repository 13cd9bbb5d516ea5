"""The places where a text was found, as rows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.view.columns import Column
from console.view.diff_lines import Mark
from console.view.labels import Role, Row, cell, safe
from console.view.pieces import Piece
from engine.core.documents import DocumentKind
from engine.core.search import Found, Match

COLUMNS = (
    Column(key="name", title="NAME", width=16, flex=1, most=32, keep=100),
    Column(key="version", title="VERSION", width=7, keep=60),
    Column(key="place", title="LINE", width=11, keep=80, right=True),
    Column(key="text", title="TEXT", width=24, flex=6, keep=95),
)

_BEFORE = 40  # characters of a line that stand before what was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place."""

    key: str
    name: str
    version: str | None
    match: Match

    @property
    def mark(self) -> Mark | None:
        """Where it is in the text; None if it is not in the text."""
        if self.match.field != "content":
            return None
        return Mark(line=self.match.line, column=self.match.column, length=self.match.length)


def hits(found: Sequence[Found]) -> list[Hit]:
    """Every place that is named, by document."""
    return [
        Hit(key=f"{each.document.id}/{at}", name=each.document.name, version=each.version, match=match)
        for each in found
        for at, match in enumerate(each.matches)
    ]


def row(hit: Hit) -> Row:
    """A place, in the order of `COLUMNS`; of a line the text without the space at its beginning."""
    match = hit.match
    end = match.start + match.length
    before = match.text[: match.start].lstrip()
    if len(before) > _BEFORE:  # so that what was found is not cut off
        before = "..." + before[3 - _BEFORE :]
    return (
        cell(hit.name, Role.STRONG),
        cell(hit.version or "none", Role.MUTED),
        cell(f"{match.line}:{match.column}" if match.field == "content" else match.field, Role.MUTED),
        (
            Piece(safe(before), Role.PLAIN),
            Piece(safe(match.text[match.start : end]), Role.ACCENT),
            Piece(safe(match.text[end:]), Role.PLAIN),
        ),
    )


def counted(places: int, documents: int, kind: DocumentKind) -> str:
    """How much was found."""
    return f"{places} place{'' if places == 1 else 's'} in {documents} {kind}{'' if documents == 1 else 's'}"
