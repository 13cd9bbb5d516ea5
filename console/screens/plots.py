"""The dashboard's second page: boots an hour, and how long the steps of each workflow take."""

import contextlib
from collections.abc import Iterable, Mapping

from textual import events
from textual.widget import Widget

from console.model import Changes
from console.screens.base import PureBootScreen, work_on
from console.view import plot_lines
from console.widgets.lines import Lines
from console.widgets.page import PageScroll
from engine.core.estimates import History
from engine.core.events import Kind
from engine.core.trends import Boots
from engine.errors import PureBootError

READ_SECONDS = 60
_BOOTS = (Kind.NODE_BOOT_SERVED, Kind.NODE_BOOT_LOCAL)
_LOW, _HIGH = 6, 12
_TALL = 36


class PlotsScreen(PureBootScreen):
    """Plots of what was."""

    CONTEXTS = ("plots", "list")
    NAME = "plots"

    def __init__(self) -> None:
        super().__init__()
        self._boots: Boots | None = None
        self._workflows: list[tuple[str, str]] = []
        self._histories: Mapping[str, History] = {}
        self._at = 0
        self._ticks = 0

    def body(self) -> Iterable[Widget]:
        """The plots, one below the other."""
        self._upper, self._lower = Lines(id="plots-boots"), Lines(id="plots-steps")
        with PageScroll(id="plots-page") as self._page:
            yield self._upper
            yield self._lower

    def begin(self) -> None:
        """Read what was."""
        self._page.focus()
        self._show()
        self._read()

    def _read(self) -> None:
        work_on(self, self._read_all, group="plots", exclusive=True)

    async def _read_all(self) -> None:
        model = self.app.model
        newest = sorted(model.executions.values(), key=lambda each: each.created_at, reverse=True)
        self._workflows = list({each.workflow_id: each.workflow_name for each in newest}.items())
        with contextlib.suppress(PureBootError):
            self._histories = await self.app.pureboot.estimates.histories(each for each, _ in self._workflows)
            self._boots = await self.app.pureboot.trends.boots()
        self._show()

    def refreshed(self, changes: Changes) -> None:
        """Another boot counts."""
        if self._boots is None:
            return
        new = [event for event in changes.events if event.kind in _BOOTS]
        for event in new:
            self._boots = plot_lines.boots_after(self._boots, event.at)
        if new:
            self._show()

    def ticked(self) -> None:
        """What has ended since counts too."""
        self._ticks += 1
        if self._ticks % READ_SECONDS == 0:
            self._read()

    def on_resize(self, _event: events.Resize) -> None:
        """Give the plots what room there is."""
        if self._begun:
            self._show()

    def _show(self) -> None:
        size, symbols = self.app.size, self.app.symbols
        height = _HIGH if size.height >= _TALL else _LOW
        self._upper.show(plot_lines.boot_lines(self._boots, size.width - 1, height, symbols))
        name, past, place = "", None, ""
        if self._workflows:
            workflow_id, name = self._workflows[self._at % len(self._workflows)]
            past = self._histories.get(workflow_id)
            place = f", workflow {self._at % len(self._workflows) + 1} of {len(self._workflows)}"
        self._lower.show(plot_lines.step_lines(name, past, place, size.width - 1, symbols))

    # Keys

    def action_next(self) -> None:
        """The steps of the next workflow."""
        self._at += 1
        self._show()

    def action_previous(self) -> None:
        """The steps of the workflow before."""
        self._at -= 1
        self._show()

    async def action_plots(self) -> None:
        """Back to the dashboard."""
        await self.action_back()
