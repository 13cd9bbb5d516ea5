"""A question that is answered in words: what will happen, a line to write, and keys of their own for the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from console.screens.base import Dialog

_WRITE = "enter on to the answer   esc leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of the answers: the key that gives it, and what it is called."""

    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was answered, by its key, and what was written."""

    key: str
    text: str = ""


class SayScreen(Dialog[Said]):
    """Answers with a key and a text; escape leaves. As long as the text is written, no key is an answer."""

    BINDINGS: ClassVar = [Binding("n,escape", "refuse", "leave")]
    AUTO_FOCUS = "#words"

    def __init__(
        self,
        question: str,
        lines: Sequence[str],
        answers: Sequence[Answer],
        *,
        asks: str,
        missing: str = "",
    ) -> None:
        """`asks` stands in the empty line; `missing` is what is said where it may not stay empty."""
        super().__init__()
        self._question = question
        self._lines = list(lines)
        self._answers = list(answers)
        self._asks = asks
        self._missing = missing

    def compose(self) -> ComposeResult:
        """Question, what will happen, the line to write, answers."""
        words = Input(placeholder=self._asks, id="words", compact=True)
        words.cursor_blink = False
        with Vertical(classes="dialog say"):
            yield Static(self._question, classes="dialog-title", markup=False)
            yield Static("\n".join(self._lines), classes="dialog-text", markup=False)
            yield words
            yield Static("", id="say-problem", classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-buttons"):
                for answer in self._answers:
                    yield Button(f"{answer.key}  {answer.name}", id=f"answer-{answer.key}", compact=True)
                yield Button("n  leave", id="no", compact=True)
            yield Static(_WRITE, id="say-foot", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.query_one("#say-problem").display = False

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Back at the line, its keys are said again."""
        if isinstance(event.widget, Input):
            self.query_one("#say-foot", Static).update(_WRITE)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """On to the answers: from here only their own keys answer, and enter does nothing."""
        event.stop()
        self.set_focus(None)
        keys = "   ".join(f"{answer.key} {answer.name}" for answer in self._answers)
        self.query_one("#say-foot", Static).update(f"{keys}   esc leave   tab back to the text")

    def on_key(self, event: events.Key) -> None:
        """An answer, unless the text is being written: then keys go there."""
        if any(event.key == answer.key for answer in self._answers):
            event.stop()
            self._answer(event.key)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse, or by enter on an answer."""
        event.stop()
        if event.button.id == "no":
            self.action_refuse()
        else:
            self._answer((event.button.id or "").removeprefix("answer-"))

    def _answer(self, key: str) -> None:
        words = self.query_one("#words", Input)
        text = words.value.strip()
        if self._missing and not text:
            problem = self.query_one("#say-problem", Static)
            problem.update(self._missing)
            problem.display = True
            words.focus()
            return
        self.dismiss(Said(key=key, text=text))
