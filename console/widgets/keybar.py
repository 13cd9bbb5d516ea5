"""The line at the bottom: the keys that matter here."""

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from console import paint
from console.keys import Key
from console.view.labels import Role
from console.view.pieces import Piece, cells


class KeyBar(Widget):
    """A few keys with what they do; a click on one presses it."""

    def __init__(self, listed: Sequence[Key]) -> None:
        super().__init__()
        self._keys = tuple(listed)

    def show(self, listed: Sequence[Key]) -> None:
        """Show other keys."""
        if tuple(listed) != self._keys:
            self._keys = tuple(listed)
            self.refresh()

    def _placed(self) -> list[tuple[int, int, Key]]:
        placed: list[tuple[int, int, Key]] = []
        at = 1
        for key in self._keys:
            width = cells(key.first) + 1 + cells(key.label)
            placed.append((at, at + width, key))
            at += width + 3
        return placed

    def render_line(self, y: int) -> Strip:
        """The line."""
        parts: list[Segment] = [Segment(" ")]
        for _, _, key in self._placed() if y == 0 else ():
            pieces = (Piece(key.first, Role.ACCENT), Piece(f" {key.label}", Role.MUTED), Piece("   "))
            parts += paint.segments(pieces, self.app.theme)
        return Strip(parts).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked on."""
        for first, after, key in self._placed():
            if first <= event.x < after:
                focused = self.screen.focused or self.screen
                await self.app.run_action(key.action, default_namespace=focused)
