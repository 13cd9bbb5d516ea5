"""Choosing one node of many by typing."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static

from console.screens.base import Dialog
from console.view import rows
from console.view.labels import Row
from console.view.listing import Listing
from console.widgets.pane import ListPane
from console.widgets.table import Table

_COLUMNS = tuple(column for column in rows.NODE_COLUMNS if column.key in ("state", "name", "mac", "ip", "group"))
_SHOWN = [rows.NODE_COLUMNS.index(column) for column in _COLUMNS]


class PickNode(Dialog[str]):
    """Answers with the id of a node; escape with None."""

    BINDINGS: ClassVar = [
        Binding("escape", "refuse", "no"),
        Binding("slash", "filter", "filter"),
    ]
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, a filter, the nodes."""
        app = self.app
        self.table = Table(_COLUMNS, self._row, symbols=app.symbols, empty="No node fits.", id="pick")
        listing = Listing(
            fields=lambda key: rows.node_fields(app.model.node_view(key)),
            known=rows.NODE_FIELDS,
            sort_key=lambda key, sort: rows.node_sort_key(app.model.node_view(key), sort),
            sorts=("name",),
            now=lambda: app.now().timestamp(),
        )
        self.pane = ListPane(self.table, listing, lambda: app.model.nodes, known=app.model.nodes.__contains__)
        with Vertical(classes="dialog pick"):
            yield Static(self._question, classes="dialog-title", markup=False)
            yield self.pane
            yield Static("enter choose   / filter   esc close", classes="dialog-foot", markup=False)

    def on_mount(self) -> None:
        """Show all nodes."""
        self.pane.rearrange()
        self.table.focus()

    def _row(self, key: str) -> Row:
        row = rows.node_row(self.app.model.node_view(key), self.app.now(), self.app.symbols)
        return tuple(row[at] for at in _SHOWN)

    def on_table_opened(self, event: Table.Opened) -> None:
        """This one."""
        event.stop()
        self.dismiss(event.key)

    def action_filter(self) -> None:
        """Type a filter."""
        self.pane.filter.ask()
