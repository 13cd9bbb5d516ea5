"""How a table's columns share the width of a screen: which are shown, how wide each is, and what fits in it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.view.labels import FILL, Cell
from console.view.pieces import Piece, cells, window

GAP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. `width` is what it needs at least, in cells; `flex` its share of what is left over (0: none).

    `keep` says how dear it is: where the width does not suffice for all, those with the smallest go first. `most` is
    beyond what it never grows (0: without limit).
    """

    key: str
    title: str
    width: int
    flex: int = 0
    keep: int = 0
    most: int = 0
    right: bool = False


Widths = tuple[tuple[Column, int], ...]


def share(columns: Sequence[Column], width: int) -> Widths:
    """The columns that fit into `width` cells, each with its width; the dearest is shown whatever the width is."""
    shown = _affordable(columns, width)
    widths = {column.key: column.width for column in shown}
    left = width - sum(widths.values()) - GAP * max(0, len(shown) - 1)
    if left < 0 and shown:
        widths[shown[0].key] = max(1, widths[shown[0].key] + left)
    growing = [column for column in shown if column.flex]
    while left > 0 and growing:
        growing = [column for column in growing if not column.most or widths[column.key] < column.most]
        if growing:
            left = _grow(growing, widths, left)
    return tuple((column, widths[column.key]) for column in shown)


def _affordable(columns: Sequence[Column], width: int) -> list[Column]:
    chosen: list[Column] = []
    used = -GAP
    for column in sorted(columns, key=lambda each: -each.keep):
        if chosen and used + GAP + column.width > width:
            continue
        chosen.append(column)
        used += GAP + column.width
    return [column for column in columns if column in chosen]


def _grow(growing: Sequence[Column], widths: dict[str, int], left: int) -> int:
    """Give what is left to the growing columns by their shares; gives what could not be given away."""
    parts = sum(column.flex for column in growing)
    given = 0
    for column in growing:
        given += _widen(column, widths, left * column.flex // parts)
    if not given:  # less is left than there are shares: it goes to the column with the most
        given = _widen(max(growing, key=lambda column: column.flex), widths, left)
    return left - given


def _widen(column: Column, widths: dict[str, int], more: int) -> int:
    """Widen a column as far as it may grow; gives by how much."""
    if column.most:
        more = max(0, min(more, column.most - widths[column.key]))
    widths[column.key] += more
    return more


def fitted(given: Cell, width: int, right: bool, cut: str) -> list[Piece]:
    """A cell in exactly `width` cells: cut with a mark, or filled with blanks."""
    if FILL in given:
        at = given.index(FILL)
        end = list(given[at + 1 :])
        room = width - sum(cells(piece.text) for piece in end) - 1
        if room > 0:
            return [*fitted(given[:at], room, right=False, cut=cut), Piece(" "), *end]
        given = given[:at]
    size = sum(cells(piece.text) for piece in given)
    if size <= width:
        blank = Piece(" " * (width - size))
        return [blank, *given] if right else [*given, blank]
    return _cut(given, width, cut)


def _cut(given: Cell, width: int, cut: str) -> list[Piece]:
    kept: list[Piece] = []
    left = width - 1
    for piece in given:
        first, last = window(piece.text, 0, left)
        part = piece.text[first:last] if left else ""
        kept.append(Piece(part, piece.look))
        left -= cells(part)
        if part != piece.text:
            break
    return [*kept, Piece(cut + " " * left, kept[-1].look)]
