"""The letters that may follow a key, at the bottom of the screen while it waits; it takes no key itself."""

from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from console import paint
from console.view import hints

if TYPE_CHECKING:
    from console.jumping import JumpingApp


class Hint(Widget):
    """Letters and where they lead; a click on one presses it."""

    DEFAULT_CSS = """
    Hint { dock: bottom; width: 100%; height: auto; background: $panel; layer: hint; }
    """

    def __init__(self, *, jumps: bool) -> None:
        super().__init__()
        self._entries = hints.entries(jumps=jumps)

    def get_content_height(self, _container: object, _viewport: object, width: int) -> int:
        """As many lines as the letters need."""
        return len(hints.placed(self._entries, width))

    def render_line(self, y: int) -> Strip:
        """One line."""
        rows = hints.placed(self._entries, self.size.width)
        pieces = hints.line(rows[y], self.app.current_mode) if y < len(rows) else []
        parts: list[Segment] = paint.segments(pieces, self.app.theme)
        return Strip(parts).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Go where the letter leads."""
        event.stop()
        rows = hints.placed(self._entries, self.size.width)
        entry = hints.entry_at(rows[event.y], event.x) if event.y < len(rows) else None
        if entry is not None:
            await cast("JumpingApp", self.app).follow_letter(entry[0])
