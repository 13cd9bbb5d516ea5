"""The line in which a list's filter is typed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from console.view.completing import Completion
from console.view.labels import safe

HINT = "words  !not  field:part  field=exactly  field>10m  tab completes"


class FilterBar(Horizontal):
    """What is typed filters at once; enter goes back to the list, escape clears the filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("down", "leave", show=False),
        Binding("tab", "complete(1)", show=False),
        Binding("shift+tab", "complete(-1)", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Another filter was typed."""

        text: str

    class Left(Message):
        """The keys should go to the list again."""

    def __init__(
        self,
        complete: Callable[[str], Completion] = lambda text: Completion(before=text),
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        """`complete` says what the last word of a filter may become."""
        super().__init__(id=id)
        self._complete = complete
        self._completion: Completion | None = None
        self._number = 0
        self._hint = ""

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

    def say(self, shown: int, of: int, problem: str = "") -> None:
        """Say how many rows fit, and what in the filter means nothing."""
        label = self.query_one("#count", Label)
        label.update("   ".join(part for part in (safe(problem), f"{shown} of {of}", self._hint) if part))
        label.set_class(bool(problem), "-problem")

    def action_complete(self, step: int) -> None:
        """Complete the last word, or show the next of what it may become."""
        field = self.query_one("#query", Input)
        if self._completion is None:
            self._completion, self._number = self._complete(field.value), -1 if step > 0 else 0
        if not self._completion.choices:
            self._completion = None
            return
        self._number = (self._number + step) % len(self._completion.choices)
        field.value = self._completion.text(self._number)
        field.cursor_position = len(field.value)

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
        self._hint = self._next_choices(event.value)
        self.post_message(self.Changed(event.value))

    def _next_choices(self, text: str) -> str:
        """What another tab would bring; completing ends where something else was typed, or there is no other."""
        completion = self._completion
        if completion is None or text != completion.text(self._number) or len(completion.choices) == 1:
            self._completion = None
            return ""
        choices = completion.choices
        after = dict.fromkeys(choices[(self._number + at) % len(choices)] for at in (1, 2))
        return f"tab: {safe(', '.join(after))}"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list."""
        event.stop()
        self.action_leave()

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """An empty filter takes no room."""
        self.display = bool(self.text)
