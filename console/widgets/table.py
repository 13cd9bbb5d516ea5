"""A table that is a window on its rows: only what is on the screen is ever made, however many there are.

It knows keys, in order, and asks for the row of one when it paints it. Cursor and marks are kept by key, so they stay
with what they were put on when rows come, go and change places. After a change it compares what stands on the screen
with what should, line by line and column by column, and repaints only what differs: where nothing has changed nothing
is sent to the terminal.
"""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from console import paint
from console.view.columns import GAP, Column, Widths, fitted, share
from console.view.labels import Role, Row, Symbols
from console.view.pieces import Piece, cells
from console.widgets.moving import Moving

GUTTER = 2
MARGIN = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Everything that decides how a line looks."""

    kind: str
    theme: str
    cursor: str = ""
    marked: bool = False
    said: str = ""
    row: Row = ()


class Table(Moving, can_focus=True):
    """Rows by key, with a heading, a cursor and marks."""

    DEFAULT_CSS = """
    Table {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another row; `key` is None in an empty table.

        `by_hand` is whether it was put there, by key or mouse; otherwise the rows have changed under it.
        """

        table: "Table"
        key: str | None
        by_hand: bool = False

        @property
        def control(self) -> "Table":
            """The table."""
            return self.table

    @dataclass
    class Opened(Message):
        """The row under the cursor is to be opened."""

        table: "Table"
        key: str

        @property
        def control(self) -> "Table":
            """The table."""
            return self.table

    @dataclass
    class Marked(Message):
        """Other rows are marked."""

        table: "Table"

    @dataclass
    class HeadingClicked(Message):
        """Somebody clicked on the heading of a column."""

        table: "Table"
        column: str

    def __init__(
        self,
        columns: Sequence[Column],
        row: Callable[[str], Row],
        *,
        symbols: Symbols,
        empty: str = "",
        heading: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        """`row` makes the row of a key, in the order of `columns`; `empty` says what to do where there are no rows."""
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.empty = empty
        self.marked: set[str] = set()
        self.sorted_by: tuple[str, bool] = ("", False)
        self.lines_painted = 0
        self.is_lit = False  # whether its cursor looks as if keys came here, since another widget hands them on
        self._row = row
        self._symbols = symbols
        self._heading = int(heading)
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._cursor = 0
        self._awaited: str | None = None
        self._shown: dict[int, _Line] = {}
        self._widths: Widths = ()
        self._widths_for = -1

    # What is shown

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the rows, in order."""
        return self._keys

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._keys[self._cursor] if self._keys else None

    @property
    def chosen(self) -> list[str]:
        """What an action works on: the marked rows, in order, or else the one under the cursor."""
        if self.marked:
            places = self._places
            return sorted(self.marked, key=lambda key: places.get(key, len(places)))
        return [self.cursor_key] if self.cursor_key is not None else []

    @property
    def window(self) -> Sequence[str]:
        """The keys of the rows on the screen."""
        first = self.scroll_offset.y
        return self._keys[first : first + self.page]

    def row_of(self, key: str) -> Row:
        """The row of a key, in the order of `columns`."""
        return self._row(key)

    @property
    def page(self) -> int:
        """How many rows there is room for."""
        return max(1, self.size.height - self._heading)

    @property
    def place(self) -> int:
        """Where the cursor stands."""
        return self._cursor

    @property
    def last(self) -> int:
        """The place of the last row."""
        return len(self._keys) - 1

    def show(self, listed: Sequence[str], known: Callable[[str], bool] | None = None) -> None:
        """Show these rows, in this order. `known` says of a mark whether its row still exists, shown or not."""
        before = self.cursor_key
        offset = self._cursor - self.scroll_offset.y
        in_view = 0 <= offset < self.page
        self._keys = list(listed)
        self._places = {key: place for place, key in enumerate(self._keys)}
        if known is not None and any(not known(key) for key in self.marked):
            self.marked = {key for key in self.marked if known(key)}
        wanted = before or ""
        if self._awaited in self._places:
            wanted, self._awaited = str(self._awaited), None
        self._cursor = self._places.get(wanted, min(self._cursor, max(0, len(self._keys) - 1)))
        self._resize()
        if in_view and self.is_attached:
            self._scroll(self._cursor - offset)
        self.repaint()
        if self.cursor_key != before:
            self.post_message(self.Highlighted(self, self.cursor_key))

    def _resize(self) -> None:
        size = Size(self.size.width, len(self._keys) + self._heading)
        if size != self.virtual_size:
            self.virtual_size = size

    def move_to(self, key: str) -> None:
        """Put the cursor on a row, if it is there."""
        place = self._places.get(key)
        if place is not None:
            self.move(place, by_hand=False)

    def await_key(self, key: str) -> None:
        """Put the cursor on a row as soon as it is there."""
        self._awaited = None if key in self._places else key
        self.move_to(key)

    def clear_marks(self) -> None:
        """Unmark all."""
        self.marked = set()
        self.repaint()
        self.post_message(self.Marked(self))

    # Painting

    def repaint(self) -> None:
        """Paint what should look otherwise than it does."""
        if not self.is_attached:
            return
        for y in range(self.size.height):
            before, now = self._shown.get(y), self._line(y)
            if before != now:
                first, last = self._difference(before, now)
                self.refresh(Region(first, y, last - first, 1))

    def _line(self, y: int) -> _Line:
        theme = self.app.theme
        if y < self._heading:
            return _Line(kind="heading", theme=theme, said=str(self.sorted_by))
        place = self.scroll_offset.y + y - self._heading
        if place >= len(self._keys):
            return _Line(kind="empty", theme=theme, said="" if self._keys else self.empty)
        key = self._keys[place]
        cursor = (
            "" if place != self._cursor else paint.CURSOR if self.has_focus or self.is_lit else paint.CURSOR_BLURRED
        )
        return _Line(kind="row", theme=theme, cursor=cursor, marked=key in self.marked, row=self._row(key))

    def _difference(self, before: _Line | None, now: _Line) -> tuple[int, int]:
        """The first cell of a line that changes, and the one after the last."""
        whole = (0, self.size.width)
        if before is None or now.kind != "row" or replace(before, row=()) != replace(now, row=()):
            return whole
        at, first, last = GUTTER, None, 0
        for column, width in self._placed():
            place = self.columns.index(column)
            if before.row[place] != now.row[place]:
                first, last = (at if first is None else first), at + width
            at += width + GAP
        return whole if first is None else (first, last)

    def render_line(self, y: int) -> Strip:
        """One line of the table."""
        self.lines_painted += 1
        line = self._line(y)
        self._shown[y] = line
        match line.kind:
            case "heading":
                return self._heading_strip()
            case "row":
                return self._row_strip(line)
            case _:
                return self._empty_strip(y)

    def _placed(self) -> Widths:
        if self._widths_for != self.size.width:
            self._widths_for = self.size.width
            self._widths = share(self.columns, self.size.width - GUTTER - MARGIN)
        return self._widths

    def width_of(self, column: str) -> int:
        """How many cells a column has now; 0 if it is not shown."""
        return next((width for each, width in self._placed() if each.key == column), 0)

    def _row_strip(self, line: _Line) -> Strip:
        mark = Piece(f"{self._symbols.marked} ", paint.MARKED) if line.marked else Piece(" " * GUTTER)
        pieces = [mark]
        for column, width in self._placed():
            pieces += fitted(line.row[self.columns.index(column)], width, column.right, self._symbols.ellipsis)
            pieces.append(Piece(" " * GAP))
        style = self.rich_style + (paint.look(line.theme, line.cursor) if line.cursor else Style())
        pieces = paint.joined(pieces)
        if line.cursor:
            pieces = paint.under_cursor(pieces, line.theme)
        parts = paint.segments(pieces, line.theme)
        return Strip(parts).adjust_cell_length(self.size.width).apply_style(style)

    def _heading_strip(self) -> Strip:
        sort, reverse = self.sorted_by
        parts = [Segment(" " * GUTTER)]
        for column, width in self._placed():
            mark = (self._symbols.up if reverse else self._symbols.down) if column.key == sort else ""
            title = f"{column.title[: width - len(mark)]}{mark}"
            blank = Segment(" " * (width - cells(title)))
            parts += [blank, Segment(title)] if column.right else [Segment(title), blank]
            parts.append(Segment(" " * GAP))
        style = self.rich_style + paint.style_of(self, paint.HEADING)
        return Strip(parts).adjust_cell_length(self.size.width).apply_style(style)

    def _empty_strip(self, y: int) -> Strip:
        lines = self._empty_lines() if not self._keys else []
        at = y - self._heading - 1
        text = f"  {lines[at]}" if 0 <= at < len(lines) else ""
        strip = Strip([Segment(text, paint.style_of(self, Role.MUTED))])
        return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _empty_lines(self) -> list[str]:
        """What is said where there are no rows, wrapped."""
        room = max(20, self.size.width - 2 * GUTTER)
        return [part for line in self.empty.splitlines() for part in textwrap.wrap(line, room) or [""]]

    # Moving about

    def move(self, place: int, *, by_hand: bool = True) -> None:
        """Put the cursor on a row by its place."""
        place = max(0, min(place, len(self._keys) - 1))
        if not self._keys or (place == self._cursor and not by_hand):
            return
        self._cursor = place
        self._awaited = None
        self._follow_cursor()
        self.repaint()
        self.post_message(self.Highlighted(self, self.cursor_key, by_hand))

    def move_to_top(self) -> None:
        """Put the cursor on the first row, though nobody asked for it."""
        self.move(0, by_hand=False)

    def move_to_bottom(self) -> None:
        """Put the cursor on the last row, though nobody asked for it."""
        self.move(len(self._keys) - 1, by_hand=False)

    def _follow_cursor(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self._scroll(self._cursor)
        elif self._cursor >= top + self.page:
            self._scroll(self._cursor - self.page + 1)

    def _scroll(self, top: int) -> None:
        if top != self.scroll_offset.y:
            self.scroll_to(y=max(0, top), animate=False, immediate=True, force=True)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_key is not None:
            self.post_message(self.Opened(self, self.cursor_key))

    # What Textual tells

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor on the screen."""
        self._shown.clear()
        self._resize()
        self._follow_cursor()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """Show by the cursor's colour whether keys come here."""
        super().watch_has_focus(_has_focus)
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row, or open it if it is there already; on a heading, sort."""
        if event.y < self._heading:
            self._click_heading(event.x)
            return
        place = self.scroll_offset.y + event.y - self._heading
        if place >= len(self._keys):
            return
        if place == self._cursor:
            self.action_open()
        else:
            self.move(place)

    def _click_heading(self, x: int) -> None:
        at = GUTTER
        for column, width in self._placed():
            if at <= x < at + width:
                self.post_message(self.HeadingClicked(self, column.key))
            at += width + GAP
