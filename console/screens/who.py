"""Who else has a console open, and what they look at."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from console import paint
from console.screens.base import Dialog
from console.view import who_lines


class WhoScreen(Dialog[None]):
    """A line for each console; it follows who comes and goes."""

    BINDINGS: ClassVar = [
        Binding("escape,q,W", "refuse", "close"),
        Binding("j,down", "scroll('down')", show=False),
        Binding("k,up", "scroll('up')", show=False),
    ]
    AUTO_FOCUS = "VerticalScroll"

    def compose(self) -> ComposeResult:
        """Title, consoles, how to leave."""
        with Vertical(classes="dialog who"):
            yield Static("Open consoles", classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(id="who", markup=False)
            yield Static("j k scroll   esc close", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """Show them, and listen."""
        self._show()
        self.app.ticked.subscribe(self, lambda _: self._show())

    def _show(self) -> None:
        presence = self.app.presence
        if presence is None:
            return
        lines = who_lines.lines(presence.all, presence.id, self.app.now())
        found = Text("\n", no_wrap=True, overflow="ellipsis").join(paint.text(line, self.app.theme) for line in lines)
        self.query_one("#who", Static).update(found)

    def action_scroll(self, where: str) -> None:
        """Scroll them."""
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)
