"""One execution: its timeline, and of the selected attempt what there is to know and the log, live."""

from collections.abc import Iterable
from typing import ClassVar

from textual import events, work
from textual.containers import Vertical
from textual.widget import Widget

from console.keys import Key
from console.model import Changes
from console.screens.execution_deeds import fitting
from console.screens.execution_reading import ExecutionReading
from console.view import execution_lines
from console.view.execution_lines import starts_another
from console.view.timeline_rows import Entry
from console.widgets.details_pane import DetailsPane
from console.widgets.graph_view import GraphView
from console.widgets.lines import Lines
from console.widgets.log_pane import LogPane
from console.widgets.log_view import LogView
from console.widgets.seen import is_seen
from console.widgets.timeline import Timeline
from engine.core.estimates import History, eta
from engine.core.executions import Attempt, Execution
from engine.core.workflows import Workflow
from engine.errors import PureBootError

SHORT = 30  # lines of a screen that has none to give away


class ExecutionScreen(ExecutionReading):
    """Title, timeline, selected attempt, log; the log can have the whole screen."""

    CONTEXTS = ("execution", "list")
    NAME = "one execution"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, execution_id: str) -> None:
        super().__init__()
        self.execution_id = execution_id
        self._workflow: Workflow | None = None
        self._execution: Execution | None = None
        self._above: Execution | None = None
        self._past: History | None = None

    @property
    def execution(self) -> Execution | None:
        """The execution; None until it was read."""
        return self._execution

    @property
    def chosen(self) -> Attempt | None:
        """The attempt of the selected row; None while the step has none."""
        return self.timeline.selected.attempt if self.timeline.selected else None

    def body(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        symbols = self.app.symbols
        self.heading, self.about = Lines(id="execution-title"), Lines(id="execution-attempt")
        self.timeline = Timeline(symbols, id="timeline")
        self.graph = GraphView(symbols, id="graph")
        self.graph.display = False
        self.log_pane, self.details = LogPane(symbols, id="log-pane"), DetailsPane(symbols, id="details-pane")
        self.details.display = False
        with Vertical():
            yield self.heading
            yield self.timeline
            yield self.graph
            yield self.about
            yield self.log_pane
            yield self.details

    @property
    def pane(self) -> LogPane | DetailsPane:
        """What stands below the steps: the log or the details."""
        return self.details if self.details.display else self.log_pane

    @property
    def log_view(self) -> LogView:
        """The log."""
        return self.log_pane.view

    # What is shown

    def begin(self) -> None:
        """Read the execution, and the workflow version it runs."""
        self.log_pane.begin()
        self.details.begin()
        self.timeline.focus()
        self._read()

    def refreshed(self, changes: Changes) -> None:
        """Show what has changed of it: by events, or in columns that have none."""
        if self._execution is None or not is_seen(self):
            return
        known = self.app.model.executions.get(self.execution_id)
        if self.execution_id in changes.executions and known is not None:
            self._show(known)
        elif self.execution_id in changes.executions or (not changes.events and not self._execution.ended):
            self._read()

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Show what has changed while another screen was in front."""
        if self._execution is not None:
            self._read()

    def ticked(self) -> None:
        """What runs has run longer."""
        if is_seen(self) and self._execution is not None and not self._execution.ended:
            self.timeline.tick(self.app.now())
            self._tell()

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap what is said for the new width; give away the blank lines where there are few lines at all."""
        self.set_class(self.size.height < SHORT, "-short")
        self._tell()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        try:
            execution, self._workflow = await self.app.pureboot.executions.workflow(self.execution_id)
            if execution.parent_id is not None and self._above is None:
                self._above = await self.app.pureboot.executions.get(execution.parent_id)
            if not execution.ended and self._past is None:
                past = await self.app.pureboot.estimates.histories((execution.workflow_id,))
                self._past = past.get(execution.workflow_id)
        except PureBootError as error:
            self.app.complain(error)
        else:
            self._show(execution)

    def footer_keys(self) -> list[Key]:
        """Those that do something as it stands now; first what it needs most."""
        shown = super().footer_keys()
        return shown if self._execution is None else fitting(shown, self._execution)

    def _show(self, execution: Execution) -> None:
        self._execution = execution
        self.keybar.show(self.footer_keys())
        if self._workflow is not None:
            self.timeline.show(self._workflow, execution, self.app.now())
            self._draw()
            self._tell()

    def _tell(self) -> None:
        """Say what there is to say around the timeline and the log."""
        execution, entry = self._execution, self.timeline.selected
        if execution is None:
            return
        now, width, symbols = self.app.now(), self.size.width, self.app.symbols
        node = self.app.model.node_of(execution)
        name = node.name if node else ""
        left = eta(execution, self._past, now) if self._past is not None else None
        self.heading.show(execution_lines.title(execution, name, now, width, symbols, self._above, left))
        self.about.show(
            execution_lines.attempt_lines(entry, execution.error or "", now, width, symbols, self._child_of(entry))
        )
        self.log_pane.show(entry)
        self.details.show(entry)

    @property
    def steps(self) -> Timeline | GraphView:
        """Where the steps are chosen: the timeline or the graph."""
        return self.graph if self.graph.display else self.timeline

    def _draw(self) -> None:
        """Bring the graph up to date, if it is shown."""
        if self.graph.display and self._workflow is not None:
            self.graph.draw(self._workflow, self._execution)
            if self.timeline.selected is not None:
                self.graph.select(self.timeline.selected.step.key)

    def _child_of(self, entry: Entry | None) -> Execution | None:
        """What the selected attempt started, as far as it is known."""
        attempt = entry.attempt if entry is not None else None
        if attempt is None or not starts_another(attempt):
            return None
        known = self.app.model.executions.values()
        return next((each for each in known if each.parent_attempt_id == attempt.id), None)

    def on_timeline_selected(self, event: Timeline.Selected) -> None:
        """Show the log of another attempt."""
        self.graph.select(event.entry.step.key)
        self._tell()

    def on_graph_view_selected(self, event: GraphView.Selected) -> None:
        """Select the newest attempt of a step."""
        self.timeline.select(event.key)

    def on_graph_view_opened(self, _event: GraphView.Opened) -> None:
        """As in the timeline."""
        self.timeline.action_open()

    # Keys

    def on_timeline_opened(self, event: Timeline.Opened) -> None:
        """Open what the step started, or give the log the whole screen."""
        attempt = event.entry.attempt
        if attempt is not None and starts_another(attempt):
            self._open_child(attempt)
        else:
            self._zoom(True)

    def action_open(self) -> None:
        """Give the log the whole screen, or take it back."""
        self._zoom(not self.is_zoomed)

    @work(group="child", exclusive=True)
    async def _open_child(self, attempt: Attempt) -> None:
        """Open the execution that an attempt started."""
        told = attempt.output.get("execution_id")
        try:
            below = await self.app.pureboot.executions.tree(self.execution_id)
        except PureBootError as error:
            self.app.complain(error)
            return
        child = next((each for each in below if each.parent_attempt_id == attempt.id or each.id == told), None)
        if child is None:
            self.app.complain(f"what {attempt.step_name} started is not there any more")
        else:
            self.app.open_execution(child.id)

    @property
    def is_zoomed(self) -> bool:
        """Whether the log has the whole screen."""
        return self.has_class("-zoomed")

    def _zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        (self.pane.view if zoomed else self.steps).focus()

    def action_log(self) -> None:
        """To the log or the details, or back to the steps."""
        if self.pane.view.has_focus and not self.is_zoomed:
            self.steps.focus()
        else:
            self.pane.view.focus()

    def action_graph(self) -> None:
        """Show the steps as a graph, or in their time."""
        had_focus = self.steps.has_focus
        self.graph.display = not self.graph.display
        self.timeline.display = not self.graph.display
        self._draw()
        if had_focus:
            self.steps.focus()

    def action_details(self) -> None:
        """Show all there is to know of the selected attempt in the place of its log, or the log again."""
        had_focus = self.pane.view.has_focus
        self.details.display = not self.details.display
        self.log_pane.display = not self.details.display
        self.set_class(self.details.display, "-details")
        self._tell()
        if had_focus or self.is_zoomed:
            self.pane.view.focus()

    async def action_back(self) -> None:
        """Drop the search, the marks, the zoom; then leave."""
        if self.pane.step_back():
            return
        if self.is_zoomed:
            self._zoom(False)
        elif self.pane.view.has_focus:
            self.steps.focus()
        else:
            await super().action_back()
