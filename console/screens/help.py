"""The keys of a screen, made from the one table of keys."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from console import keys, paint
from console.screens.base import Dialog
from console.view import labels
from console.view.labels import Cell, Role
from console.view.pieces import Piece

_TITLES = {
    "everywhere": "Everywhere",
    "list": "In a list",
    "marks": "Marking",
}


class HelpScreen(Dialog[None]):
    """What each key does here; scrolls where it does not fit."""

    BINDINGS: ClassVar = [
        Binding("escape,question_mark,q,f1", "refuse", "close"),
        Binding("j,down", "scroll('down')", show=False),
        Binding("k,up", "scroll('up')", show=False),
        Binding("ctrl+d,pagedown,space", "scroll('page_down')", show=False),
        Binding("ctrl+u,pageup", "scroll('page_up')", show=False),
        Binding("g,home", "scroll('home')", show=False),
        Binding("G,end", "scroll('end')", show=False),
    ]
    AUTO_FOCUS = "VerticalScroll"

    def __init__(self, contexts: Sequence[str], title: str) -> None:
        super().__init__()
        self._contexts = contexts
        self._title = title

    def compose(self) -> ComposeResult:
        """Title, keys, how to leave."""
        with Vertical(classes="dialog help"):
            yield Static(f"Keys: {self._title}" if self._title else "Keys", classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(self._table(), id="help-keys")
            yield Static("j k scroll   esc close", classes="dialog-foot", markup=False)

    def _table(self) -> Table:
        """Keys and what they do, section by section; then what the symbols mean."""
        table = Table.grid(padding=(0, 3, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        for context in (*self._contexts, "everywhere"):
            if keys.KEYS[context]:
                table.add_row(self._piece(self._heading(context), Role.STRONG), "")
                for key in map(self.app.keymap.of, keys.KEYS[context]):
                    table.add_row(self._piece(f"  {key.display}", Role.ACCENT), self._piece(key.help, Role.PLAIN))
                table.add_row("", "")
        table.add_row(self._piece("Symbols", Role.STRONG), "")
        for pieces in self._symbols():
            table.add_row(*(paint.text(each, self.app.theme) for each in pieces))
        return table

    def _symbols(self) -> Iterator[tuple[Cell, Cell]]:
        symbols = self.app.symbols
        for state, symbol in symbols.node.items():
            role = labels.NODE_ROLES[state]
            yield (Piece(f"  {symbol}", role),), (Piece(f"node {labels.words(state)}", Role.PLAIN),)
        for status, symbol in symbols.attempt.items():
            role = labels.ATTEMPT_ROLES[status]
            yield (Piece(f"  {symbol}", role),), (Piece(f"step {labels.words(status)}", Role.PLAIN),)

    def _heading(self, context: str) -> str:
        return _TITLES.get(context, "On this screen")

    def _piece(self, text: str, role: Role) -> Text:
        piece = paint.text([Piece(text, role)], self.app.theme)
        piece.no_wrap = role is not Role.PLAIN
        return piece

    def action_scroll(self, where: str) -> None:
        """Scroll the keys."""
        getattr(self.query_one(VerticalScroll), f"scroll_{where}")(animate=False)
