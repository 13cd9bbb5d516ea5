"""Text on its way to the screen: made harmless, measured in cells, cut into parts.

What a machine wrote must never reach the terminal as it is: a control character could move the cursor, an override of
the writing direction could make a line read otherwise than it is. `printable` shows them by name instead. Widths are in
terminal cells, of which a character takes none, one or two.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes

TAB = 8
_MARKS = "/,;:&|="  # after which a line may be broken where there is no space
_DELETE = 0x7F


class Piece(NamedTuple):
    """A run of text and its role, or another name that the widget has a look for."""

    text: str
    look: str = ""


def printable(text: str, column: int = 0) -> str:
    """A line that can do nothing to a terminal and says what was in it.

    Tabs become spaces up to the next multiple of 8 (`column` is where the text begins), control characters `^X`, other
    characters that are not printed (of format, private, unassigned) `<U+XXXX>`.
    """
    if text.isprintable():
        return text
    shown: list[str] = []
    for char in text:
        piece = " " * (TAB - column % TAB) if char == "\t" else _named(char)
        shown.append(piece)
        column += len(piece) if piece.isascii() else cell_len(piece)
    return "".join(shown)


def _named(char: str) -> str:
    if char.isprintable():
        return char
    number = ord(char)
    if number < ord(" ") or number == _DELETE:
        return "^" + chr(number ^ 0x40)
    return f"<U+{number:04X}>"


def cells(text: str) -> int:
    """How many cells a printable text takes."""
    return len(text) if text.isascii() else cell_len(text)


def part_count(text: str, width: int) -> int:
    """How many parts `breaks` makes of a printable text; at least one."""
    return 1 if cells(text) <= width else len(breaks(text, width))


@lru_cache(64)
def breaks(text: str, width: int) -> tuple[int, ...]:
    """Where the parts of at most `width` cells begin, as indices of characters; the first is 0.

    They break between words, or else after a mark as in a path, where that leaves no part less than half full. No
    character is cut in two; one that is wider than `width` has a part of its own.
    """
    width = max(1, width)
    starts, used = [0], 0
    if text.isascii():
        while len(text) - starts[-1] > width:
            starts.append(_break(text, starts[-1], starts[-1] + width))
        return tuple(starts)
    for begin, _, size in split_graphemes(text)[0]:
        if used + size > width and begin > starts[-1]:
            starts.append(_break(text, starts[-1], begin))
            used = cells(text[starts[-1] : begin])
        used += size
    return tuple(starts)


def hard_part_count(text: str, width: int) -> int:
    """How many parts `hard_breaks` makes of a printable text; at least one."""
    if text.isascii():
        return max(1, -(-len(text) // max(1, width)))
    return len(hard_breaks(text, width))


def hard_breaks(text: str, width: int) -> tuple[int, ...]:
    """As `breaks`, but wherever the width ends: of very many lines the parts are counted in no time."""
    width = max(1, width)
    if text.isascii():
        return tuple(range(0, len(text), width)) or (0,)
    starts, used = [0], 0
    for begin, _, size in split_graphemes(text)[0]:
        if used + size > width and begin > starts[-1]:
            starts.append(begin)
            used = 0
        used += size
    return tuple(starts)


def _break(text: str, start: int, end: int) -> int:
    """Where to break a text that fits from `start` to before `end`."""
    half = (start + end + 1) // 2
    if text[end] == " ":
        return end
    at = text.rfind(" ", half, end)
    if at < 0:
        at = max(text.rfind(mark, half, end) for mark in _MARKS)
    return end if at < 0 else at + 1


def between(pieces: Iterable[Piece], start: int, end: int | None = None) -> Iterator[Piece]:
    """The part of a line of pieces from one index of characters to another."""
    at = 0
    for text, look in pieces:
        last = len(text) if end is None else end - at
        part = text[max(0, start - at) : max(0, last)]
        if part:
            yield Piece(part, look)
        at += len(text)


def joined(line: Sequence[Piece]) -> Iterator[Piece]:
    """Join what stands together and looks the same."""
    begin = 0
    for at in range(1, len(line) + 1):
        if at == len(line) or line[at].look != line[begin].look:
            yield Piece("".join(piece.text for piece in line[begin:at]), line[begin].look)
            begin = at


def window(text: str, start: int, width: int) -> tuple[int, int]:
    """The indices of the characters that lie whole within `width` cells from cell `start` on."""
    if text.isascii():
        return min(start, len(text)), min(start + width, len(text))
    at, first, last = 0, None, 0
    for begin, end, size in split_graphemes(text)[0]:
        if at >= start and at + size <= start + width:
            first, last = (begin if first is None else first), end
        at += size
    return (len(text), len(text)) if first is None else (first, last)


def fit(text: str, width: int, cut: str = "…") -> str:
    """A printable text in exactly `width` cells: filled with spaces, or cut with a mark of one cell."""
    size = cells(text)
    if size <= width:
        return text + " " * (width - size)
    if width <= 0:
        return ""
    start, end = window(text, 0, width - 1)
    kept = text[start:end] + cut
    return kept + " " * (width - cells(kept))


def visible(pieces: Iterable[Piece], shift: int, width: int, mark: str) -> list[Piece]:
    """What a window of `width` cells shows of a line from cell `shift` on; a mark stands where there is more."""
    line = list(pieces)
    text = "".join(piece.text for piece in line)
    first, last = window(text, shift, width)
    shown = list(between(line, first, last))
    if first > 0 and shown:
        hidden, rest = shown[0].text[0], shown[0].text[1:]
        shown[0] = Piece(mark + " " * (cells(hidden) - 1) + rest, shown[0].look)
    if last < len(text) and shown:
        shown[-1] = Piece(shown[-1].text[:-1] + mark, shown[-1].look)
    return shown
