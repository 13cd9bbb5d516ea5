"""The two lines at the top of every screen."""

from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console import paint
from console.view import heading
from console.view.heading import Facts, Line
from console.view.pieces import Piece
from console.widgets.seen import is_seen

if TYPE_CHECKING:
    from console.app import PureBootApp


class Header(Widget):
    """Tabs and address; nodes by state, what runs, and the store; or that the store cannot be written. Repaints only a
    line that says something new.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[int, Line] = {}

    @property
    def _owner(self) -> "PureBootApp":
        return cast("PureBootApp", self.app)

    def on_mount(self) -> None:
        """Listen for what it shows."""
        self._owner.changed.subscribe(self, lambda _: self.repaint())
        self._owner.opened.subscribe(self, lambda _: self.repaint())
        self._owner.ticked.subscribe(self, lambda _: self.repaint())

    def repaint(self) -> None:
        """Paint the lines that say something new."""
        if not is_seen(self):
            return
        facts = self._owner.facts()
        for y in range(self.size.height):
            if self._shown.get(y) != self._line(facts, y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _line(self, facts: Facts, y: int) -> Line:
        if facts.cut_seconds is not None and y == self.size.height - 1:
            return heading.cut_line(facts, self.size.width, self._owner.symbols)
        if facts.trouble and y == self.size.height - 1:
            return heading.trouble_line(facts.trouble, self.size.width, self._owner.symbols)
        if y == 0:
            return heading.first_line(facts, self.size.width)
        return heading.second_line(facts, self.size.width, self._owner.symbols)

    def render_line(self, y: int) -> Strip:
        """One line."""
        line = self._line(self._owner.facts(), y) if y < 2 else (Piece(""),)
        self._shown[y] = line
        parts: list[Segment] = paint.segments(line, self.app.theme)
        return Strip(parts).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Go to the tab that was clicked on."""
        if event.y == 0:
            for mode, (first, after) in heading.tab_places(self._owner.facts(), self.size.width).items():
                if first <= event.x < after:
                    await self._owner.action_show(mode)
