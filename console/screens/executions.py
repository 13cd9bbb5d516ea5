"""The executions: what runs, and what ran."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.widget import Widget

from console import keys
from console.keys import Key
from console.model import Changes
from console.screens import deeds, many
from console.screens.base import work_on
from console.screens.lists import ListScreen
from console.view import execution_rows
from console.view.labels import Row
from console.view.listing import Listing
from console.widgets.marking import MarkingTable
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.core.estimates import History, eta
from engine.core.executions import Execution
from engine.errors import PureBootError

_LOOK_SECONDS = 10
_EMPTY = """Nothing has run yet.

Go to the nodes (1), choose one or mark several (space), and press r to run a workflow."""
_NOTHING_FITS = f"""No execution fits the filter. Press escape to drop it.

Fields: {" ".join(execution_rows.EXECUTION_FIELDS)}"""


class ExecutionsScreen(ListScreen):
    """Every execution, what runs first."""

    CONTEXTS = ("executions", "list", "marks")
    NAME = "executions"

    def __init__(self) -> None:
        super().__init__()
        self._histories: Mapping[str, History] = {}
        self._ticks = 0

    def body(self) -> Iterable[Widget]:
        """The list."""
        self.table = MarkingTable(
            execution_rows.EXECUTION_COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="executions"
        )
        listing = Listing(
            fields=lambda key: execution_rows.execution_fields(self.app.model.execution_view(key)),
            known=execution_rows.EXECUTION_FIELDS,
            sort_key=lambda key, sort: execution_rows.execution_sort_key(self.app.model.execution_view(key), sort),
            sorts=execution_rows.EXECUTION_SORTS,
            now=lambda: self.app.now().timestamp(),
        )
        executions = self.app.model.executions
        self.pane = ListPane(self.table, listing, lambda: executions, known=executions.__contains__)
        yield self.pane

    def _row(self, key: str) -> Row:
        view, now = self.app.model.execution_view(key), self.app.now()
        past = self._histories.get(view.execution.workflow_id)
        if past is not None and not view.execution.ended:
            view = replace(view, eta=eta(view.execution, past, now))
        return execution_rows.execution_row(view, now, self.app.symbols)

    def footer_keys(self) -> list[Key]:
        """Those of the marks as well."""
        return keys.footer("executions", "marks")

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
        await self._read_histories()

    async def _read_histories(self) -> None:
        """What earlier runs tell of those workflows of which something runs."""
        running = {each.workflow_id for each in self.app.model.executions.values() if not each.ended}
        with contextlib.suppress(PureBootError):
            self._histories = await self.app.pureboot.estimates.histories(running)
            self.table.repaint()

    def _arrange(self) -> None:
        self._choose_empty()
        self.pane.rearrange()

    def _choose_empty(self) -> None:
        self.table.empty = _NOTHING_FITS if self.app.model.executions else _EMPTY

    def ticked(self) -> None:
        """What runs has run longer, and now and then more is known of how long such things take."""
        self._ticks += 1
        if self._ticks % _LOOK_SECONDS == 0:
            work_on(self, self._read_histories, group="histories", exclusive=True)
        self.table.repaint()

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open an execution."""
        self.app.open_execution(event.key)

    @property
    def _chosen(self) -> list[Execution]:
        """The marked executions, else that under the cursor."""
        known = self.app.model.executions
        return [known[key] for key in self.table.chosen if key in known]

    def action_cancel(self) -> None:
        """Cancel the chosen executions."""
        deeds.cancel(self.app, self._chosen)

    def action_pause(self) -> None:
        """Pause the chosen executions, or let them go on."""
        if self._chosen:
            many.pause(self.app, self._chosen)

    def action_retry(self) -> None:
        """Retry the chosen executions."""
        if self._chosen:
            many.retry(self.app, self._chosen)

    def action_node(self) -> None:
        """Open the node of the execution under the cursor."""
        execution = self.app.model.executions.get(self.table.cursor_key or "")
        if execution is not None and execution.node_id is not None:
            self.app.open_node(execution.node_id)
        else:
            self.app.complain("this execution is not for a node")
