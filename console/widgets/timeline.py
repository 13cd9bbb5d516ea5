"""The timeline of an execution on the line API: only the rows in the window are drawn, and of them only what changed.

What it shows is worked out in `console.view.timeline`. The cursor stays with its step and attempt while rows are added;
as long as it stands on the row to look at first, it goes along when that becomes another one. Seen nearer, the time
that is shown goes along with the cursor, and with the present where that is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from console import looks, paint
from console.view.differing import difference
from console.view.labels import Role, Symbols
from console.view.lanes import Lane, lanes
from console.view.pieces import Piece
from console.view.timeline import Drawing, Entry, current, drawing, entries
from console.view.timeline_axis import whole
from console.view.timeline_window import STEP, ZOOM, Window, following, moved, revealed, zoomed
from console.widgets.moving import Moving
from engine.core.executions import Execution
from engine.core.workflows import Workflow

RULER = 1


class Timeline(Moving, can_focus=True):
    """A row for each step and attempt, under a ruler."""

    DEFAULT_CSS = """
    Timeline {
        height: auto;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
    }
    """

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
        self.window: Window | None = None
        self._rows: tuple[Entry, ...] = ()
        self._unfolded: frozenset[str] = frozenset()
        self._lanes: tuple[Workflow | None, Mapping[str, Lane]] = (None, {})
        self._workflow: Workflow | None = None
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
        if self._lanes[0] is not workflow:
            self._lanes = workflow, lanes(workflow, self.symbols)
        self._workflow, self._execution, self._now = workflow, execution, now
        self._rows = entries(workflow, execution, self._unfolded)
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
            self._drawing = drawing(
                self._rows,
                self._execution,
                self._now,
                self.size.width,
                self.symbols,
                window=self.window,
                beside=self._lanes[1],
            )
        return self._drawing

    def _line(self, y: int) -> list[Piece]:
        picture = self._picture()
        if picture is None:
            return []
        if y < RULER:
            return picture.ruler()
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

    @property
    def place(self) -> int:
        """The row the cursor is on."""
        return self._cursor

    @property
    def last(self) -> int:
        """The last row."""
        return len(self._rows) - 1

    @property
    def page(self) -> int:
        """How many rows there is room for."""
        return max(1, self.size.height - RULER)

    def move(self, place: int) -> None:
        """Select a row, and show when it ran."""
        place = max(0, min(place, len(self._rows) - 1))
        if self._rows and place != self._cursor:
            self._cursor = place
            self._follow_cursor()
            self._reveal()
            self.repaint()
            self.post_message(self.Selected(self, self._rows[place]))

    def select(self, step_key: str) -> None:
        """Select the newest row of a step."""
        found = [at for at, row in enumerate(self._rows) if row.step.key == step_key and not row.undone]
        if found:
            self.move(found[-1])

    def _follow_cursor(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + self.page:
            self.scroll_to(y=self._cursor - self.page + 1, animate=False, force=True)

    def action_open(self) -> None:
        """Show all visits of a row that stands for several; else ask for more of it."""
        entry = self.selected
        if entry is None:
            return
        if entry.folded and self._workflow is not None and self._execution is not None and self._now is not None:
            self._unfolded |= {entry.step.key}
            self._rows = entries(self._workflow, self._execution, self._unfolded)
            self._resize()
            self.repaint()
            self.post_message(self.Selected(self, self._rows[self._cursor]))
        else:
            self.post_message(self.Opened(self, entry))

    # Time

    def zoom(self, factor: float) -> None:
        """Show time nearer by a factor, around the selected attempt; below 1, farther."""
        if self._execution is not None and self._now is not None:
            whole_ = whole(self._execution, self._now)
            self._look(zoomed(self._now_shown(), whole_, factor, self._focus(whole_)))

    def shift(self, part: float) -> None:
        """Show a later time by a part of what is shown; an earlier one, if negative."""
        if self._execution is not None and self._now is not None:
            self._look(moved(self._now_shown(), whole(self._execution, self._now), part))

    def fit(self) -> None:
        """Show all of the time."""
        self._look(None)

    def action_nearer(self) -> None:
        """Show time nearer."""
        self.zoom(ZOOM)

    def action_farther(self) -> None:
        """Show more of it."""
        self.zoom(1 / ZOOM)

    def action_earlier(self) -> None:
        """Show an earlier time."""
        self.shift(-STEP)

    def action_later(self) -> None:
        """Show a later time."""
        self.shift(STEP)

    def _look(self, window: Window | None) -> None:
        if self._execution is not None and self._now is not None:
            now = self._seconds(self._now)
            self.window = following(window, now, running=not self._execution.ended)
            self.repaint()

    def _now_shown(self) -> Window | None:
        """The window where it stands now, having gone along with the present."""
        if self.window is None or self._execution is None or self._now is None:
            return None
        return self.window.at(self._seconds(self._now), running=not self._execution.ended)

    def _seconds(self, moment: datetime) -> float:
        execution = self._execution
        start = execution and (execution.started_at or execution.created_at)
        return (moment - start).total_seconds() if start else 0.0

    def _ran(self) -> tuple[float, float] | None:
        """When the selected row ran, in seconds from the start; None if it has not."""
        attempts = self.selected.attempts if self.selected else ()
        if not attempts or self._now is None:
            return None
        ends = [each.completed_at or self._now for each in attempts]
        return self._seconds(attempts[0].started_at or attempts[0].created_at), self._seconds(max(ends))

    def _focus(self, whole_: float) -> float:
        """What stays where it is while time is shown nearer: the middle of the selected bar, as far as it is seen."""
        window = self._now_shown() or Window(begin=0.0, seconds=whole_)
        begin, end = self._ran() or (window.begin, window.end)
        return (max(begin, window.begin) + min(end, window.end)) / 2

    def _reveal(self) -> None:
        ran = self._ran()
        if self.window is not None and ran is not None and self._execution is not None and self._now is not None:
            self._look(revealed(self._now_shown(), whole(self._execution, self._now), *ran))

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
            self.move(place)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """With ctrl or shift: nearer, or earlier."""
        self._wheel(event, ZOOM, -STEP)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """With ctrl or shift: farther, or later."""
        self._wheel(event, 1 / ZOOM, STEP)

    def _wheel(self, event: events.MouseEvent, factor: float, part: float) -> None:
        if event.ctrl or event.shift:
            event.stop()
            event.prevent_default()
            self.zoom(factor) if event.ctrl else self.shift(part)
