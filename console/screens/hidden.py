"""Giving a secret its value: what is typed is not shown."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from console.screens.base import Dialog


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A secret's name and value. The value is no part of what is shown of it."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"Given(name={self.name!r})"


class HiddenScreen(Dialog[Given]):
    """Answers with name and value after enter in the second copy of the value; escape leaves."""

    BINDINGS: ClassVar = [Binding("escape", "refuse", "leave")]
    AUTO_FOCUS = "Input"

    def __init__(self, name: str = "") -> None:
        """With a `name`, that one is given another value."""
        super().__init__()
        self._name = name

    def compose(self) -> ComposeResult:
        """Name, value, the value again."""
        with Vertical(classes="dialog say"):
            title = f"Another value for {self._name}" if self._name else "A new secret"
            yield Static(title, classes="dialog-title", markup=False)
            if not self._name:
                yield _line("secret-name", "its name, as root-password")
            yield _line("secret-value", "its value: what is typed here is not shown", hidden=True)
            yield _line("secret-again", "the same once more", hidden=True)
            yield Static("", id="say-problem", classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("enter  set it", id="yes", compact=True)
                yield Button("esc  leave", id="no", compact=True)
            foot = "of several lines: pureboot secret set NAME --value-file FILE"
            yield Static(foot, classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.query_one("#say-problem").display = False

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """On to the next line; from the last one the answer."""
        event.stop()
        if event.input.id == "secret-again":
            self._answer()
        else:
            self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse."""
        event.stop()
        if event.button.id == "yes":
            self._answer()
        else:
            self.action_refuse()

    def _answer(self) -> None:
        name = self._name or self.query_one("#secret-name", Input).value.strip()
        value, again = (self.query_one(f"#secret-{each}", Input).value for each in ("value", "again"))
        problem = "give it a name" if not name else "the two values differ; type them again" if value != again else ""
        if problem:
            shown = self.query_one("#say-problem", Static)
            shown.update(problem)
            shown.display = True
            self.query_one("#secret-value" if name else "#secret-name", Input).focus()
            return
        self.dismiss(Given(name=name, value=value))


def _line(id_: str, asks: str, *, hidden: bool = False) -> Input:
    line = Input(placeholder=asks, id=id_, compact=True, password=hidden)
    line.cursor_blink = False
    return line
