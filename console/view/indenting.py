"""Where a line begins: what enter, tab, shift+tab and backspace make of the blanks before a text. Pure."""

import re
from collections.abc import Sequence

from console.view.highlight import Manner

WIDTH = 2
_OPENS = re.compile(r"(?::|[|>][+-]?|[{\[(]|\b(?:then|do|else))\s*$")
_ITEM = re.compile(r" *(?:- +)*- +")
_KEY_ITEM = re.compile(r" *(?:- +)+[^\s#:][^#]*?:(?:\s|$)")


def blanks(line: str) -> str:
    """The blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def for_next(line: str, column: int, manner: Manner) -> str:
    """The blanks of the line that enter begins behind a column of this one: as far in as the text above it, and one
    step further below what opens a block.
    """
    before = line[:column]
    begins = blanks(before)
    if not before.strip():
        return begins
    if manner is Manner.YAML and not before.lstrip().startswith("#"):
        item = _ITEM.match(before)
        if item is not None and _KEY_ITEM.match(before):
            begins = " " * item.end()
    is_comment = before.lstrip().startswith("#")
    opens = manner in (Manner.YAML, Manner.JSON, Manner.SHELL) and not is_comment and _OPENS.search(before) is not None
    return begins + " " * WIDTH if opens else begins


def to_next_stop(column: int) -> str:
    """The blanks that tab puts in at a column."""
    return " " * (WIDTH - column % WIDTH)


def deeper(lines: Sequence[str]) -> list[str]:
    """Lines one step further in; empty ones stay empty."""
    return [" " * WIDTH + line if line.strip() else line for line in lines]


def shallower(lines: Sequence[str]) -> list[str]:
    """Lines one step further out, those that are not at the edge."""
    return [line[_less(line) :] for line in lines]


def _less(line: str) -> int:
    if line.startswith("\t"):
        return 1
    spaces = len(line) - len(line.lstrip(" "))
    return min(WIDTH, spaces)


def back(line: str, column: int) -> int:
    """How many characters backspace takes away before a column: of blanks at the edge down to the stop before."""
    before = line[:column]
    if not before or before.strip(" "):
        return min(1, column)
    return (column - 1) % WIDTH + 1
