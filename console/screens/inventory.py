"""What a machine reported of its hardware, to be folded and unfolded."""

from collections.abc import Iterable
from typing import ClassVar

from textual.widget import Widget

from console.model import Changes
from console.screens.base import PureBootScreen, work_on
from console.view import part_lines
from console.view.labels import Cell, Role, Row, ago, safe
from console.view.part_lines import Part
from console.view.pieces import Piece
from console.widgets.lines import Lines
from console.widgets.table import Table
from engine.errors import PureBootError
from engine.services.nodes import Inventory

_EMPTY = """This machine has not reported its hardware.

An agent or an installer does so with `inventory` in POST /api/v1/report; what it says appears here."""


class InventoryScreen(PureBootScreen):
    """A title, and the parts below one another."""

    CONTEXTS = ("inventory", "list")
    CSS_PATH: ClassVar = "../changes.tcss"
    NAME = "the inventory of a node"

    def __init__(self, node_id: str) -> None:
        super().__init__()
        self.node_id = node_id
        self._found: Inventory | None = None
        self._opened: set[str] = set()
        self._parts: dict[str, Part] = {}

    def body(self) -> Iterable[Widget]:
        """Title and parts."""
        self._title = Lines(id="inventory-title")
        self.table = Table(part_lines.COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="inventory")
        yield self._title
        yield self.table

    def _row(self, key: str) -> Row:
        return part_lines.part_row(self._parts[key], self.app.symbols)

    def begin(self) -> None:
        """Read it."""
        self.table.focus()
        work_on(self, self._read, group="read", exclusive=True)

    def refreshed(self, changes: Changes) -> None:
        """It may have reported again."""
        if self.node_id in changes.nodes:
            work_on(self, self._read, group="read", exclusive=True)

    def ticked(self) -> None:
        """It grows old."""
        self._show_title()

    async def _read(self) -> None:
        try:
            found = await self.app.pureboot.nodes.inventory(self.node_id)
        except PureBootError as error:
            self.app.complain(error)
            return
        if self._found is None and found is not None:
            self._opened = {part.path for part in part_lines.parts(found.values, ()) if part.has_parts}
        self._found = found
        self._show()

    def _show_title(self) -> None:
        node = self.app.model.nodes.get(self.node_id)
        since = ago(self._found.at, self.app.now()) if self._found else ""
        when = "" if not since else "reported just now" if since == "now" else f"reported {since} ago"
        name = safe(node.name) if node is not None else "a node that is gone"
        line: Cell = (Piece(f" {name}", Role.STRONG), Piece(f"   inventory, {when or 'none yet'}", Role.MUTED))
        self._title.show([line])

    def _show(self) -> None:
        self._show_title()
        values = self._found.values if self._found is not None else {}
        self._parts = {part.path: part for part in part_lines.parts(values, self._opened)}
        self.table.show(list(self._parts))

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """Fold or unfold."""
        self._opened ^= {event.key}
        self._show()

    def action_open(self) -> None:
        """Fold or unfold what is under the cursor."""
        self.table.action_open()

    def action_fold_all(self) -> None:
        """Unfold everything, or fold it if it is."""
        everything = set(part_lines.all_paths(self._found.values)) if self._found is not None else set()
        self._opened = set() if everything <= self._opened else everything
        self._show()
