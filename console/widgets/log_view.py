"""The log of an attempt: follows its end, or stands still while it is read; searched, wrapped, copied.

Text comes in at any rate; the screen sees it a few times a second. While the end is followed there is no cursor; going
up puts one on a line, and what arrives then is only counted. Reaching the end again follows it again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer

from console import looks, paint
from console.view.labels import Role, Symbols
from console.view.log_buffer import MAX_LINES, LogBuffer
from console.view.pieces import Piece, between, hard_breaks, visible
from console.widgets.seen import is_seen
from console.widgets.wrapped_rows import WrappedRows

PAINT_SECONDS = 0.25
"""How long what arrives may wait to be shown together with what comes after it."""

UNSEEN_SECONDS = 1.0
"""How long it waits to look again whether somebody sees it."""

MOST_AT_ONCE = 256 * 1024
"""How many characters are taken in one go; after a moment in which keys are heard the next follow."""

MOMENT = 0.01
GUTTER = 2


class LogView(WrappedRows):
    """Lines of a log. Numbers of lines count from 0, from the log's beginning."""

    follows = reactive(True, init=False)

    @dataclass
    class Moved(Message):
        """Something to be said about the log has changed: its length, what is followed, searched or chosen."""

        log: "LogView"

        @property
        def control(self) -> "LogView":
            """The log."""
            return self.log

    def __init__(self, symbols: Symbols, *, limit: int = MAX_LINES, id: str | None = None) -> None:  # noqa: A002
        super().__init__(symbols, id=id)
        self._limit = limit
        self._buffer = LogBuffer(limit)
        self._waiting: list[str] = []
        self._timer: Timer | None = None
        self._steers = False
        self._cursor = 0
        self._anchor: int | None = None
        self._seen = 0
        self.paints = 0

    # What there is

    @property
    def lines(self) -> int:
        """How many lines the log has had."""
        return self._buffer.end

    @property
    def dropped(self) -> int:
        """How many of its first lines are no longer here."""
        return self._buffer.first

    @property
    def unseen(self) -> int:
        """How many lines have come since it stands still."""
        return 0 if self.follows else self._buffer.end - self._seen

    @property
    def needle(self) -> str:
        """What is searched."""
        return self._buffer.needle

    @property
    def matches(self) -> tuple[int, int]:
        """Which match the cursor is on (0: none), and how many there are."""
        return (0 if self.follows else self._buffer.rank(self._cursor)), self._buffer.matches

    @property
    def chosen(self) -> tuple[int, int]:
        """The lines to copy, from the first to before the last: those marked, else that of the cursor, else all."""
        if self.follows:
            return self._buffer.first, self._buffer.end
        anchor = self._cursor if self._anchor is None else self._anchor
        return min(anchor, self._cursor), max(anchor, self._cursor) + 1

    @property
    def marked(self) -> int:
        """How many lines are marked."""
        first, last = self.chosen
        return 0 if self._anchor is None else last - first

    def text(self, start: int, end: int) -> str:
        """The lines from one number to before another, as they are shown."""
        return self._buffer.text(start, end)

    # What comes in

    @property
    def waiting(self) -> bool:
        """Whether something has come that is not shown yet."""
        return bool(self._waiting)

    def clear(self) -> None:
        """Begin with another log; what is searched stays."""
        needle = self._buffer.needle
        self._buffer = LogBuffer(self._limit)
        self._buffer.search(needle)
        self._waiting.clear()
        self._cursor, self._anchor, self._seen = 0, None, 0
        self.follows = True
        self.lay_out()
        self.post_message(self.Moved(self))

    def append(self, text: str) -> None:
        """Add text, soon to be seen."""
        self._waiting.append(text)
        if self._timer is None:
            self._take()

    def _take(self) -> None:
        """Show what has arrived; what arrives in the next moment waits for its end."""
        self._timer = None
        if not self._waiting:
            return
        if not is_seen(self) or not self.size.width:  # covered by another screen, or hidden on this one
            self._timer = self.set_timer(UNSEEN_SECONDS, self._take)
            return
        taken, size = 0, 0
        while taken < len(self._waiting) and size < MOST_AT_ONCE:
            size += len(self._waiting[taken])
            taken += 1
        text = "".join(self._waiting[:taken])
        del self._waiting[:taken]
        self._timer = self.set_timer(MOMENT if self._waiting else PAINT_SECONDS, self._take)
        self._add(text)

    def _add(self, text: str) -> None:
        buffer = self._buffer
        before = buffer.first
        done = buffer.append(text)
        kept = done.changed - before
        gone = min(done.dropped, kept)
        if self.wraps:
            while len(self._heights) > kept:
                self._heights.pop()
            gone = self._heights.drop(gone)
            self._heights.extend(buffer.heights(self._width, done.changed))
        self._set_height()
        self._stay(gone, done.changed)
        self.post_message(self.Moved(self))

    def _stay(self, gone: int, changed: int) -> None:
        """Go to the end, or stay with the lines that are read although `gone` lines above them went."""
        if self.follows:
            self._scroll_to_end()
            return
        self._cursor = max(self._cursor, self._buffer.first)
        if gone:
            self.move_to(max(0, self.scroll_offset.y - gone))
        if gone or self.line_of(changed - self._buffer.first) < self.scroll_offset.y + self.size.height:
            self.refresh()

    def _scroll_to_end(self) -> None:
        self.move_to(self.height_of_all)
        self.refresh()

    # What is drawn

    @property
    def _width(self) -> int:
        return max(1, self.size.width - GUTTER)

    def row_count(self) -> int:
        """How many lines there are."""
        return len(self._buffer)

    def row_heights(self) -> Iterable[int]:
        """How many lines of the screen each needs."""
        return self._buffer.heights(self._width)

    def paint_row(self, row: int, part: int) -> list[Segment]:
        """A line: in the gutter whether it is chosen or goes on from above, then its text with what was found."""
        self.paints += 1
        number = self._buffer.first + row
        pieces = list(self._pieces(number))
        if self.wraps:
            starts = hard_breaks(self._buffer.line(number), self._width)
            part = min(part, len(starts) - 1)  # painted once for a new width before it is laid out for that
            end = starts[part + 1] if part + 1 < len(starts) else None
            pieces = list(between(pieces, starts[part], end))
        else:
            pieces = visible(pieces, self.shift, self._width, self.symbols.ellipsis)
        first, last = self.chosen
        is_chosen = not self.follows and first <= number < last
        theme = self.app.theme
        over = None
        if is_chosen:
            over = paint.look(theme, paint.CURSOR if self.has_focus else paint.CURSOR_BLURRED)
            pieces.append(Piece(" " * self._width))
        at_cursor = is_chosen and number == self._cursor
        gutter = Piece(self._mark(part, at_cursor), Role.STRONG if at_cursor else looks.GUTTER)
        return looks.segments([gutter, *pieces], theme, over)

    def _mark(self, part: int, at_cursor: bool) -> str:
        mark = " " if part == 0 else self.continued
        return f"{self.symbols.cursor if at_cursor and part == 0 else mark} "

    def _pieces(self, number: int) -> Iterator[Piece]:
        line = self._buffer.line(number)
        here = looks.FOUND_HERE if not self.follows and number == self._cursor else looks.FOUND
        at = 0
        for start, end in self._buffer.found_in(line):
            yield Piece(line[at:start], Role.PLAIN)
            yield Piece(line[start:end], here)
            at = end
        yield Piece(line[at:], Role.PLAIN)

    # Moving about

    def move_to(self, line: int) -> None:
        """Let the window begin with a line; that this is not where the end is does not end following it."""
        self._steers = True
        try:
            super().move_to(line)
        finally:
            self._steers = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stand still when somebody scrolls away from the end, and follow it again when they come back."""
        super().watch_scroll_y(old_value, new_value)
        if not self._steers and round(old_value) != round(new_value):
            self._cursor = self._within_window(self._cursor)
            self.follows = self.is_vertical_scroll_end

    def _within_window(self, number: int) -> int:
        top = self.scroll_offset.y
        first = self._buffer.first + self.row_at(top)[0]
        last = self._buffer.first + self.row_at(top + max(1, self.size.height) - 1)[0]
        return max(first, min(number, last, self._buffer.end - 1))

    def watch_follows(self) -> None:
        """Begin to count what comes, or go to the end."""
        if self.follows:
            self._anchor = None
            self._scroll_to_end()
        else:
            self._seen = self._buffer.end
            self.refresh()
        self.post_message(self.Moved(self))

    def on_resize(self, event: events.Resize) -> None:
        """Wrap for the new width; stay at the end if it is followed."""
        super().on_resize(event)
        if self.follows:
            self._scroll_to_end()

    def go_to(self, number: int) -> None:
        """Put the cursor on a line, and show it; stands still there, unless a step down from the last line is meant."""
        if not self._buffer:
            return
        if number >= self._buffer.end and self._anchor is None:
            self.follows = True
            return
        self._cursor = max(self._buffer.first, min(number, self._buffer.end - 1))
        self.follows = False
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self))

    def _show_cursor(self) -> None:
        row = self._cursor - self._buffer.first
        first, after = self.line_of(row), self.line_of(row + 1)
        top, height = self.scroll_offset.y, self.size.height
        if first < top:
            self.move_to(first)
        elif after > top + height:
            self.move_to(after - height)

    def _step(self, lines: int) -> None:
        at = self._buffer.end - 1 if self.follows else self._cursor
        if self.follows and lines > 0:
            return
        self.go_to(max(at + lines, self._buffer.first))

    def action_down(self) -> None:
        """The next line; below the last, follow the end."""
        self._step(1)

    def action_up(self) -> None:
        """The line above."""
        self._step(-1)

    def action_top(self) -> None:
        """The first line."""
        self.go_to(self._buffer.first)

    def action_bottom(self) -> None:
        """The end, and follow it."""
        if self._anchor is None:
            self.follows = True
        else:
            self.go_to(self._buffer.end - 1)

    def action_half_down(self) -> None:
        """Half a window down."""
        self._step(max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        """Half a window up."""
        self._step(-max(1, self.size.height // 2))

    def action_page_down(self) -> None:
        """A window down."""
        self._step(max(1, self.size.height - 1))

    def action_page_up(self) -> None:
        """A window up."""
        self._step(-max(1, self.size.height - 1))

    def action_follow(self) -> None:
        """Follow the end, or stand still."""
        if self.follows:
            self.go_to(self._buffer.end - 1)
        else:
            self.follows = True

    def action_mark(self) -> None:
        """Mark lines from here on, or no longer."""
        if self.follows:
            self.go_to(self._buffer.end - 1)
        self._anchor = self._cursor if self._anchor is None else None
        self.refresh()
        self.post_message(self.Moved(self))

    # Searching

    def search(self, needle: str) -> None:
        """Show where a text is found, and go to the nearest match above where one reads, else the nearest below."""
        self._buffer.search(needle)
        at = self._buffer.end if self.follows else self._cursor + 1
        found = self._buffer.previous_match(at)
        if needle and found is not None:
            self.go_to(found)
        self.refresh()
        self.post_message(self.Moved(self))

    def action_next(self) -> None:
        """The next match."""
        self._go_to_match(self._buffer.next_match(self._buffer.first - 1 if self.follows else self._cursor))

    def action_previous(self) -> None:
        """The match before."""
        self._go_to_match(self._buffer.previous_match(self._buffer.end if self.follows else self._cursor))

    def _go_to_match(self, number: int | None) -> None:
        if number is not None:
            self.go_to(number)
