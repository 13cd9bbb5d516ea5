"""One line at the bottom of a screen that asks for a word: what to find, which line to go to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label


class AskBar(Horizontal):
    """A label, a field and a note. It is there only while it asks."""

    BINDINGS: ClassVar = [Binding("escape", "leave", show=False)]
    DEFAULT_CSS = """
    AskBar { height: 1; background: $panel; display: none; }
    AskBar #ask-label { width: auto; padding: 0 1; color: $accent; text-style: bold; }
    AskBar #ask-word { width: 1fr; background: $panel; border: none; padding: 0; height: 1; }
    AskBar #ask-note { width: auto; padding: 0 1; color: $muted; }
    """

    @dataclass
    class Typed(Message):
        """Something else stands in the field."""

        question: str
        word: str

    @dataclass
    class Entered(Message):
        """Enter was pressed."""

        question: str
        word: str

    class Left(Message):
        """It does not ask any more."""

    def __init__(self) -> None:
        super().__init__()
        self.question = ""

    def compose(self) -> Iterable[Widget]:
        """The parts."""
        yield Label("", id="ask-label", markup=False)
        word = Input(id="ask-word", compact=True)
        word.cursor_blink = False
        yield word
        yield Label("", id="ask-note", markup=False)

    def ask(self, question: str, word: str = "") -> None:
        """Ask, with a word that stands there already."""
        self.question = question
        self.query_one("#ask-label", Label).update(question)
        self.note("")
        field = self.query_one("#ask-word", Input)
        with field.prevent(Input.Changed):
            field.value = word
        self.display = True
        field.focus()

    def note(self, text: str) -> None:
        """Say something at the right end."""
        self.query_one("#ask-note", Label).update(text)

    def action_leave(self) -> None:
        """Ask no more."""
        self.display = False
        self.post_message(self.Left())

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.question, event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self.question, event.value))
