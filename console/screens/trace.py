"""A node's boot trace: every contact of the machine with a door, and what it means."""

from collections.abc import Iterable

from textual.widget import Widget

from console.model import Changes
from console.screens.base import PureBootScreen, work_on
from console.view import trace_lines
from console.view.labels import Cell, Role
from console.view.pieces import Piece
from console.widgets.lines import Lines
from console.widgets.page import PageScroll
from engine.errors import PureBootError
from engine.services.traces import Explained

_EVERY_SECONDS = 5


class TraceScreen(PureBootScreen):
    """The verdict above, the lines below, newest first."""

    CONTEXTS = ("trace", "list")
    NAME = "the boot trace of a node"

    def __init__(self, node_id: str) -> None:
        super().__init__()
        self.node_id = node_id
        self._found: Explained | None = None
        self._ticks = 0

    def body(self) -> Iterable[Widget]:
        """Verdict and lines."""
        self._verdict, self._lines = Lines(id="trace-verdict"), Lines(id="trace-lines")
        yield self._verdict
        with PageScroll(id="trace-page") as self._page:
            yield self._lines

    def begin(self) -> None:
        """Read the trace."""
        self._page.focus()
        self._read()

    def refreshed(self, changes: Changes) -> None:
        """A line more is no event: any change may be one."""
        if not changes.events or self.node_id in changes.nodes:
            self._read()

    def ticked(self) -> None:
        """A silence that lasts means more."""
        self._ticks += 1
        if self._ticks % _EVERY_SECONDS == 0:
            self._read()

    def on_resize(self) -> None:
        """Wrap anew."""
        if self._found is not None:
            self._show(self._found)

    def _read(self) -> None:
        work_on(self, self._read_trace, group="trace", exclusive=True)

    async def _read_trace(self) -> None:
        try:
            self._found = await self.app.pureboot.traces.explain(self.node_id)
        except PureBootError as error:
            self.app.complain(error)
            return
        self._show(self._found)

    def _show(self, found: Explained) -> None:
        symbols, width, now = self.app.symbols, self.app.size.width, self.app.now()
        name = found.node.name if found.node is not None else found.machine
        count = f"{len(found.contacts)} line{'' if len(found.contacts) == 1 else 's'}"
        title: Cell = (Piece(f" {name}", Role.STRONG), Piece(f"   boot trace, {count}", Role.MUTED))
        self._verdict.show([title, *trace_lines.verdict_lines(found.verdict, symbols, width), ()])
        lines = trace_lines.page(found.contacts, now, width - 2, symbols.ellipsis)
        self._lines.show(lines or [(Piece(" nothing was heard of it at the boot doors", Role.MUTED),)])
