"""The first steps: what an empty store opens on; each line checks itself off when it is done."""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from textual import events
from textual.containers import VerticalScroll
from textual.widget import Widget

from console.model import Changes
from console.screens.base import PureBootScreen, work_on
from console.view import guide_lines
from console.view.guide_lines import Standing, Step
from console.widgets.lines import Lines
from engine.core.documents import FILE_TYPES, DocumentStatus
from engine.core.executions import ExecutionStatus
from engine.core.page import EVERYTHING, Page
from engine.errors import PureBootError

_LOOK_SECONDS = 2


class GuideScreen(PureBootScreen):
    """The steps, and how each is done."""

    CONTEXTS = ("guide",)
    NAME = "first steps"
    _ticks = 0

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] = []

    def body(self) -> Iterable[Widget]:
        """Title, steps, what is left."""
        self._lines = Lines(id="guide-steps")
        with VerticalScroll(id="guide-page"):
            yield self._lines

    def begin(self) -> None:
        """Look how far it is."""
        self._look()

    def refreshed(self, changes: Changes) -> None:
        """Look again: whatever has happened may have been one of the steps."""
        self._look()

    def ticked(self) -> None:
        """A file is copied without an event."""
        self._ticks += 1
        if self._ticks % _LOOK_SECONDS == 0:
            self._look()

    def _look(self) -> None:
        work_on(self, self._read, group="guide", exclusive=True)

    async def _read(self) -> None:
        try:
            standing = await self._standing()
        except PureBootError as error:
            self.app.complain(error)
            return
        self._steps = guide_lines.steps(standing)
        self._show()

    def _show(self) -> None:
        if self._steps:
            title = guide_lines.title(self.app.title)
            shown = guide_lines.lines(self._steps, self.app.symbols, self.size.width)
            self._lines.show([*title, guide_lines.closing(self._steps), (), *shown])

    def on_resize(self, _event: events.Resize) -> None:
        """Wrap for the new width."""
        self._show()

    async def _standing(self) -> Standing:
        pureboot, model = self.app.pureboot, self.app.model
        settings = pureboot.settings
        workflows, _ = await pureboot.workflows.find(EVERYTHING)
        files, _ = await pureboot.templates.find(Page(limit=1, filters={"type": tuple(sorted(FILE_TYPES))}))
        return Standing(
            files=bool(files) or await asyncio.to_thread(_has_file, settings.files.dir),
            files_dir=str(settings.files.dir),
            workflows=sum(each.status is DocumentStatus.ACTIVE for each in workflows),
            drafts=sum(each.status is DocumentStatus.DRAFT for each in workflows),
            proxy=settings.dhcp.mode == "proxy",
            heard=any(node.last_seen_at is not None for node in model.nodes.values()),
            nodes=len(model.nodes),
            installed=any(each.status is ExecutionStatus.SUCCEEDED for each in model.executions.values()),
            url=self.app.facts().server_url,
        )

    # Keys

    async def action_open(self) -> None:
        """On to the nodes."""
        await self.app.action_show("nodes")

    def action_copy(self) -> None:
        """Copy how the next step is done."""
        following = next((step for step in self._steps if not step.done), None)
        if following is None:
            self.app.complain("all is done: there is nothing to copy")
        else:
            self.app.copy_to_clipboard("\n".join(following.how))
            self.app.tell(f"copied how it is done: {following.title}")

    def step_back(self) -> bool:
        """To the nodes: there is nothing behind the first screen."""
        self.app.call_later(self.app.action_show, "nodes")
        return True


def _has_file(folder: Path) -> bool:
    """Whether there is a file anywhere below; the walk ends at the first."""
    return any(names for _, _, names in os.walk(folder))
