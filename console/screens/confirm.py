"""A question whose answer changes something: what will happen, and a key of its own to say yes."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from console.screens.base import Dialog


class Confirm(Dialog[bool]):
    """Answers True after `y`; `n`, escape and a click beside it answer False. Enter alone says nothing."""

    BINDINGS: ClassVar = [
        Binding("y", "yes", "yes"),
        Binding("n,escape", "refuse", "no"),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, question: str, lines: Sequence[str], *, yes: str, no: str) -> None:
        """`lines` say exactly what will happen; `yes` and `no` name the answers."""
        super().__init__()
        self._question = question
        self._lines = list(lines)
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """Question, what will happen, answers."""
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="dialog-title", markup=False)
            yield Static("\n".join(self._lines), classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button(f"y  {self._yes}", id="yes", compact=True)
                yield Button(f"n  {self._no}", id="no", compact=True)

    def action_yes(self) -> None:
        """Yes."""
        self.dismiss(True)

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse, or by enter on an answer."""
        event.stop()
        self.dismiss(event.button.id == "yes")
