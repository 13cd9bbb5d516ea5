"""The looks of what only logs, texts and diffs have, for each theme; every other name is a role (`console.paint`).

A changed line differs in background, a changed word in it in weight and underline as well: on a terminal without
colours, or to eyes that do not tell red from green, signs and underlines remain.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style

from console import paint
from console.paint import DARK, LIGHT, SAFE, SAFE_LIGHT, SIXTEEN
from console.view.diff_lines import Look
from console.view.highlight import Token
from console.view.pieces import Piece

FOUND = "found"
FOUND_HERE = "found-here"
GUTTER = "gutter"
FOLD = "fold"
WRONG = "code-wrong"

_LOOKS: Mapping[str, Mapping[str, str]] = {
    DARK: {
        FOUND: "#12161c on #d8a657",
        FOUND_HERE: "bold #12161c on #f2c879",
        GUTTER: "#5b6675",
        FOLD: "#8b95a5 on #181d25",
        Look.EQUAL: "#d5d9e0",
        Look.NOTE: "italic #8b95a5",
        Look.MARKED: "bold underline #d8a657",
        Look.REMOVED: "#e6cdd0 on #33202a",
        Look.ADDED: "#cfe3cb on #1c2f26",
        Look.REMOVED_WORD: "bold underline #ffdadd on #6d2c3a",
        Look.ADDED_WORD: "bold underline #e2ffdb on #2c6039",
        Look.REMOVED_SIGN: "bold #f07178 on #33202a",
        Look.ADDED_SIGN: "bold #86b97a on #1c2f26",
        Token.KEY: "#7fb4e0",
        Token.STRING: "#a5c48f",
        Token.NUMBER: "#d8a657",
        Token.WORD: "#c49bd8",
        Token.COMMENT: "italic #8b95a5",
        Token.PLACEHOLDER: "bold #e6b673",
        Token.EXPRESSION: "bold #8fc7c0",
        WRONG: "underline #f07178",
    },
    LIGHT: {
        FOUND: "#20262e on #ffd87a",
        FOUND_HERE: "bold #000000 on #ffbf29",
        GUTTER: "#9aa3ad",
        FOLD: "#5c6672 on #f0f1f2",
        Look.EQUAL: "#20262e",
        Look.NOTE: "italic #5c6672",
        Look.MARKED: "bold underline #8a5a00",
        Look.REMOVED: "#5c1e1e on #fbe7e7",
        Look.ADDED: "#1d4a22 on #e6f4e6",
        Look.REMOVED_WORD: "bold underline #4a0f0f on #f2b8b8",
        Look.ADDED_WORD: "bold underline #0f3a15 on #aadcae",
        Look.REMOVED_SIGN: "bold #b3261e on #fbe7e7",
        Look.ADDED_SIGN: "bold #2f6f33 on #e6f4e6",
        Token.KEY: "#0b5a8c",
        Token.STRING: "#2f6f33",
        Token.NUMBER: "#8a5a00",
        Token.WORD: "#7b3f98",
        Token.COMMENT: "italic #5c6672",
        Token.PLACEHOLDER: "bold #8a4b00",
        Token.EXPRESSION: "bold #17625a",
        WRONG: "underline #b3261e",
    },
    SIXTEEN: {
        FOUND: "reverse",
        FOUND_HERE: "bold reverse",
        GUTTER: "dim",
        FOLD: "dim",
        Look.EQUAL: "",
        Look.NOTE: "dim",
        Look.MARKED: "bold underline yellow",
        Look.REMOVED: "red",
        Look.ADDED: "green",
        Look.REMOVED_WORD: "bold underline red",
        Look.ADDED_WORD: "bold underline green",
        Look.REMOVED_SIGN: "bold red",
        Look.ADDED_SIGN: "bold green",
        Token.KEY: "cyan",
        Token.STRING: "green",
        Token.NUMBER: "yellow",
        Token.WORD: "magenta",
        Token.COMMENT: "dim",
        Token.PLACEHOLDER: "bold yellow",
        Token.EXPRESSION: "bold cyan",
        WRONG: "underline red",
    },
}

_SAFE_LOOKS: Mapping[str, Mapping[str, str]] = {
    SAFE: {
        **_LOOKS[DARK],
        Look.REMOVED: "#f6dcc4 on #3a2414",
        Look.ADDED: "#cfe1f7 on #16283f",
        Look.REMOVED_WORD: "bold underline #ffe3c8 on #7a4413",
        Look.ADDED_WORD: "bold underline #dcebff on #1f4f86",
        Look.REMOVED_SIGN: "bold #ff9d3c on #3a2414",
        Look.ADDED_SIGN: "bold #7cc4f5 on #16283f",
    },
    SAFE_LIGHT: {
        **_LOOKS[LIGHT],
        Look.REMOVED: "#5c2a00 on #fbeadb",
        Look.ADDED: "#0b3358 on #e2eefa",
        Look.REMOVED_WORD: "bold underline #4a2000 on #f5c79d",
        Look.ADDED_WORD: "bold underline #06294a on #a9cdf0",
        Look.REMOVED_SIGN: "bold #b34700 on #fbeadb",
        Look.ADDED_SIGN: "bold #00548c on #e2eefa",
    },
}
LOOKS = {**_LOOKS, **_SAFE_LOOKS}


@lru_cache(256)
def look(theme: str, name: str) -> Style:
    """The style of a role or of one of the looks here, in a theme; of a theme that is not ours, as in the dark one.

    No name is no style.
    """
    if not name:
        return Style.null()
    own = LOOKS.get(theme, LOOKS[DARK]).get(name)
    return paint.look(theme, name) if own is None else Style.parse(own)


def segments(pieces: Iterable[Piece], theme: str, over: Style | None = None) -> list[Segment]:
    """Pieces as segments of a strip; `over` is laid over each, as for the line under the cursor."""
    if over is None:
        return [Segment(text, look(theme, name)) for text, name in pieces]
    return [Segment(text, _both(look(theme, name), over)) for text, name in pieces]


def _both(style: Style, over: Style) -> Style:
    """A style under another: what has a background of its own keeps it, so that it is still seen.

    An `over` that reverses takes the colours away, for reversed each would be a patch of its own; what is reversed
    itself then stands out by not being it.
    """
    if not over.reverse:
        return style if style.bgcolor is not None else style + over
    if style.reverse:
        return Style(bold=True, underline=True)
    return over + Style(bold=True) if style.bold else over
