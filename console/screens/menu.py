"""A few things to choose from, each by its letter: what can be changed, what was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from console.screens.base import Dialog
from console.view.columns import Column
from console.view.labels import Role, Row, cell, safe
from console.widgets.table import Table

_COLUMNS = (
    Column(key="key", title="", width=2, keep=100),
    Column(key="name", title="", width=16, flex=1, keep=99),
    Column(key="note", title="", width=10, flex=3, keep=98),
)
_RESULTS = (
    Column(key="node", title="NODE", width=14, flex=1, most=24, keep=100),
    Column(key="why", title="WHY NOT", width=30, flex=5, keep=99),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of them: the letter that chooses it, its name, and what there is to say of it."""

    key: str
    name: str
    note: str = ""


class MenuScreen(Dialog[str]):
    """Answers with a letter."""

    BINDINGS: ClassVar = [Binding("escape,n", "refuse", "leave")]
    CSS_PATH: ClassVar = "../changes.tcss"
    AUTO_FOCUS = "#menu"

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = title
        self._choices = {choice.key: choice for choice in choices}

    def compose(self) -> ComposeResult:
        """Title and choices."""
        self.table = Table(_COLUMNS, self._row, symbols=self.app.symbols, heading=False, id="menu")
        with Vertical(classes="dialog menu"):
            yield Static(safe(self._title), classes="dialog-title", markup=False)
            yield self.table
            yield Static("enter or its letter choose   esc leave", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """Offer them."""
        self.table.show(list(self._choices))

    def _row(self, key: str) -> Row:
        choice = self._choices[key]
        return (cell(choice.key, Role.ACCENT), cell(choice.name), cell(choice.note, Role.MUTED))

    def on_key(self, event: events.Key) -> None:
        """A letter chooses."""
        if event.character in self._choices:
            event.stop()
            event.prevent_default()
            self.dismiss(event.character)

    def on_table_opened(self, event: Table.Opened) -> None:
        """The one under the cursor."""
        event.stop()
        self.dismiss(event.key)


class ResultScreen(Dialog[None]):
    """Which of many were refused, and why."""

    BINDINGS: ClassVar = [Binding("escape,n,y", "refuse", "close")]
    CSS_PATH: ClassVar = "../changes.tcss"
    AUTO_FOCUS = "#results"

    def __init__(self, title: str, refused: Sequence[tuple[str, str]]) -> None:
        """`refused` are names with reasons."""
        super().__init__()
        self._title = title
        self._refused = {str(at): each for at, each in enumerate(refused)}

    def compose(self) -> ComposeResult:
        """How many, and the list."""
        self.table = Table(_RESULTS, self._row, symbols=self.app.symbols, id="results")
        with Vertical(classes="dialog menu change"):
            yield Static(safe(self._title), classes="dialog-title", markup=False)
            yield self.table
            with Horizontal(classes="dialog-buttons"):
                yield Button("esc  close", id="no", compact=True)

    def on_mount(self) -> None:
        """List them."""
        self.table.show(list(self._refused))

    def _row(self, key: str) -> Row:
        name, why = self._refused[key]
        return (cell(name, Role.STRONG), cell(why))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Close."""
        event.stop()
        self.dismiss(None)
