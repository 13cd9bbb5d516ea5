"""What is said while a key waits for the one that follows it: the letters and where they lead. Pure."""

from collections.abc import Sequence

from console.places import PLACES
from console.view.labels import Role
from console.view.pieces import Piece, cells

TOP = "g"
GAP = 3
_MARGIN = 1

Entry = tuple[str, str, str]
"""A letter, what it is for, and the tab it leads to (empty: none)."""


def entries(*, jumps: bool) -> list[Entry]:
    """The letters: the first row, and the places unless a dialog is in front."""
    top = (TOP, "first row", "")
    return [top, *((place.letter, place.name, place.mode) for place in PLACES)] if jumps else [top]


def placed(listed: Sequence[Entry], width: int) -> list[list[tuple[int, Entry]]]:
    """The entries on as few lines as they need, in columns of one width; each with its first cell."""
    step = max(cells(letter) + 1 + cells(name) for letter, name, _ in listed) + GAP
    columns = max(1, (width - 2 * _MARGIN + GAP) // step)
    rows = [listed[at : at + columns] for at in range(0, len(listed), columns)]
    return [[(_MARGIN + at * step, entry) for at, entry in enumerate(row)] for row in rows]


def line(row: Sequence[tuple[int, Entry]], here: str) -> list[Piece]:
    """One line; `here` is the tab in front."""
    pieces: list[Piece] = []
    at = 0
    for first, (letter, name, mode) in row:
        pieces.append(Piece(" " * (first - at)))
        pieces += [Piece(letter, Role.ACCENT), Piece(f" {name}", Role.STRONG if mode == here and mode else Role.MUTED)]
        at = first + cells(letter) + 1 + cells(name)
    return pieces


def entry_at(row: Sequence[tuple[int, Entry]], x: int) -> Entry | None:
    """The entry at a cell of a line."""
    for first, entry in row:
        if first <= x < first + cells(entry[0]) + 1 + cells(entry[1]):
            return entry
    return None
