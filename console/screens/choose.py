"""A question with several answers, each with a key of its own; enter alone says nothing."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from console.screens.base import Dialog
from console.screens.say import Answer


class Choose(Dialog[str]):
    """Answers with the key of the answer that was given; escape with None."""

    BINDINGS: ClassVar = [Binding("escape", "refuse", "leave")]
    AUTO_FOCUS = "#leave"

    def __init__(self, question: str, lines: Sequence[str], answers: Sequence[Answer], *, leave: str) -> None:
        """`lines` say how things are; `leave` says what escape does."""
        super().__init__()
        self._question = question
        self._lines = list(lines)
        self._answers = list(answers)
        self._leave = leave

    def compose(self) -> ComposeResult:
        """Question, how things are, answers."""
        with Vertical(classes="dialog choose"):
            yield Static(self._question, classes="dialog-title", markup=False)
            yield Static("\n".join(self._lines), classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-buttons"):
                for answer in self._answers:
                    yield Button(f"{answer.key}  {answer.name}", id=f"answer-{answer.key}", compact=True)
                yield Button(f"esc  {self._leave}", id="leave", compact=True)

    def on_key(self, event: events.Key) -> None:
        """An answer."""
        if any(event.key == answer.key for answer in self._answers):
            event.stop()
            self.dismiss(event.key)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse, or by enter on an answer."""
        event.stop()
        if event.button.id == "leave":
            self.action_refuse()
        else:
            self.dismiss((event.button.id or "").removeprefix("answer-"))
