"""Something long to read before a question is answered: what would change, or what is wrong."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from console.screens.base import Dialog
from console.view.labels import Cell
from console.widgets.lines import Lines
from console.widgets.page import PageScroll


class ReadingScreen(Dialog[bool]):
    """Answers True after `y`, where there is something to answer; escape leaves. The lines scroll by the usual keys."""

    BINDINGS: ClassVar = [
        Binding("y", "yes", "yes"),
        Binding("n,escape,q", "refuse", "no"),
    ]
    CSS_PATH: ClassVar = "../detailed.tcss"
    AUTO_FOCUS = "PageScroll"

    def __init__(self, title: str, lines: Sequence[Cell], *, yes: str | None = None, no: str = "leave") -> None:
        """`yes` names what `y` does; with None there is nothing to answer."""
        super().__init__()
        self._title = title
        self._lines = list(lines)
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """Title, lines, answers."""
        with Vertical(classes="dialog reading"):
            yield Static(self._title, classes="dialog-title", markup=False)
            with PageScroll():
                yield Lines(classes="reading-lines")
            with Horizontal(classes="dialog-buttons"):
                if self._yes is not None:
                    yield Button(f"y  {self._yes}", id="yes", compact=True)
                yield Button(f"n  {self._no}", id="no", compact=True)

    def on_mount(self) -> None:
        """Show the lines."""
        self.query_one(Lines).show(self._lines)

    def action_yes(self) -> None:
        """Yes, if that was asked."""
        if self._yes is not None:
            self.dismiss(True)

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse."""
        event.stop()
        self.dismiss(event.button.id == "yes")
