"""The line at the bottom: the keys that matter here."""

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from console import paint
from console.guarded import is_refused
from console.keys import Key, Keymap
from console.view.labels import Role
from console.view.pieces import Piece, cells


class KeyBar(Widget):
    """A few keys with what they do; a click on one presses it."""

    def __init__(self, listed: Sequence[Key]) -> None:
        super().__init__()
        self._keys = tuple(listed)
        self._note = ""

    def show(self, listed: Sequence[Key]) -> None:
        """Show other keys."""
        if tuple(listed) != self._keys:
            self._keys = tuple(listed)
            self.refresh()

    def say(self, note: str) -> None:
        """Say something at the right end; empty: nothing."""
        if note != self._note:
            self._note = note
            self.refresh()

    def _placed(self) -> list[tuple[int, int, Key]]:
        """The keys there is room for, the last always, each with its first cell and the one after its last."""
        room = self.size.width - (cells(self._note) + 3 if self._note else 1)
        keymap: Keymap = getattr(self.app, "keymap", Keymap())
        read_only = getattr(self.app, "read_only", False)
        shown = [keymap.of(key) for key in self._keys if not (read_only and is_refused(key.action))]
        while len(shown) > 2 and sum(_width(key) + 3 for key in shown) - 2 > room:
            del shown[-2]
        placed: list[tuple[int, int, Key]] = []
        at = 1
        for key in shown:
            placed.append((at, at + _width(key), key))
            at += _width(key) + 3
        return placed

    def render_line(self, y: int) -> Strip:
        """The line."""
        parts: list[Segment] = [Segment(" ")]
        for _, _, key in self._placed() if y == 0 else ():
            pieces = (Piece(key.first, Role.ACCENT), Piece(f" {key.label}", Role.MUTED), Piece("   "))
            parts += paint.segments(pieces, self.app.theme)
        if self._note and y == 0:
            used = sum(cells(part.text) for part in parts)
            blank = " " * max(0, self.size.width - used - cells(self._note) - 1)
            parts += paint.segments((Piece(blank), Piece(self._note, Role.STRONG)), self.app.theme)
        return Strip(parts).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    async def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked on."""
        for first, after, key in self._placed():
            if first <= event.x < after:
                focused = self.screen.focused or self.screen
                await self.app.run_action(key.action, default_namespace=focused)


def _width(key: Key) -> int:
    return cells(key.first) + 1 + cells(key.label)
