"""The executions: what runs, and what ran."""

from collections.abc import Iterable

from textual.widget import Widget

from console.model import Changes
from console.screens import deeds
from console.screens.base import work_on
from console.screens.lists import ListScreen
from console.view import rows
from console.view.labels import Row
from console.view.listing import Listing
from console.widgets.pane import ListPane
from console.widgets.table import Table

_EMPTY = """Nothing has run yet.

Go to the nodes (1), choose one or mark several (space), and press r to run a workflow."""
_NOTHING_FITS = f"""No execution fits the filter. Press escape to drop it.

Fields: {" ".join(rows.EXECUTION_FIELDS)}"""


class ExecutionsScreen(ListScreen):
    """Every execution, what runs first."""

    CONTEXTS = ("executions", "list")
    NAME = "executions"

    def body(self) -> Iterable[Widget]:
        """The list."""
        self.table = Table(rows.EXECUTION_COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="executions")
        listing = Listing(
            fields=lambda key: rows.execution_fields(self.app.model.execution_view(key)),
            known=rows.EXECUTION_FIELDS,
            sort_key=lambda key, sort: rows.execution_sort_key(self.app.model.execution_view(key), sort),
            sorts=rows.EXECUTION_SORTS,
        )
        executions = self.app.model.executions
        self.pane = ListPane(self.table, listing, lambda: executions, known=executions.__contains__)
        yield self.pane

    def _row(self, key: str) -> Row:
        return rows.execution_row(self.app.model.execution_view(key), self.app.now(), self.app.symbols)

    def begin(self) -> None:
        """Show all executions."""
        self.table.focus()
        work_on(self, self._fill, group="fill")

    def refreshed(self, changes: Changes) -> None:
        """Show what has changed."""
        if changes.executions or changes.nodes:
            self.pane.listing.forget(changes.executions)
            self._arrange()

    async def _fill(self) -> None:
        self._choose_empty()
        await self.pane.begin()

    def _arrange(self) -> None:
        self._choose_empty()
        self.pane.rearrange()

    def _choose_empty(self) -> None:
        self.table.empty = _NOTHING_FITS if self.app.model.executions else _EMPTY

    def ticked(self) -> None:
        """What runs has run longer."""
        self.table.repaint()

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open an execution."""
        self.app.open_execution(event.key)

    def action_cancel(self) -> None:
        """Cancel the execution under the cursor."""
        key = self.table.cursor_key
        deeds.cancel(self.app, [self.app.model.executions[key]] if key else [])

    def action_node(self) -> None:
        """Open the node of the execution under the cursor."""
        execution = self.app.model.executions.get(self.table.cursor_key or "")
        if execution is not None and execution.node_id is not None:
            self.app.open_node(execution.node_id)
        else:
            self.app.complain("this execution is not for a node")
