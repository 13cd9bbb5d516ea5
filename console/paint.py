"""What roles look like: the themes, and a style for each role.

Dark and light in full colour; each once more in colours that differ also to eyes which do not tell red from green
(blue, yellow and orange, after Okabe and Ito); and one of the terminal's own sixteen colours for terminals that have
no more and for NO_COLOR (there Textual takes the colours away, and bold, dim, underline and reverse remain).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.theme import Theme
from textual.widget import Widget

from console.view.labels import Role
from console.view.pieces import Piece

DARK, LIGHT, SIXTEEN = "pureboot", "pureboot-light", "pureboot-16"
SAFE, SAFE_LIGHT = "pureboot-safe", "pureboot-safe-light"

_THEMES = (
    Theme(
        name=DARK,
        primary="#62b0d9",
        secondary="#8b95a5",
        accent="#62b0d9",
        foreground="#d5d9e0",
        background="#12161c",
        surface="#181d25",
        panel="#202732",
        success="#86b97a",
        warning="#d8a657",
        error="#f07178",
        dark=True,
        variables={
            "block-cursor-foreground": "#ffffff",
            "block-cursor-background": "#29405a",
            "block-cursor-text-style": "none",
            "input-cursor-background": "#d5d9e0",
            "input-cursor-foreground": "#12161c",
            "input-selection-background": "#29405a",
            "scrollbar": "#323c4a",
            "scrollbar-hover": "#45536a",
            "scrollbar-active": "#62b0d9",
            "scrollbar-background": "#12161c",
            "scrollbar-background-hover": "#12161c",
            "scrollbar-background-active": "#12161c",
            "scrollbar-corner-color": "#12161c",
            "border": "#62b0d9",
            "border-blurred": "#323c4a",
            "muted": "#8b95a5",
        },
    ),
    Theme(
        name=LIGHT,
        primary="#0b6590",
        secondary="#5c6672",
        accent="#0b6590",
        foreground="#20262e",
        background="#fbfbfa",
        surface="#f0f1f2",
        panel="#e4e7ea",
        success="#2f6f33",
        warning="#8a5a00",
        error="#b3261e",
        dark=False,
        variables={
            "block-cursor-foreground": "#000000",
            "block-cursor-background": "#cfe3f0",
            "block-cursor-text-style": "none",
            "input-cursor-background": "#20262e",
            "input-cursor-foreground": "#fbfbfa",
            "scrollbar": "#c3c9d0",
            "scrollbar-background": "#fbfbfa",
            "scrollbar-corner-color": "#fbfbfa",
            "border": "#0b6590",
            "border-blurred": "#c3c9d0",
            "muted": "#5c6672",
        },
    ),
    Theme(
        name=SIXTEEN,
        ansi=True,
        primary="ansi_cyan",
        secondary="ansi_default",
        accent="ansi_cyan",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        success="ansi_green",
        warning="ansi_yellow",
        error="ansi_red",
        dark=True,
        variables={
            "block-cursor-foreground": "ansi_black",
            "block-cursor-background": "ansi_white",
            "input-cursor-background": "ansi_white",
            "input-cursor-foreground": "ansi_black",
            "input-selection-background": "ansi_white",
            "input-selection-foreground": "ansi_black",
            "ansi-background": "ansi_default",
            "ansi-foreground": "ansi_default",
            "border": "ansi_cyan",
            "border-blurred": "ansi_default",
            "muted": "ansi_default",
        },
    ),
)
_DARK, _LIGHT, _SIXTEEN = _THEMES
THEMES = (
    _DARK,
    _LIGHT,
    replace(_DARK, name=SAFE, success="#7cc4f5", warning="#f0e442", error="#ff9d3c"),
    replace(_LIGHT, name=SAFE_LIGHT, success="#00548c", warning="#6b6100", error="#b34700"),
    _SIXTEEN,
)

# The row under the cursor, and a row that is not, are not roles of a piece but of a whole line.
CURSOR, CURSOR_BLURRED, MARKED, HEADING = "cursor", "cursor-blurred", "marked", "heading"
CURRENT_TAB = "current-tab"

_LOOKS: Mapping[str, Mapping[str, str]] = {
    DARK: {
        Role.PLAIN: "#d5d9e0",
        Role.STRONG: "bold #ffffff",
        Role.MUTED: "#8b95a5",
        Role.ACCENT: "#62b0d9",
        Role.GOOD: "#86b97a",
        Role.BUSY: "#62b0d9",
        Role.WARN: "#d8a657",
        Role.BAD: "bold #f07178",
        CURSOR: "on #29405a",
        CURSOR_BLURRED: "on #202732",
        MARKED: "bold #d8a657",
        HEADING: "#8b95a5",
        CURRENT_TAB: "bold #ffffff",
    },
    LIGHT: {
        Role.PLAIN: "#20262e",
        Role.STRONG: "bold #000000",
        Role.MUTED: "#5c6672",
        Role.ACCENT: "#0b6590",
        Role.GOOD: "#2f6f33",
        Role.BUSY: "#0b6590",
        Role.WARN: "#8a5a00",
        Role.BAD: "bold #b3261e",
        CURSOR: "on #cfe3f0",
        CURSOR_BLURRED: "on #e4e7ea",
        MARKED: "bold #8a5a00",
        HEADING: "#5c6672",
        CURRENT_TAB: "bold #000000",
    },
    SIXTEEN: {
        Role.PLAIN: "",
        Role.STRONG: "bold",
        Role.MUTED: "dim",
        Role.ACCENT: "cyan",
        Role.GOOD: "green",
        Role.BUSY: "cyan",
        Role.WARN: "yellow",
        Role.BAD: "bold red",
        CURSOR: "reverse",
        CURSOR_BLURRED: "underline",
        MARKED: "bold yellow",
        HEADING: "underline",
        CURRENT_TAB: "bold underline",
    },
}


_SAFE_LOOKS: Mapping[str, Mapping[str, str]] = {
    SAFE: {
        **_LOOKS[DARK],
        Role.ACCENT: "#a9b8d6",
        Role.GOOD: "#7cc4f5",
        Role.BUSY: "#4d8fe0",
        Role.WARN: "#f0e442",
        Role.BAD: "bold #ff9d3c",
        MARKED: "bold #f0e442",
    },
    SAFE_LIGHT: {
        **_LOOKS[LIGHT],
        Role.ACCENT: "#44506b",
        Role.GOOD: "#00548c",
        Role.BUSY: "#1766bd",
        Role.WARN: "#6b6100",
        Role.BAD: "bold #b34700",
        MARKED: "bold #6b6100",
    },
}
LOOKS = {**_LOOKS, **_SAFE_LOOKS}


@lru_cache(256)
def look(theme: str, role: str) -> Style:
    """The style of a role in a theme; of a theme that is not ours, as in the dark one."""
    return Style.parse(LOOKS.get(theme, LOOKS[DARK])[role or Role.PLAIN])


def style_of(widget: Widget, role: str) -> Style:
    """The style of a role in the theme that a widget is shown in."""
    return look(widget.app.theme, role)


def joined(pieces: Iterable[Piece]) -> list[Piece]:
    """The same line in fewer pieces: blanks look the same in any role, so they join what stands before them.

    Each piece costs some thirty bytes on the way to the terminal. Texts stay apart, so that pictures of the screen keep
    their columns where a font is a little wider or narrower.
    """
    line: list[Piece] = []
    for piece in pieces:
        if line and not piece.text.strip(" "):
            line[-1] = Piece(line[-1].text + piece.text, line[-1].look)
        elif piece.text:
            line.append(piece)
    return line


def under_cursor(pieces: Iterable[Piece], theme: str) -> list[Piece]:
    """A line as it looks under the cursor: of sixteen colours, reversed, none would be a good background."""
    if theme != SIXTEEN:
        return list(pieces)
    bold = (Role.BAD, Role.STRONG, MARKED)
    return [Piece(piece.text, Role.STRONG if piece.look in bold else Role.PLAIN) for piece in pieces]


def segments(pieces: Iterable[Piece], theme: str) -> list[Segment]:
    """A cell as segments of a strip."""
    return [Segment(text, look(theme, role)) for text, role in pieces]


def text(pieces: Iterable[Piece], theme: str) -> Text:
    """A cell as a text for a Static."""
    return Text.assemble(*((part, look(theme, role)) for part, role in pieces), no_wrap=True, overflow="ellipsis")
