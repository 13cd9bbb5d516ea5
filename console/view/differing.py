"""Which cells of a line look otherwise than before, so that no others are sent to the terminal. Pure."""

from collections.abc import Sequence

from console.view.pieces import Piece, cells


def difference(before: Sequence[Piece], now: Sequence[Piece]) -> tuple[int, int]:
    """The first cell in which two lines differ, and the one after the last."""
    width = max(_width(before), _width(now))
    if _width(before) != _width(now) or (before and now and before[0].look != now[0].look):
        return 0, width
    return _alike(before, now), width - _alike(before[::-1], now[::-1], backwards=True)


def _width(line: Sequence[Piece]) -> int:
    return sum(cells(piece.text) for piece in line)


def _alike(before: Sequence[Piece], now: Sequence[Piece], *, backwards: bool = False) -> int:
    """How many cells two lines have in common at their beginning, which is their end for lines that are reversed."""
    same = 0
    for old, new in zip(before, now, strict=False):
        if old == new:
            same += cells(new.text)
            continue
        if old.look == new.look:
            step = -1 if backwards else 1
            pairs = enumerate(zip(old.text[::step], new.text[::step], strict=False))
            end = next((at for at, (one, other) in pairs if one != other), min(len(old.text), len(new.text)))
            same += cells(new.text[::step][:end])
        break
    return same
