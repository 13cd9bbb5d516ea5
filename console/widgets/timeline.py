"""The timeline of an execution on the line API: only the rows in the window are drawn, and of them only what changed.

What it shows is worked out in `console.view.timeline`. The cursor stays with its step and attempt while rows are added;
as long as it stands on the row to look at first, it goes along when that becomes another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console import keys, looks, paint
from console.view.labels import Role, Symbols
from console.view.pieces import Piece, cells
from console.view.timeline import Drawing, Entry, current, drawing, entries, ruler
from engine.core.executions import Execution
from engine.core.workflows import Workflow

RULER = 1


class Timeline(ScrollView, can_focus=True):
    """A row for each step and attempt, under a ruler."""

    DEFAULT_CSS = """
    Timeline {
        height: auto;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("list")]

    @dataclass
    class Selected(Message):
        """Another row is selected, or the same shows something else now."""

        timeline: "Timeline"
        entry: Entry

        @property
        def control(self) -> "Timeline":
            """The timeline."""
            return self.timeline

    @dataclass
    class Opened(Message):
        """More of the selected row is wanted."""

        timeline: "Timeline"
        entry: Entry

        @property
        def control(self) -> "Timeline":
            """The timeline."""
            return self.timeline

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.symbols = symbols
        self.lines_painted = 0
        self._rows: tuple[Entry, ...] = ()
        self._execution: Execution | None = None
        self._now: datetime | None = None
        self._drawing: Drawing | None = None
        self._cursor = 0
        self._shown: dict[int, list[Piece]] = {}

    @property
    def rows(self) -> Sequence[Entry]:
        """The rows, in order."""
        return self._rows

    @property
    def selected(self) -> Entry | None:
        """The row the cursor is on."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def moves(self) -> bool:
        """Whether it changes with time alone."""
        return any(row.attempt is not None and row.attempt.is_open for row in self._rows)

    def show(self, workflow: Workflow, execution: Execution, now: datetime) -> None:
        """Show an execution of a workflow at a time."""
        before = self.selected
        went_along = not self._rows or self._cursor == current(self._rows)
        self._rows, self._execution, self._now = entries(workflow, execution), execution, now
        self._cursor = current(self._rows) if went_along else self._place_of(before)
        self._resize()
        self._follow_cursor()
        self.repaint()
        if self.selected is not None and self.selected != before:
            self.post_message(self.Selected(self, self.selected))

    def tick(self, now: datetime) -> None:
        """Show the same at a later time; nothing is sent to the terminal where nothing looks otherwise."""
        if self.moves and now != self._now:
            self._now = now
            self.repaint()

    def _place_of(self, entry: Entry | None) -> int:
        key = entry.key if entry else None
        return next((at for at, row in enumerate(self._rows) if row.key == key), 0)

    def _resize(self) -> None:
        size = Size(self.size.width, len(self._rows) + RULER)
        if size != self.virtual_size:
            self.virtual_size = size

    # What is drawn

    def repaint(self) -> None:
        """Paint what should look otherwise than it does."""
        self._drawing = None
        if self.is_attached and self.display:
            for y in range(min(self.size.height, len(self._rows) + RULER)):
                self._repaint_line(y)

    def _repaint_line(self, y: int) -> None:
        before, now = self._shown.get(y), self._line(y)
        if before is None:
            self.refresh(Region(0, y, self.size.width, 1))
        elif before != now:
            first, last = difference(before, now)
            self.refresh(Region(first, y, last - first, 1))

    def _picture(self) -> Drawing | None:
        if self._drawing is None and self._execution is not None and self._now is not None:
            self._drawing = drawing(self._rows, self._execution, self._now, self.size.width, self.symbols)
        return self._drawing

    def _line(self, y: int) -> list[Piece]:
        picture = self._picture()
        if picture is None:
            return []
        if y < RULER:
            return ruler(picture.axis, picture.columns, picture.fills)
        place = self.scroll_offset.y + y - RULER
        if place >= len(self._rows):
            return []
        return [self._mark(place), *picture.row(self._rows[place])]

    def _mark(self, place: int) -> Piece:
        if place != self._cursor:
            return Piece("  ", "")
        return Piece(f"{self.symbols.cursor} ", paint.CURSOR if self.has_focus else paint.CURSOR_BLURRED)

    def render_line(self, y: int) -> Strip:
        """One line."""
        self.lines_painted += 1
        line = self._line(y)
        self._shown[y] = line
        theme = self.app.theme
        cursor = line[0].look if y >= RULER and line else ""
        if not cursor:
            strip = Strip(looks.segments(line, theme))
            return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)
        over = paint.look(theme, cursor)
        strip = Strip(looks.segments([Piece(line[0].text, Role.STRONG), *line[1:]], theme, over))
        return strip.adjust_cell_length(self.size.width, over).apply_style(self.rich_style)

    # Moving about

    def _move(self, place: int) -> None:
        place = max(0, min(place, len(self._rows) - 1))
        if self._rows and place != self._cursor:
            self._cursor = place
            self._follow_cursor()
            self.repaint()
            self.post_message(self.Selected(self, self._rows[place]))

    @property
    def _page(self) -> int:
        return max(1, self.size.height - RULER)

    def _follow_cursor(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + self._page:
            self.scroll_to(y=self._cursor - self._page + 1, animate=False, force=True)

    def action_down(self) -> None:
        """The next row."""
        self._move(self._cursor + 1)

    def action_up(self) -> None:
        """The row before."""
        self._move(self._cursor - 1)

    def action_top(self) -> None:
        """The first row."""
        self._move(0)

    def action_bottom(self) -> None:
        """The last row."""
        self._move(len(self._rows) - 1)

    def action_half_down(self) -> None:
        """Half a window down."""
        self._move(self._cursor + max(1, self._page // 2))

    def action_half_up(self) -> None:
        """Half a window up."""
        self._move(self._cursor - max(1, self._page // 2))

    def action_page_down(self) -> None:
        """A window down."""
        self._move(self._cursor + self._page)

    def action_page_up(self) -> None:
        """A window up."""
        self._move(self._cursor - self._page)

    def action_open(self) -> None:
        """Ask for more of the selected row."""
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    # What Textual tells

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor in the window."""
        self._shown.clear()
        self._drawing = None
        self._resize()
        self._follow_cursor()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """A scroll bar that appears knows nothing of how far was scrolled before."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_offset.y

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show by the cursor's colour whether keys come here."""
        super().watch_has_focus(has_focus)
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """Select the row, or ask for more of it if it is selected already."""
        place = self.scroll_offset.y + event.y - RULER
        if event.y < RULER or place >= len(self._rows):
            return
        if place == self._cursor:
            self.action_open()
        else:
            self._move(place)


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
