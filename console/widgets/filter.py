"""The line in which a list's filter is typed."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

HINT = "words  !not  field:part  field=exactly  field:one,other"


class FilterBar(Horizontal):
    """What is typed filters at once; enter goes back to the list, escape clears the filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("down", "leave", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Another filter was typed."""

        text: str

    class Left(Message):
        """The keys should go to the list again."""

    def compose(self) -> ComposeResult:
        """The slash, the text, the count."""
        yield Label("/", id="slash")
        field = Input(id="query", compact=True, select_on_focus=False, placeholder=HINT)
        field.cursor_blink = False
        yield field
        yield Label("", id="count", markup=False)

    def on_mount(self) -> None:
        """Hidden until it is asked for."""
        self.display = False

    @property
    def text(self) -> str:
        """What is typed."""
        return self.query_one("#query", Input).value

    @text.setter
    def text(self, text: str) -> None:
        self.query_one("#query", Input).value = text
        self.display = bool(text)

    def ask(self) -> None:
        """Let a filter be typed."""
        self.display = True
        self.query_one("#query", Input).focus()

    def say(self, shown: int, of: int) -> None:
        """Say how many rows fit."""
        self.query_one("#count", Label).update(f"{shown} of {of}")

    def action_clear(self) -> None:
        """No filter any more."""
        self.text = ""
        self.post_message(self.Left())

    def action_leave(self) -> None:
        """Back to the list; the filter stays."""
        self.display = bool(self.text)
        self.post_message(self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list."""
        event.stop()
        self.action_leave()

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """An empty filter takes no room."""
        self.display = bool(self.text)
