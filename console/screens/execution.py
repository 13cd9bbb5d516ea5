"""One execution: its timeline, and of the selected attempt what there is to know and the log, live."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events, work
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from console import clipboard, keys
from console.keys import Key
from console.model import Changes
from console.screens import control, deeds
from console.screens.base import PureBootScreen
from console.view import execution_lines
from console.view.execution_lines import LogState, starts_another
from console.view.timeline import Entry
from console.view.waiting import asking
from console.widgets.filter import FilterBar
from console.widgets.lines import Lines
from console.widgets.log_view import LogView
from console.widgets.seen import is_seen
from console.widgets.timeline import Timeline
from engine.core.executions import Attempt, Execution, ExecutionStatus
from engine.core.workflows import Workflow
from engine.errors import PureBootError

RETRY_SECONDS = 1.0
SHORT = 30  # lines of a screen that has none to give away


class ExecutionScreen(PureBootScreen):
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
        self._logged: str | None = None

    def body(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        symbols = self.app.symbols
        self.heading, self.about, self.log_heading = (
            Lines(id="execution-title"),
            Lines(id="execution-attempt"),
            Lines(id="log-heading"),
        )
        self.timeline = Timeline(symbols, id="timeline")
        self.log_view = LogView(symbols, id="log")
        self.search = FilterBar(id="search")
        with Vertical():
            yield self.heading
            yield self.timeline
            yield self.about
            yield self.log_heading
            yield self.search
            yield self.log_view

    # What is shown

    def begin(self) -> None:
        """Read the execution, and the workflow version it runs."""
        self.search.query_one(Input).placeholder = "search in the log"
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
            self._tell()

    def _tell(self) -> None:
        """Say what there is to say around the timeline and the log."""
        execution, entry = self._execution, self.timeline.selected
        if execution is None:
            return
        now, width, symbols = self.app.now(), self.size.width, self.app.symbols
        node = self.app.model.node_of(execution)
        name = node.name if node else ""
        self.heading.show(execution_lines.title(execution, name, now, width, symbols, self._above))
        self.about.show(execution_lines.attempt_lines(entry, execution.error or "", now, width, symbols))
        self.log_heading.show([execution_lines.log_heading(entry, self._log_state(), width, symbols)])

    def _log_state(self) -> LogState:
        log = self.log_view
        match, matches = log.matches
        return LogState(
            lines=log.lines,
            dropped=log.dropped,
            follows=log.follows,
            unseen=log.unseen,
            needle=log.needle,
            match=match,
            matches=matches,
            marked=log.marked,
        )

    def on_timeline_selected(self, event: Timeline.Selected) -> None:
        """Show the log of another attempt."""
        self._follow_log(event.entry)
        self._tell()

    def on_log_view_moved(self, _event: LogView.Moved) -> None:
        """Say how the log is read now."""
        self._tell()

    def _follow_log(self, entry: Entry) -> None:
        attempt = entry.attempt
        if self._logged == (attempt.id if attempt else ""):
            return
        self._logged = attempt.id if attempt else ""
        self.log_view.clear()
        self.workers.cancel_group(self, "log")
        if attempt is not None:
            self._append_log(attempt)

    @work(group="log", exclusive=True)
    async def _append_log(self, attempt: Attempt) -> None:
        """Follow a log for as long as it is shown, over times when the store cannot be read."""
        last = 0
        while True:
            try:
                async for batch in self.app.pureboot.feed.follow_log(
                    self.execution_id, attempt_id=attempt.id, after=last
                ):
                    last = batch[-1].id
                    for chunk in batch:
                        self.log_view.append(chunk.text)
            except PureBootError as error:
                self.app.complain(error)
                await asyncio.sleep(RETRY_SECONDS)

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
        (self.log_view if zoomed else self.timeline).focus()

    def action_log(self) -> None:
        """To the log, or back to the steps."""
        if self.log_view.has_focus and not self.is_zoomed:
            self.timeline.focus()
        else:
            self.log_view.focus()

    def action_follow(self) -> None:
        """Follow the end of the log, or stand still."""
        self.log_view.action_follow()

    def action_wrap(self) -> None:
        """Wrap long lines of the log, or cut them."""
        self.log_view.action_wrap()

    def action_mark(self) -> None:
        """Mark lines of the log."""
        self.log_view.focus()
        self.log_view.action_mark()

    def action_search(self) -> None:
        """Let a text to search be typed."""
        self.search.ask()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Search while typing."""
        self.log_view.search(event.text)

    def on_filter_bar_left(self, _event: FilterBar.Left) -> None:
        """The keys go to the log."""
        self.log_view.focus()

    def action_next(self) -> None:
        """The next match."""
        self.log_view.action_next()

    def action_previous(self) -> None:
        """The match before."""
        self.log_view.action_previous()

    def action_copy(self) -> None:
        """Copy what is marked or under the cursor, or else all."""
        self._copy(*self.log_view.chosen)

    def action_copy_all(self) -> None:
        """Copy the whole log."""
        self._copy(self.log_view.dropped, self.log_view.lines)

    def _copy(self, start: int, end: int) -> None:
        if start >= end:
            self.app.complain("there is no log to copy here yet")
            return
        copied = clipboard.copy(self.log_view.text(start, end))
        self.app.copy_to_clipboard(copied.text)
        self.app.tell(copied.said)

    def action_cancel(self) -> None:
        """Cancel the execution, after a question."""
        deeds.cancel(self.app, [self._execution] if self._execution else [])

    @property
    def _chosen(self) -> Attempt | None:
        """The attempt of the selected row; None while the step has none."""
        return self.timeline.selected.attempt if self.timeline.selected else None

    def action_pause(self) -> None:
        """Pause the execution or let it go on, after a question."""
        if self._execution is not None:
            control.pause(self.app, self._execution)

    def action_retry(self) -> None:
        """Retry what failed, after a question."""
        if self._execution is not None:
            control.retry(self.app, self._execution)

    def action_retry_step(self) -> None:
        """Run the selected step again, after a question."""
        if self._execution is not None:
            control.retry_step(self.app, self._execution, self._chosen)

    def action_skip(self) -> None:
        """Skip the selected step, with a reason."""
        if self._execution is not None:
            control.skip(self.app, self._execution, self._chosen)

    def action_approve(self) -> None:
        """Approve or reject what waits for a person."""
        if self._execution is not None:
            control.decide(self.app, self._execution, self._chosen)

    def action_parent(self) -> None:
        """Open the execution that started this one."""
        if self._execution is not None and self._execution.parent_id is not None:
            self.app.open_execution(self._execution.parent_id)
        else:
            self.app.complain("no other execution started this one")

    def action_artifacts(self) -> None:
        """Open what it made."""
        if self._execution is not None:
            from console.screens.artifacts import ArtifactsScreen

            self.app.push_screen(ArtifactsScreen(self._execution))

    def action_node(self) -> None:
        """Open the node."""
        if self._execution is not None and self._execution.node_id is not None:
            self.app.open_node(self._execution.node_id)
        else:
            self.app.complain("this execution is not for a node")

    async def action_back(self) -> None:
        """Drop the search, the marks, the zoom; then leave."""
        if self.search.text:
            self.search.text = ""
        elif self.log_view.marked:
            self.log_view.action_mark()
        elif self.is_zoomed:
            self._zoom(False)
        elif self.log_view.has_focus:
            self.timeline.focus()
        else:
            await super().action_back()


def fitting(shown: Sequence[Key], execution: Execution) -> list[Key]:
    """Of the keys of the footer those that do something as an execution stands; the one that it needs comes first."""
    needed = "approve" if asking(execution) else "retry" if control.can_retry(execution) else ""
    idle = {"search"} if needed == "approve" else set()
    if execution.ended:
        idle |= {"cancel", "pause"}
    if execution.status is ExecutionStatus.PENDING:
        idle |= {"pause"}
    left = [key for key in keys.KEYS["execution"] if key.action == needed]
    left += [key for key in shown if key.action not in idle]
    if execution.status is ExecutionStatus.PAUSED:
        left = [replace(key, label="resume") if key.action == "pause" else key for key in left]
    return left
