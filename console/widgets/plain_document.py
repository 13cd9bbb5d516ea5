"""A text on its way through Textual's editor, kept byte for byte.

Textual's own document takes a form feed or a Unicode line separator for the end of a line, and writes a line feed in
its place. Here a line ends as the text says: with CR LF if each of its lines does, else with LF, and any other
character stays where it is.
"""

import re
from functools import lru_cache

from textual.document._document import Document, EditResult, Location
from textual.document._wrapped_document import WrappedDocument
from textual.geometry import Size

from console.view.pieces import cells

_LONE_FEED = re.compile(r"(?<!\r)\n")


class PlainDocument(Document):
    """Lines of a text."""

    def __init__(self, text: str) -> None:
        super().__init__("")
        is_dos = "\r\n" in text and _LONE_FEED.search(text) is None
        self._newline = "\r\n" if is_dos else "\n"
        self._lines = text.split(self._newline)
        self._text: str | None = text

    @property
    def text(self) -> str:
        """All of it."""
        if self._text is None:
            self._text = self._newline.join(self._lines)
        return self._text

    def replace_range(self, start: Location, end: Location, text: str) -> EditResult:
        """Put a text in the place of a part."""
        self._text = None
        (top, left), (bottom, right) = sorted((start, end))
        replaced = self.get_text_range((top, left), (bottom, right))
        put = text.replace("\r\n", "\n").split("\n") if self._newline == "\r\n" else text.split("\n")
        head = self._lines[top][:left] if top < len(self._lines) else ""
        tail = self._lines[bottom][right:] if bottom < len(self._lines) else ""
        put[0] = head + put[0]
        column = len(put[-1])
        put[-1] += tail
        self._lines[top : bottom + 1] = put
        return EditResult((top + len(put) - 1, column), replaced)

    def get_size(self, tab_width: int) -> Size:
        """How many cells wide and how many lines high it is."""
        return Size(max((_width(line, tab_width) for line in self._lines), default=0), len(self._lines))


class Wrapped(WrappedDocument):
    """Where the lines of a text are on the screen."""

    @property
    def height(self) -> int:
        """How many lines of the screen it takes. Textual counts them all again for each line that it paints."""
        return len(self._offset_to_line_info)


@lru_cache(50_000)
def _width(line: str, tab_width: int) -> int:
    return cells(line.expandtabs(tab_width))
