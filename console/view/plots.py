"""Numbers as small pictures made of characters: sparklines, columns, and spans of time. Pure.

Nothing is told by colour alone: how high something is, is told by the character. What is nothing has the lowest one,
and whatever is more than nothing a higher one.
"""

from collections.abc import Sequence
from itertools import pairwise

from console.view.labels import Cell, Role, Symbols
from console.view.pieces import Piece, cells
from engine.sizes import shown_size

_CALM = 5  # levels of lines that stand close together


def spark(values: Sequence[float], width: int, symbols: Symbols, role: Role, levels: int = 0) -> Cell:
    """The last values in one line, a character each, the newest at the right; where there are fewer, blanks before.

    The largest has the highest character of so many `levels`, of all there are if it is not given.
    """
    shown = values[-width:] if width > 0 else []
    highest = max(shown, default=0)
    pieces = [Piece(" " * (width - len(shown)))] if len(shown) < width else []
    for value in shown:
        level = level_of(value, highest, levels or len(symbols.levels))
        look = role if level else Role.MUTED
        if pieces and pieces[-1].look == look:
            pieces[-1] = Piece(pieces[-1].text + symbols.levels[level], look)
        else:
            pieces.append(Piece(symbols.levels[level], look))
    return tuple(pieces)


def squeezed(values: Sequence[float], width: int) -> list[float]:
    """The same in at most so many values: the largest of each part."""
    if len(values) <= width or width <= 0:
        return list(values)
    edges = [len(values) * at // width for at in range(width + 1)]
    return [max(values[begin:end]) for begin, end in pairwise(edges)]


def change(values: Sequence[float], width: int, symbols: Symbols, role: Role) -> Cell:
    """How values changed: a sparkline from the least to the largest of them. What stayed the same is a flat line, so
    that the eye finds what did not.
    """
    shown = squeezed(values, width)
    least = min(shown, default=0)
    return spark([value - least for value in shown], width, symbols, role, _CALM)


def level_of(value: float, highest: float, levels: int) -> int:
    """Which of so many levels a value has: 0 for nothing, and 1 at least for anything else."""
    if value <= 0 or highest <= 0:
        return 0
    return max(1, min(levels - 1, round(value / highest * (levels - 1))))


def columns(values: Sequence[int], labels: Sequence[str], height: int, symbols: Symbols, role: Role) -> list[Cell]:
    """Columns side by side, the tallest `height` lines high, each with its label below; a scale stands at the left."""
    highest = max(values, default=0)
    wide = max((cells(each) for each in labels), default=1)
    edge = max(len(f"{highest:,}"), 1)
    lines: list[Cell] = []
    for line in range(height, 0, -1):
        mark = f"{highest:,}" if line == height else "0" if line == 1 else ""
        drawn = [Piece(f"{_column(value, highest, height, line, symbols) * wide} ", role) for value in values]
        lines.append((Piece(f"{mark:>{edge}} ", Role.MUTED), *drawn))
    named = [Piece(f"{label:>{wide}} ", Role.MUTED) for label in labels]
    return [*lines, (Piece(" " * (edge + 1)), *named)]


def _column(value: int, highest: int, height: int, line: int, symbols: Symbols) -> str:
    """What a column has in one line, counted from 1 at the bottom; its last line is as full as it is."""
    full = symbols.levels[-1]
    steps = len(symbols.levels) - 1
    filled = 0 if highest <= 0 else value / highest * height * steps
    if value > 0:
        filled = max(1.0, filled)
    here = round(filled) - (line - 1) * steps
    if here >= steps:
        return full
    if here <= 0:
        return symbols.levels[0] if line == 1 else " "
    return symbols.levels[here]


def span(marks: Sequence[float], longest: float, width: int, symbols: Symbols) -> Cell:
    """Three growing values as one bar: solid up to the first, thinner to the second, and thinnest to the third."""
    pieces: list[Piece] = []
    at = 0
    for shade, value, role in zip(symbols.shades, marks, (Role.BUSY, Role.ACCENT, Role.MUTED), strict=True):
        end = 0 if longest <= 0 else min(width, max(at, round(value / longest * width)))
        if shade == symbols.shades[0] and value > 0:
            end = max(1, end)
        pieces.append(Piece(shade * (end - at), role))
        at = end
    return (*(piece for piece in pieces if piece.text), Piece(" " * (width - at)))


def speed(rate: float) -> str:
    """Bytes a second for people: `11.2 MB/s`; empty for nothing."""
    return f"{shown_size(round(rate))}/s" if rate >= 1 else ""
