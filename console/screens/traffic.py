"""Boot traffic: what goes through the doors now, and what did lately."""

from collections.abc import Iterable

from textual import events
from textual.timer import Timer
from textual.widget import Widget

from console.screens.base import work_on
from console.screens.lists import ListScreen
from console.view import traffic_rows
from console.view.labels import Row
from console.view.listing import Listing
from console.view.traffic_rows import TransferView
from console.widgets.lines import Lines
from console.widgets.pane import ListPane
from console.widgets.seen import is_seen
from console.widgets.table import Table
from engine.core.traffic import Traffic
from engine.errors import PureBootError

LOOK_SECONDS = 0.5
_NOTHING_FITS = f"""No transfer fits the filter. Press escape to drop it.

Fields: {" ".join(traffic_rows.FIELDS)}"""


class TrafficScreen(ListScreen):
    """Files on their way to machines, with what is left of each; those that have ended below."""

    CONTEXTS = ("traffic", "list")
    NAME = "boot traffic"

    def __init__(self) -> None:
        super().__init__()
        self._views: dict[str, TransferView] = {}
        self._timer: Timer | None = None
        self._follows = True

    def body(self) -> Iterable[Widget]:
        """The totals and the list."""
        self._totals = Lines(id="traffic-totals")
        self.table = Table(
            traffic_rows.COLUMNS, self._row, symbols=self.app.symbols, empty=traffic_rows.EMPTY_TEXT, id="traffic"
        )
        listing = Listing(
            fields=lambda key: traffic_rows.fields(self._views[key]),
            known=traffic_rows.FIELDS,
            sort_key=lambda key, sort: traffic_rows.sort_key(self._views[key], sort),
            sorts=traffic_rows.SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._views, known=lambda key: key in self._views)
        self._about = Lines(id="traffic-about")
        yield self._totals
        yield self.pane
        yield self._about

    def _row(self, key: str) -> Row:
        width, room = self.table.width_of("progress"), self.table.width_of("file")
        return traffic_rows.row(self._views[key], self.app.now(), self.app.symbols, width, room)

    def begin(self) -> None:
        """Look, and go on looking."""
        self.table.focus()
        self._timer = self.set_interval(LOOK_SECONDS, self._look)
        self._look()

    def on_screen_suspend(self, _event: events.ScreenSuspend) -> None:
        """Nobody looks."""
        if self._timer is not None:
            self._timer.pause()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Somebody does again."""
        super().on_screen_resume(event)
        if self._timer is not None:
            self._timer.resume()
            self._look()

    def _look(self) -> None:
        """Show what there is to see; what looks as before is not painted."""
        if is_seen(self):
            work_on(self, self._read, group="look", exclusive=True)

    async def _read(self) -> None:
        try:
            seen = await self.app.pureboot.traffic.seen()
        except PureBootError:
            return  # the heading says that the line is cut
        before, self._views = self._views, {each.transfer.id: each for each in self._named(seen)}
        self.pane.listing.forget(key for key, view in self._views.items() if before.get(key) != view)
        self.pane.listing.forget(before.keys() - self._views.keys())
        self._totals.show(traffic_rows.totals(seen, self.app.size.width, self.app.symbols))
        self.table.empty = self._empty(seen)
        self.pane.rearrange()
        self._tell()

    def _tell(self) -> None:
        """Say all of the row under the cursor."""
        view = self._views.get(self.table.cursor_key or "")
        self._about.show([traffic_rows.about(view, self.app.now(), self.app.symbols)])

    def _named(self, seen: Traffic) -> Iterable[TransferView]:
        model = self.app.model
        for transfer in (*seen.transfers, *seen.ended):
            node = model.node_at(transfer.mac_address)
            yield TransferView(transfer=transfer, node=node.name if node is not None else "")

    def _empty(self, seen: Traffic) -> str:
        if not seen.is_served:
            return traffic_rows.ELSEWHERE
        return _NOTHING_FITS if self._views else traffic_rows.EMPTY_TEXT

    def on_list_pane_rearranged(self, _event: ListPane.Rearranged) -> None:
        """Stay with what is under way, unless the cursor was put elsewhere."""
        if self._follows:
            self.table.move_to_top()

    def on_table_highlighted(self, event: Table.Highlighted) -> None:
        """Stand still when the cursor is moved off the top."""
        if event.by_hand:
            self._follows = event.key == self.table.keys[0]
        self._tell()

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open the node that a file is for."""
        view = self._views.get(event.key)
        node = self.app.model.node_at(view.transfer.mac_address) if view is not None else None
        if node is not None:
            self.app.open_node(node.id)
        elif view is not None:
            self.app.complain(f"{view.whose} is no node that is known here: it has not said its name at the doors yet")

    def action_trace(self) -> None:
        """Show the boot trace of the machine that a file is for."""
        from console.screens.trace import TraceScreen

        view = self._views.get(self.table.cursor_key or "")
        if view is None:
            self.app.complain("nothing goes through the doors whose trace could be shown")
            return
        node = self.app.model.node_at(view.transfer.mac_address)
        self.app.push_screen(TraceScreen(node.id if node is not None else view.transfer.address))
