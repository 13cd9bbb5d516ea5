"""Lines that can be folded, searched and copied from, on the line API: only those in the window are painted."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from console import looks, paint
from console.view.json_lines import DetailLine
from console.view.labels import Symbols
from console.view.pieces import Piece, between, visible
from console.widgets.moving import Moving

GUTTER = 2


class DetailsView(Moving, can_focus=True):
    """The lines of one thing, with a cursor. Lines count from 0."""

    DEFAULT_CSS = """
    DetailsView {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    @dataclass
    class Turned(Message):
        """Something is to be folded or unfolded, by its path."""

        view: "DetailsView"
        path: str

        @property
        def control(self) -> "DetailsView":
            """The view."""
            return self.view

    class Moved(Message):
        """Something to be said about it has changed: what is searched, or where the cursor is."""

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.symbols = symbols
        self.needle = ""
        self._lines: Sequence[DetailLine] = ()
        self._cursor = 0

    @property
    def lines(self) -> Sequence[DetailLine]:
        """What is shown."""
        return self._lines

    def show(self, lines: Sequence[DetailLine], *, anew: bool = False) -> None:
        """Show lines; `anew` are those of another thing, seen from the beginning."""
        if not anew and lines == self._lines:
            return
        self._lines = lines
        self._cursor = 0 if anew else max(0, min(self._cursor, len(lines) - 1))
        self.virtual_size = Size(self.size.width, len(lines))
        if anew:
            self.scroll_to(y=0, animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    @property
    def current(self) -> DetailLine | None:
        """The line under the cursor."""
        return self._lines[self._cursor] if self._lines else None

    # Moving about

    @property
    def place(self) -> int:
        """The line under the cursor."""
        return self._cursor

    @property
    def last(self) -> int:
        """The last line."""
        return len(self._lines) - 1

    @property
    def page(self) -> int:
        """How many lines there is room for."""
        return max(1, self.size.height)

    def move(self, place: int) -> None:
        """Put the cursor on a line."""
        place = max(0, min(place, self.last))
        if self._lines and place != self._cursor:
            self._cursor = place
            top = self.scroll_offset.y
            if place < top or place >= top + self.page:
                self.scroll_to(y=place if place < top else place - self.page + 1, animate=False, force=True)
            self.refresh()
            self.post_message(self.Moved())

    def action_open(self) -> None:
        """Fold what is under the cursor, or unfold it."""
        if self.current is not None and self.current.fold:
            self.post_message(self.Turned(self, self.current.fold))

    # Searching

    def search(self, needle: str) -> None:
        """Look for a text, and go to the nearest line from the cursor on that has it."""
        self.needle = needle.lower()
        if self.needle and not self._has(self._cursor):
            self.next(1)
        self.refresh()
        self.post_message(self.Moved())

    def _has(self, place: int) -> bool:
        return self.needle in self._lines[place].text.lower() if self._lines else False

    @property
    def matches(self) -> tuple[int, int]:
        """Which line with a match the cursor is on, counted from 1 (0: none), and how many there are."""
        found = [at for at in range(len(self._lines)) if self.needle and self._has(at)]
        return (found.index(self._cursor) + 1 if self._cursor in found else 0), len(found)

    def next(self, step: int) -> None:
        """The next line that has what is searched (1), or the one before (-1); around the ends."""
        for distance in range(1, len(self._lines) + 1) if self.needle else ():
            at = (self._cursor + step * distance) % len(self._lines)
            if self._has(at):
                self.move(at)
                return

    # What is drawn

    def render_line(self, y: int) -> Strip:
        """One line."""
        width, place = self.size.width, self.scroll_offset.y + y
        if place >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        at_cursor = place == self._cursor
        mark = f"{self.symbols.cursor} " if at_cursor else " " * GUTTER
        return (
            Strip(self._segments(place, mark, at_cursor=at_cursor))
            .adjust_cell_length(width)
            .apply_style(self.rich_style)
        )

    def _segments(self, place: int, mark: str, *, at_cursor: bool) -> list[Segment]:
        width, theme = self.size.width, self.app.theme
        pieces = visible(self._found(self._lines[place]), 0, width - GUTTER, self.symbols.ellipsis)
        over = None
        if at_cursor:
            over = paint.look(theme, paint.CURSOR if self.has_focus else paint.CURSOR_BLURRED)
            pieces.append(Piece(" " * width))
        return looks.segments([Piece(mark, "strong"), *pieces], theme, over)

    def _found(self, line: DetailLine) -> list[Piece]:
        """The pieces of a line, with what is searched marked."""
        text = line.text.lower()
        at = text.find(self.needle) if self.needle else -1
        if at < 0 or len(text) != len(line.text):
            return list(line.pieces)
        end = at + len(self.needle)
        return [
            *between(line.pieces, 0, at),
            Piece(line.text[at:end], looks.FOUND),
            *between(line.pieces, end),
        ]

    # What Textual tells

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show by the cursor's colour whether keys come here."""
        super().watch_has_focus(has_focus)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a line; on the line it is on already, fold it."""
        place = self.scroll_offset.y + event.y
        if place == self._cursor:
            self.action_open()
        elif place < len(self._lines):
            self.move(place)
