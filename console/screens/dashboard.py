"""The dashboard: what needs a person now, how the nodes stand, and what runs."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from textual import events
from textual.containers import Vertical
from textual.widget import Widget

from console.model import Changes
from console.overview import Overview, StateTrend
from console.screens import control, letters, stuck
from console.screens.base import PureBootScreen, work_on
from console.view import dashboard_lines, heading, needs
from console.view.labels import Row
from console.view.needs import Need, NeedKind
from console.widgets.lines import Lines
from console.widgets.seen import is_seen
from console.widgets.table import Table
from engine.core.estimates import History, eta
from engine.core.executions import Execution
from engine.core.page import Page
from engine.core.traffic import Carrier, Total
from engine.core.trends import Moves
from engine.errors import PureBootError

CHUNK = 200  # nodes that are looked at in a few milliseconds
ESTIMATE_SECONDS = 20
MOST_LETTERS = 200
_LEAST_NEEDS, _MOST_NEEDS = 2, 0.4  # lines, and the part of the screen
_TALL, _WIDE = 30, 140


class DashboardScreen(PureBootScreen):
    """Three parts, the most urgent first; each row leads to what it is about."""

    CONTEXTS = ("dashboard", "list")
    NAME = "dashboard"

    def __init__(self) -> None:
        super().__init__()
        self._trend = StateTrend()
        self._histories: Mapping[str, History] = {}
        self._flows: Mapping[Carrier, Total] = {}
        self._ticks = 0
        self._needs_height = -1
        self._stay: set[str] = set()

    def body(self) -> Iterable[Widget]:
        """What needs a person; the states; what runs."""
        symbols = self.app.symbols
        self._overview = Overview(self.app.model)
        self._needs_heading, self._states = Lines(), Lines(id="dashboard-states")
        self._running_heading = Lines(id="dashboard-running-heading")
        self.table = Table(
            needs.COLUMNS, self._need_row, symbols=symbols, empty=needs.NOTHING, heading=False, id="needs"
        )
        self._at_work = Table(
            dashboard_lines.RUNNING_COLUMNS,
            self._running_row,
            symbols=symbols,
            empty=dashboard_lines.NOTHING_RUNS,
            heading=False,
            id="running",
        )
        with Vertical(id="dashboard-top"):
            with Vertical(id="dashboard-needs"):
                yield self._needs_heading
                yield self.table
            yield self._states
        yield self._running_heading
        yield self._at_work

    def _need_row(self, key: str) -> Row:
        return needs.row(self._overview.needs[key], self.app.now(), self.app.symbols)

    def _running_row(self, key: str) -> Row:
        view, now = self.app.model.execution_view(key), self.app.now()
        past = self._histories.get(view.execution.workflow_id)
        about = eta(view.execution, past, now) if past is not None else None
        width = self._at_work.width_of("progress")
        return dashboard_lines.running_row(view, about, now, self.app.symbols, width)

    # Keeping up to date

    def begin(self) -> None:
        """Show what is known at once; read the rest meanwhile."""
        self.table.focus()
        self._overview.begin()
        self._arrange()
        work_on(self, self._look_at_all, group="nodes")
        work_on(self, self._read_letters, group="letters", exclusive=True)
        work_on(self, self._read_past, group="past")
        work_on(self, self._estimate, group="estimates", exclusive=True)

    async def _look_at_all(self) -> None:
        """Each node once; however many there are, keys and clocks are not kept waiting."""
        everything = list(self.app.model.nodes)
        for at in range(0, len(everything), CHUNK):
            self._overview.look_at(everything[at : at + CHUNK])
            await asyncio.sleep(0)
        await stuck.look(self.app)
        self._overview.is_whole = True
        self._arrange()
        if self.table.has_focus and not self.table.keys and self._at_work.keys:
            self._at_work.focus()

    async def _read_letters(self) -> None:
        with contextlib.suppress(PureBootError):
            self._overview.letters, _ = await self.app.pureboot.dead_letters.find(Page(limit=MOST_LETTERS))
            self._arrange()

    async def _read_past(self) -> None:
        now = self.app.now()
        past = Moves(since=now)
        with contextlib.suppress(PureBootError):
            past = await self.app.pureboot.trends.moves(now - timedelta(hours=1))
        self._trend.load(past, self.app.model.states, self.app.now())
        self._show_states()

    async def _estimate(self) -> None:
        model = self.app.model
        workflows = {model.executions[each].workflow_id for each in self._overview.at_work if each in model.executions}
        with contextlib.suppress(PureBootError):
            self._histories = await self.app.pureboot.estimates.histories(workflows)
            self._at_work.repaint()

    def refreshed(self, changes: Changes) -> None:
        """Take up what has changed, and nothing else."""
        self._overview.follow(changes)
        if changes.touches("dead_letter"):
            work_on(self, self._read_letters, group="letters", exclusive=True)
        if changes.touches("execution"):
            work_on(self, self._estimate, group="estimates", exclusive=True)
        if changes.events:
            self._arrange()

    def ticked(self) -> None:
        """Times grow old; some machines hang; another minute begins."""
        self._ticks += 1
        if self._ticks % stuck.LOOK_SECONDS == 0:
            work_on(self, self._look_for_stuck, group="stuck", exclusive=True)
        if self._ticks % ESTIMATE_SECONDS == 0:
            work_on(self, self._estimate, group="estimates", exclusive=True)
        self._trend.tick(self.app.model.states, self.app.now())
        self._arrange()

    async def _look_for_stuck(self) -> None:
        if await stuck.look(self.app):
            self._arrange()

    # Showing

    def _arrange(self) -> None:
        """Show what there is; what looks as before is not painted."""
        if not is_seen(self):
            return
        overview, model = self._overview, self.app.model
        self._put(self.table, overview.gather(self.app.pureboot.trouble))
        self._put(self._at_work, overview.at_work)
        self._needs_heading.show([needs.heading(list(overview.needs.values()), overview.is_whole)])
        pending = model.running - sum(model.statuses[status] for status in dashboard_lines.AT_WORK)
        self._running_heading.show([dashboard_lines.running_heading(len(overview.at_work), pending)])
        self._fit()
        self._show_states()
        work_on(self, self._read_flows, group="flows", exclusive=True)

    async def _read_flows(self) -> None:
        with contextlib.suppress(PureBootError):
            self._flows = await self.app.pureboot.traffic.flows()
            self._show_states()

    def _put(self, table: Table, keys: Sequence[str]) -> None:
        """Show rows; the cursor stays on the first one unless it was put elsewhere."""
        table.show(keys)
        if table.id not in self._stay:
            table.move_to_top()

    def on_table_highlighted(self, event: Table.Highlighted) -> None:
        """Leave the cursor where it was put; on the first row it stays on top."""
        if event.by_hand and event.table.id is not None:
            (self._stay.discard if event.key == event.table.keys[0] else self._stay.add)(event.table.id)

    def _show_states(self) -> None:
        symbols, size = self.app.symbols, self.app.size
        is_wide = size.width >= _WIDE
        width = size.width * 4 // 9 - 1 if is_wide else size.width
        is_tall = size.height >= _TALL
        most = len(heading.ORDER) if is_tall else 6
        lines = dashboard_lines.state_lines(self.app.model.states, self._trend.series, width, most, symbols)
        if self._flows and is_tall:
            lines += [(), *dashboard_lines.traffic_lines(self._flows, width, symbols)]
        self._states.show(lines)

    def _fit(self) -> None:
        """Give the needs the lines they take, up to a part of the screen; what runs has the rest."""
        most = max(_LEAST_NEEDS, int(self.app.size.height * _MOST_NEEDS) - 1)
        height = max(_LEAST_NEEDS, min(len(self.table.keys), most))
        if height != self._needs_height:
            self._needs_height = height
            self.table.styles.height = height

    def on_resize(self, _event: events.Resize) -> None:
        """Other parts may have room now."""
        self.set_class(self.app.size.width >= _WIDE, "-beside")
        if self._begun:
            self._needs_height = -1
            self._arrange()

    # Keys

    @property
    def _need(self) -> Need | None:
        """What the cursor stands on, where that is among the needs."""
        return self._overview.needs.get(self.table.cursor_key or "") if self.table.has_focus else None

    def _chosen(self) -> Execution | None:
        """The execution that the cursor stands on."""
        need = self._need
        key = need.execution_id if need is not None else self._at_work.cursor_key if self._at_work.has_focus else None
        return self.app.model.executions.get(key or "")

    def action_open(self) -> None:
        """Go to what the row is about."""
        (self._at_work if self._at_work.has_focus else self.table).action_open()

    async def on_table_opened(self, event: Table.Opened) -> None:
        """Go to what the row is about."""
        need = self._overview.needs.get(event.key) if event.table is self.table else None
        if need is None:
            self.app.open_execution(event.key)
        elif need.kind is NeedKind.STORE:
            await self.app.action_show("log")
        elif need.kind is NeedKind.LETTER:
            self.app.open_letters(need.letter_id)
        elif need.kind in (NeedKind.FAILED, NeedKind.STUCK) and need.node_id is not None:
            self.app.open_node(need.node_id)
        elif need.execution_id is not None:
            self.app.open_execution(need.execution_id)
        else:
            await self.app.action_show("executions")

    def _on_execution(self, what: str) -> Execution | None:
        execution = self._chosen()
        if execution is None:
            self.app.complain(f"no execution is under the cursor: there is nothing to {what}")
        return execution

    def action_approve(self) -> None:
        """Approve or reject what waits for it."""
        execution, need = self._on_execution("approve"), self._need
        if execution is not None:
            step = need.key.partition(":")[2] if need is not None and need.kind is NeedKind.APPROVAL else ""
            attempt = next((each for each in execution.attempts if each.id == step), None)
            control.decide(self.app, execution, attempt)

    def action_retry(self) -> None:
        """Retry what failed, or replay a dead letter."""
        need = self._need
        if need is not None and need.letter_id is not None:
            letters.replay(self.app, {need.letter_id: need.who})
        elif (execution := self._on_execution("retry")) is not None:
            control.retry(self.app, execution)

    def action_pause(self) -> None:
        """Pause, or let go on."""
        if (execution := self._on_execution("pause")) is not None:
            control.pause(self.app, execution)

    def action_trace(self) -> None:
        """Show the boot trace of the machine."""
        from console.screens.trace import TraceScreen

        execution, need = self._chosen(), self._need
        node_id = need.node_id if need is not None else execution.node_id if execution is not None else None
        if node_id is None:
            self.app.complain("no node is under the cursor whose trace could be shown")
        else:
            self.app.push_screen(TraceScreen(node_id))

    def action_letters(self) -> None:
        """Show the dead letters."""
        self.app.open_letters()

    def action_plots(self) -> None:
        """Show the plots."""
        from console.screens.plots import PlotsScreen

        self.app.push_screen(PlotsScreen())
