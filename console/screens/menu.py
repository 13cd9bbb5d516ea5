"""A few things to choose from, each by its letter: what can be changed, what was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from console import paint
from console.screens.base import Dialog
from console.view.columns import Column
from console.view.labels import Role, Row, cell, safe
from console.view.pieces import Piece
from console.widgets.page import PageScroll
from console.widgets.table import Table

_COLUMNS = (
    Column(key="key", title="", width=2, keep=100),
    Column(key="name", title="", width=16, flex=1, keep=99),
    Column(key="note", title="", width=10, flex=3, keep=98),
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
        self._refused = refused

    def compose(self) -> ComposeResult:
        """How many, and each with its reason."""
        pieces = [
            piece
            for at, (name, why) in enumerate(self._refused)
            for piece in (Piece(f"{chr(10) if at else ''}{safe(name)}  ", Role.STRONG), Piece(safe(why)))
        ]
        text = paint.text(pieces, self.app.theme)
        text.no_wrap = False
        with Vertical(classes="dialog results"):
            yield Static(safe(self._title), classes="dialog-title", markup=False)
            with PageScroll(id="results"):
                yield Static(text)
            with Horizontal(classes="dialog-buttons"):
                yield Button("esc  close", id="no", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Close."""
        event.stop()
        self.dismiss(None)
