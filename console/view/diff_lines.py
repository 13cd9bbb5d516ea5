"""A diff as lines on a screen: side by side, or unified; with signs, word marks and what is equal folded away.

Pure. A line has one panel (unified) or two (side by side), each with line numbers, a sign and its text in pieces. What
changed shows thrice over: by the sign in the gutter, by the look of the line, and by that of the words in it; so it
reads without colour.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from console.view.pieces import Piece, cells, printable
from engine.core.diff import Diff, Line, Op, Row, Span, diff

WIDE = 120
"""From so many cells on two panels stand side by side, unless told otherwise: below, lines would be cut too often."""

_FEW = 2

NO_NEWLINE = " (no line feed at the end)"


class Look(StrEnum):
    """What a text in a diff is."""

    EQUAL = "equal"
    REMOVED = "removed"
    ADDED = "added"
    REMOVED_WORD = "removed-word"
    ADDED_WORD = "added-word"
    REMOVED_SIGN = "removed-sign"
    ADDED_SIGN = "added-sign"
    NOTE = "note"
    MARKED = "marked-place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A line of text: its numbers in the left and the right text (0: not in it), its sign, and its pieces."""

    left: int = 0
    right: int = 0
    sign: str = " "
    look: Look = Look.EQUAL
    pieces: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """The text, as it is shown."""
        return "".join(text for text, _ in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in a text: line and column count from 1, `length` is in characters."""

    line: int
    column: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """A line of the screen: panels (None: nothing on that side), or instead how many equal lines are folded here.

    `changed` is the number of the change it belongs to, counted from 1 (0: none): a run of lines that all changed.
    """

    panels: tuple[Panel | None, ...] = ()
    folded: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two texts compared, with the lines of both pictures."""

    diff: Diff
    unified: Sequence[DiffLine]
    side_by_side: Sequence[DiffLine]


def compare(left: str, right: str) -> Comparison:
    """Compare two texts; for large ones this takes a while, and is best done in a thread."""
    found = diff(left, right)
    return Comparison(diff=found, unified=unified(found, left), side_by_side=side_by_side(found, left))


def unified(found: Diff, left: str) -> list[DiffLine]:
    """One panel: of each change first what was, then what is. `left` is the left text."""
    return list(_lines(found, left, _one_panel))


def side_by_side(found: Diff, left: str) -> list[DiffLine]:
    """Two panels: what was, what is. `left` is the left text."""
    return list(_lines(found, left, _two_panels))


def numbered(text: str, marks: Iterable[Mark] = ()) -> list[DiffLine]:
    """A text alone, in one panel with line numbers; places in it can be marked."""
    marked: dict[int, list[Mark]] = {}
    for mark in marks:
        marked.setdefault(mark.line, []).append(mark)
    lines = text.removesuffix("\n").split("\n") if text else []
    return [
        DiffLine(panels=(Panel(left=number, pieces=tuple(_marked(line, marked.get(number, ())))),))
        for number, line in enumerate(lines, 1)
    ]


def _marked(line: str, marks: Sequence[Mark]) -> Iterator[Piece]:
    at = column = 0
    for mark in sorted(marks, key=lambda each: each.column):
        start, end = mark.column - 1, mark.column - 1 + mark.length
        for text, look in ((line[at:start], Look.EQUAL), (line[start:end], Look.MARKED)):
            shown = printable(text, column)
            column += cells(shown)
            yield Piece(shown, look)
        at = end
    yield Piece(printable(line[at:], column), Look.EQUAL)


def line_count(text: str) -> int:
    """How many lines a text has; a last one without line feed counts."""
    return text.count("\n") + (not text.endswith("\n") and text != "")


def changes(lines: Sequence[DiffLine]) -> list[int]:
    """The index of the first line of each change."""
    firsts: dict[int, int] = {}
    for at, line in enumerate(lines):
        if line.changed:
            firsts.setdefault(line.changed, at)
    return list(firsts.values())


Panels = tuple[Panel | None, ...]


def _lines(found: Diff, left: str, layout: Callable[[Sequence[Row]], Iterator[Panels]]) -> Iterator[DiffLine]:
    texts = left.removesuffix("\n").split("\n") if left else []
    seen = right_seen = number = 0
    for hunk in found.hunks:
        begin = hunk.left_start - (1 if hunk.left_count else 0)
        yield from _between(texts, seen, begin, right_seen - seen, layout)
        seen = begin + hunk.left_count
        right_seen = hunk.right_start - (1 if hunk.right_count else 0) + hunk.right_count
        for equal, run in groupby(hunk.rows, key=lambda row: row.op is Op.EQUAL):
            number += not equal
            for panels in layout(list(run)):
                yield DiffLine(panels=panels, changed=0 if equal else number)
    yield from _between(texts, seen, len(texts), right_seen - seen, layout)


def _between(
    texts: Sequence[str], start: int, end: int, shift: int, layout: Callable[[Sequence[Row]], Iterator[Panels]]
) -> Iterator[DiffLine]:
    """Equal lines outside of the hunks: folded, unless so few that folding them would save nothing."""
    if end - start > _FEW:
        yield DiffLine(folded=end - start)
        return
    for at in range(start, end):
        spans = (Span(text=texts[at]),)
        left, right = Line(number=at + 1, spans=spans), Line(number=at + 1 + shift, spans=spans)
        for panels in layout([Row(op=Op.EQUAL, left=left, right=right)]):
            yield DiffLine(panels=panels)


def _two_panels(rows: Sequence[Row]) -> Iterator[Panels]:
    for row in rows:
        left_sign, right_sign = ("~", "~") if row.op is Op.REPLACE else ("-", "+")
        yield _left(row, left_sign), _right(row, right_sign)


def _one_panel(rows: Sequence[Row]) -> Iterator[Panels]:
    if rows[0].op is Op.EQUAL:
        for row in rows:
            yield (_both(row),)
        return
    for row in rows:
        if row.left is not None:
            yield (_left(row, "-"),)
    for row in rows:
        if row.right is not None:
            yield (_right(row, "+"),)


def _left(row: Row, sign: str) -> Panel | None:
    if row.left is None:
        return None
    if row.op is Op.EQUAL:
        return Panel(left=row.left.number, pieces=_pieces(row.left, Look.EQUAL, Look.EQUAL))
    return Panel(
        left=row.left.number,
        sign=sign,
        look=Look.REMOVED,
        pieces=_pieces(row.left, Look.REMOVED, Look.REMOVED_WORD),
    )


def _right(row: Row, sign: str) -> Panel | None:
    if row.right is None:
        return None
    if row.op is Op.EQUAL:
        return Panel(right=row.right.number, pieces=_pieces(row.right, Look.EQUAL, Look.EQUAL))
    return Panel(
        right=row.right.number,
        sign=sign,
        look=Look.ADDED,
        pieces=_pieces(row.right, Look.ADDED, Look.ADDED_WORD),
    )


def _both(row: Row) -> Panel | None:
    if row.left is None or row.right is None:
        return None
    return Panel(left=row.left.number, right=row.right.number, pieces=_pieces(row.right, Look.EQUAL, Look.EQUAL))


def _pieces(line: Line, look: Look, word: Look) -> tuple[Piece, ...]:
    """The printable pieces of a line; that it lacks its line feed, and so differs, is said at its end."""
    pieces: list[Piece] = []
    column = 0
    for span in line.spans:
        text = printable(span.text, column)
        column += cells(text)
        pieces.append(Piece(text, word if span.changed else look))
    if not line.newline and look is not Look.EQUAL:
        pieces.append(Piece(NO_NEWLINE, Look.NOTE))
    return tuple(pieces)
