"""One node: what it is, what runs on it, what has become of it."""

import contextlib
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from console.keys import Key
from console.model import Changes
from console.screens import deeds
from console.screens.base import PureBootScreen, work_on
from console.screens.trace import TraceScreen
from console.view import execution_rows, node_lines
from console.view.labels import Row
from console.view.node_lines import Line
from console.view.rows import NodeView
from console.widgets.lines import Lines
from console.widgets.table import Table
from engine.core.events import Kind
from engine.core.explain import Verdict
from engine.core.nodes import StateChange
from engine.core.page import Page
from engine.core.workflows import Workflow
from engine.errors import PureBootError
from engine.services.nodes import Inventory

_COLUMNS = tuple(column for column in execution_rows.EXECUTION_COLUMNS if column.key != "node")
_SHOWN = [at for at, column in enumerate(execution_rows.EXECUTION_COLUMNS) if column.key != "node"]
HISTORY = 100
_EXPLAIN_SECONDS = 5
EXECUTIONS = 50


class PageTable(Table):
    """A short table on a page that is longer than the screen: the keys that turn pages turn those of the page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+d,ctrl+f,pagedown", "screen.page(1)", show=False),
        Binding("ctrl+u,ctrl+b,pageup", "screen.page(-1)", show=False),
    ]


class NodeScreen(PureBootScreen):
    """Facts, state history, the newest execution's steps, and the executions before."""

    CONTEXTS = ("node", "list")
    NAME = "one node"

    def __init__(self, node_id: str) -> None:
        super().__init__()
        self.node_id = node_id
        self._history: list[StateChange] = []
        self._workflow: tuple[str, Workflow] | None = None
        self._verdict: Verdict | None = None
        self._inventory: Inventory | None = None
        self._ticks = 0

    def body(self) -> Iterable[Widget]:
        """Title, execution, executions, facts, history."""
        self.table = PageTable(_COLUMNS, self._row, symbols=self.app.symbols, id="node-executions")
        self._title, self._steps = Lines(id="node-title"), Lines(id="node-steps")
        self._facts, self._changes = Lines(id="node-facts"), Lines(id="node-history")
        yield self._title
        with VerticalScroll(id="node-page", can_focus=False):
            with Vertical(id="node-columns"):
                with Vertical(id="node-now"):
                    yield self._steps
                    yield self.table
                yield self._facts
            yield self._changes

    @property
    def view(self) -> NodeView:
        """The node, as the model has it now."""
        return self.app.model.node_view(self.node_id)

    def _row(self, key: str) -> Row:
        row = execution_rows.execution_row(self.app.model.execution_view(key), self.app.now(), self.app.symbols)
        return tuple(row[at] for at in _SHOWN)

    def begin(self) -> None:
        """Show what is known, and read the rest."""
        self.table.focus(scroll_visible=False)
        self._show()
        self._read()
        self._explain()

    def refreshed(self, changes: Changes) -> None:
        """Show what has changed here."""
        if not changes.events or self.node_id in changes.nodes:
            self._explain()
        if not changes.events:
            work_on(self, self._read_node, group="columns", exclusive=True)
        elif changes.touches("group") or self.node_id in changes.nodes:
            self._show()
            if {Kind.NODE_STATE_CHANGED, Kind.NODE_REPORTED} & changes.kinds or self._is_new_execution():
                self._read()

    async def _read_node(self) -> None:
        await self.app.refresh_nodes({self.node_id})
        self._show()

    def _is_new_execution(self) -> bool:
        execution = self.view.execution
        return execution is not None and (self._workflow is None or self._workflow[0] != execution.id)

    def ticked(self) -> None:
        """Times grow old, and a silence that lasts means more."""
        self._ticks += 1
        if self._ticks % _EXPLAIN_SECONDS == 0:
            self._explain()
        self._show()

    def _explain(self) -> None:
        work_on(self, self._read_verdict, group="verdict", exclusive=True)

    async def _read_verdict(self) -> None:
        with contextlib.suppress(PureBootError):
            self._verdict = (await self.app.pureboot.traces.explain(self.node_id)).verdict
            self._show()

    def footer_keys(self) -> list[Key]:
        """Nothing to open where nothing has run, and nothing to cancel where nothing runs."""
        view = self.view
        idle = {"cancel"} if view.live is None else set()
        idle |= {"execution"} if view.execution is None else set()
        return [key for key in super().footer_keys() if key.action not in idle]

    def _show(self) -> None:
        self.keybar.show(self.footer_keys())
        view, now, symbols = self.view, self.app.now(), self.app.symbols
        execution = view.execution
        workflow = self._workflow[1] if self._workflow and execution and self._workflow[0] == execution.id else None
        width = self.app.size.width
        told = node_lines.explained(self._verdict, view, symbols, width)
        self._title.show([*node_lines.title(view, now, symbols, width), *told])
        self._steps.show(
            [
                node_lines.execution_heading(execution, now, symbols),
                *node_lines.steps(execution, workflow, now, symbols),
                (),
                node_lines.heading("EXECUTIONS"),
            ]
        )
        self._facts.show([node_lines.heading("MACHINE"), *self._machine(), ()])
        self._changes.show(
            [node_lines.heading("HISTORY"), *node_lines.history(self._history, now, symbols)],
        )
        keys = [each.id for each in self.app.model.executions_of(self.node_id)]
        self.table.display = bool(keys)
        self.table.show(keys)

    def _machine(self) -> list[Line]:
        """The facts, with what its group says."""
        limit = self.app.pureboot.settings.install.max_attempts
        group = self.app.model.group_of(self.view.node)
        told = node_lines.inventory(self._inventory, self.app.now())
        return [*node_lines.facts(self.view, self.app.now(), limit, group), *told]

    def _read(self) -> None:
        work_on(self, self._read_all, group="read", exclusive=True)

    async def _read_all(self) -> None:
        """Read what the model does not keep: the state log, older executions, the workflow's steps."""
        pureboot = self.app.pureboot
        try:
            self._history, _ = await pureboot.nodes.history(self.node_id, Page(limit=HISTORY))
            self._inventory = await pureboot.nodes.inventory(self.node_id)
            older, _ = await pureboot.executions.find(Page(limit=EXECUTIONS, filters={"node": (self.node_id,)}))
            self.app.model.put_executions(older)
            execution = self.view.execution
            if execution is not None and self._is_new_execution():
                _, workflow = await pureboot.executions.workflow(execution.id)
                self._workflow = (execution.id, workflow)
        except PureBootError as error:
            self.app.complain(error)
        self._show()

    # Keys

    def action_page(self, direction: int) -> None:
        """Turn the page."""
        page = self.query_one("#node-page")
        page.scroll_relative(y=direction * max(1, page.size.height - 2), animate=False)

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open an execution."""
        self.app.open_execution(event.key)

    def action_run(self) -> None:
        """Run a workflow on this node."""
        deeds.run_on(self.app, [self.node_id])

    def action_move(self) -> None:
        """Move this node to another state."""
        deeds.move(self.app, [self.node_id])

    def action_change(self) -> None:
        """Ask what to change."""
        from console.screens import changes

        changes.menu(self.app, [self.node_id])

    def action_cancel(self) -> None:
        """Cancel what runs on this node."""
        execution = self.view.execution
        deeds.cancel(self.app, [execution] if execution is not None else [])

    def action_trace(self) -> None:
        """Show what the machine did at the boot doors."""
        self.app.push_screen(TraceScreen(self.node_id))

    def action_inventory(self) -> None:
        """Show the hardware that it reported."""
        from console.screens.inventory import InventoryScreen

        self.app.push_screen(InventoryScreen(self.node_id))

    def action_execution(self) -> None:
        """Open the newest execution."""
        execution = self.view.execution
        if execution is None:
            self.app.complain("nothing has run on this node yet; press r to run a workflow on it")
        else:
            self.app.open_execution(execution.id)
