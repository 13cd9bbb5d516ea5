"""What changed between two texts: one value, shown side by side, as a unified diff or as JSON.

A line ends with a line feed and nothing else; a carriage return belongs to its line. The last line may lack its line
feed, which makes it another line. Rows give back both texts to the byte: each line of the left text is the `left` of
exactly one row, in order, and so on the right; what lies between the hunks is equal. Rows, lines and spans are tuples,
for there are many of them, and a frozen dataclass takes four times as long to make.

Rows that changed stand in hunks with some equal rows around them. Within a hunk a `replace` row holds the two versions
of one line, and the words that changed are marked in both; what the marks leave out reads the same on both sides.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from engine.core.alignment import Aligner, Piece
from engine.core.matching import match

_NO_NEWLINE = "\\ No newline at end of file\n"


class Op(StrEnum):
    """What happened to a row: `equal` and `replace` have both sides, `delete` only a left, `insert` only a right."""

    EQUAL = "equal"
    INSERT = "insert"
    DELETE = "delete"
    REPLACE = "replace"


class Span(NamedTuple):
    """A part of a line; `changed` if the other version of it does not have that (only in a row that is a `replace`)."""

    text: str
    changed: bool = False


class Line(NamedTuple):
    """A line of one text, counted from 1; `newline` is False for a last line without line feed."""

    number: int
    spans: tuple[Span, ...]
    newline: bool = True

    @property
    def text(self) -> str:
        """The line without its line feed."""
        return "".join(span.text for span in self.spans)


class Row(NamedTuple):
    """A line of a side-by-side view."""

    op: Op
    left: Line | None = None
    right: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Changed rows with the equal rows around them.

    The starts are as in a unified diff: the first line's number, or that of the line before if there is none (0 at the
    beginning of a text).
    """

    left_start: int
    left_count: int
    right_start: int
    right_count: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """The difference of two texts; `added` and `removed` count lines, a replaced line in both."""

    hunks: tuple[Hunk, ...]
    added: int
    removed: int

    @property
    def identical(self) -> bool:
        """Whether the texts are the same."""
        return not self.hunks


# Left from and to, right from and to (counted from 0, the end not included).
_Block = tuple[int, int, int, int]


def diff(left: str, right: str, *, context: int = 3) -> Diff:
    """Compare two texts line by line; `context` is how many equal lines are shown around a change."""
    lefts, rights = _lines(left), _lines(right)
    rows = _Rows(lefts, rights)
    hunks = tuple(rows.hunk(blocks, max(0, context)) for blocks in _together(_changed(lefts, rights), max(0, context)))
    changed = [row for hunk in hunks for row in hunk.rows if row.op is not Op.EQUAL]
    return Diff(
        hunks=hunks,
        added=sum(row.right is not None for row in changed),
        removed=sum(row.left is not None for row in changed),
    )


def unified(diff: Diff, left_name: str, right_name: str) -> str:
    """Write a diff as `patch` and `git apply` read it (GNU diffutils, "Detailed Description of Unified Format").

    Empty for identical texts. To be applied by `git apply` the names have to be `a/FILE` and `b/FILE`.
    """
    if diff.identical:
        return ""
    parts = [f"--- {_name(left_name)}\n+++ {_name(right_name)}\n"]
    for hunk in diff.hunks:
        lefts, rights = _range(hunk.left_start, hunk.left_count), _range(hunk.right_start, hunk.right_count)
        parts.append(f"@@ -{lefts} +{rights} @@\n")
        parts.extend(_unified_rows(hunk.rows))
    return "".join(parts)


def as_data(diff: Diff) -> dict[str, object]:
    """The diff as plain JSON values: counts, and hunks with rows and spans, under the names of the fields here."""
    return {
        "identical": diff.identical,
        "added": diff.added,
        "removed": diff.removed,
        "hunks": [
            {
                "left_start": hunk.left_start,
                "left_count": hunk.left_count,
                "right_start": hunk.right_start,
                "right_count": hunk.right_count,
                "rows": [
                    {"op": row.op.value, "left": _line_data(row.left), "right": _line_data(row.right)}
                    for row in hunk.rows
                ],
            }
            for hunk in diff.hunks
        ],
    }


def _lines(text: str) -> list[str]:
    """The lines with their line feeds."""
    *ended, last = text.split("\n")
    return [line + "\n" for line in ended] + ([last] if last else [])


def _changed(lefts: Sequence[str], rights: Sequence[str]) -> Iterator[_Block]:
    """The blocks between lines that are equal."""
    numbers: dict[str, int] = {}
    pairs = match(
        [numbers.setdefault(line, len(numbers)) for line in lefts],
        [numbers.setdefault(line, len(numbers)) for line in rights],
    )
    start = right_start = 0
    for end, right_end in [*pairs, (len(lefts), len(rights))]:
        if start < end or right_start < right_end:
            yield start, end, right_start, right_end
        start, right_start = end + 1, right_end + 1


def _together(blocks: Iterable[_Block], context: int) -> Iterator[list[_Block]]:
    """The blocks whose contexts touch, which belong in one hunk."""
    group: list[_Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * context:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


class _Rows:
    """Makes rows of two texts' lines."""

    def __init__(self, lefts: Sequence[str], rights: Sequence[str]) -> None:
        self._lefts = lefts
        self._rights = rights
        self._aligner = Aligner()

    def hunk(self, blocks: Sequence[_Block], context: int) -> Hunk:
        before = min(context, blocks[0][0])
        after = min(context, len(self._lefts) - blocks[-1][1])
        start, right_start = blocks[0][0] - before, blocks[0][2] - before
        end, right_end = blocks[-1][1] + after, blocks[-1][3] + after
        rows: list[Row] = []
        at, right_at = start, right_start
        for block in blocks:
            rows.extend(self._equal(at, right_at, block[0] - at))
            rows.extend(self._block(block))
            at, right_at = block[1], block[3]
        rows.extend(self._equal(at, right_at, after))
        return Hunk(
            left_start=start + (start < end),
            left_count=end - start,
            right_start=right_start + (right_start < right_end),
            right_count=right_end - right_start,
            rows=tuple(rows),
        )

    def _equal(self, start: int, right_start: int, count: int) -> Iterator[Row]:
        for step in range(count):
            left = _line(start + step, self._lefts[start + step])
            right = left if start == right_start else _line(right_start + step, self._rights[right_start + step])
            yield Row(op=Op.EQUAL, left=left, right=right)

    def _block(self, block: _Block) -> Iterator[Row]:
        start, end, right_start, right_end = block
        lefts, rights = self._lefts[start:end], self._rights[right_start:right_end]
        at = right_at = 0
        for pair, right_pair in [*self._aligner.align(lefts, rights), (len(lefts), len(rights))]:
            for index in range(at, pair):
                yield Row(op=Op.DELETE, left=_line(start + index, lefts[index]))
            for index in range(right_at, right_pair):
                yield Row(op=Op.INSERT, right=_line(right_start + index, rights[index]))
            if pair < len(lefts):
                yield self._replace(start + pair, right_start + right_pair)
            at, right_at = pair + 1, right_pair + 1

    def _replace(self, left: int, right: int) -> Row:
        left_line, right_line = self._lefts[left], self._rights[right]
        pieces, right_pieces = self._aligner.mark(left_line.removesuffix("\n"), right_line.removesuffix("\n"))
        return Row(
            op=Op.REPLACE,
            left=_line(left, left_line, pieces),
            right=_line(right, right_line, right_pieces),
        )


def _line(index: int, line: str, pieces: Sequence[Piece] | None = None) -> Line:
    has_end = line.endswith("\n")
    if pieces is None:
        text = line[:-1] if has_end else line
        return Line(index + 1, (Span(text),) if text else (), has_end)
    return Line(index + 1, tuple([Span(*piece) for piece in pieces]), has_end)


def _unified_rows(rows: Sequence[Row]) -> Iterator[str]:
    for equal, run in groupby(rows, key=lambda row: row.op is Op.EQUAL):
        changed = list(run)
        for row in changed:
            if row.left is not None:
                yield _unified_line(" " if equal else "-", row.left)
        for row in changed:
            if row.right is not None and not equal:
                yield _unified_line("+", row.right)


def _unified_line(sign: str, line: Line) -> str:
    return f"{sign}{line.text}\n" + ("" if line.newline else _NO_NEWLINE)


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


def _name(name: str) -> str:
    """A file name for a header; a tab after it ends a name with spaces, as GNU diff and git write it."""
    plain = "".join(char if char.isprintable() else " " for char in name)
    return f"{plain}\t" if " " in plain else plain


def _line_data(line: Line | None) -> dict[str, object] | None:
    if line is None:
        return None
    spans = [{"text": span.text, "changed": span.changed} for span in line.spans]
    return {"number": line.number, "newline": line.newline, "spans": spans}
