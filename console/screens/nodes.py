"""The nodes: a live table of every machine."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widget import Widget

from console import keys
from console.keys import Key
from console.model import Changes
from console.screens import deeds, stuck
from console.screens.base import work_on
from console.screens.lists import ListScreen
from console.view import rows
from console.view.labels import Row
from console.view.listing import Listing
from console.widgets.marking import MarkingTable
from console.widgets.pane import ListPane
from console.widgets.table import Table

if TYPE_CHECKING:
    from console.views import View

_EMPTY = """No machine has been seen yet.

Let one boot from the network: it appears here by itself, as discovered.
The site's DHCP server must send it here{where}.
`pureboot doctor` says what is ready for it, and what is missing.

No machine at hand? `pureboot demo` opens a rack of simulated ones.
? shows the keys."""
_NOTHING_FITS = f"""No node fits the filter. Press escape to drop it.

Fields: {" ".join(rows.NODE_FIELDS)}"""


class NodesScreen(ListScreen):
    """Every node, those that need a person first."""

    CONTEXTS = ("nodes", "list", "marks")
    NAME = "nodes"
    _ticks = 0

    def body(self) -> Iterable[Widget]:
        """The list."""
        self.table = MarkingTable(rows.NODE_COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="nodes")
        listing = Listing(
            fields=lambda key: rows.node_fields(self.app.model.node_view(key)),
            known=rows.NODE_FIELDS,
            sort_key=lambda key, sort: rows.node_sort_key(self.app.model.node_view(key), sort),
            sorts=rows.NODE_SORTS,
            now=lambda: self.app.now().timestamp(),
        )
        nodes = self.app.model.nodes
        self.pane = ListPane(self.table, listing, lambda: nodes, known=nodes.__contains__)
        yield self.pane

    def footer_keys(self) -> list[Key]:
        """Those of the marks as well."""
        return keys.footer("nodes", "marks")

    def _row(self, key: str) -> Row:
        return rows.node_row(self.app.model.node_view(key), self.app.now(), self.app.symbols)

    def begin(self) -> None:
        """Show all nodes."""
        self.table.focus()
        work_on(self, self._fill, group="fill")

    def refreshed(self, changes: Changes) -> None:
        """Show what has changed."""
        if not changes.events:
            self._read_again()
            return
        if changes.touches("group"):
            self.pane.listing.forget_all()
        self.pane.listing.forget(changes.nodes | self.app.model.nodes_of(changes.executions))
        self._arrange()

    async def _fill(self) -> None:
        self._choose_empty()
        await self.pane.begin()

    def _arrange(self) -> None:
        self._choose_empty()
        self.pane.rearrange()

    def _choose_empty(self) -> None:
        url = self.app.facts().server_url
        empty = _EMPTY.format(where=f" ({url})" if url else "")
        self.table.empty = _NOTHING_FITS if self.app.model.nodes else empty

    def _read_again(self) -> None:
        """Read again the nodes on the screen: a last-seen time is no event."""

        async def work() -> None:
            await self.app.refresh_nodes(set(self.table.window))
            self.table.repaint()

        work_on(self, work, group="columns", exclusive=True)

    def ticked(self) -> None:
        """Times grow old, and some machines hang."""
        self._ticks += 1
        if self._ticks % stuck.LOOK_SECONDS == 0:
            work_on(self, self._find_stuck, group="stuck", exclusive=True)
            if self.pane.listing.grow_old():
                self._arrange()
        self.table.repaint()

    async def _find_stuck(self) -> None:
        changed = await stuck.look(self.app)
        if changed:
            self.pane.listing.forget(changed)
            self._arrange()

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open a node."""
        self.app.open_node(event.key)

    def action_run(self) -> None:
        """Run a workflow on the chosen nodes."""
        deeds.run_on(self.app, self.table.chosen)

    def action_move(self) -> None:
        """Move the chosen nodes to another state."""
        deeds.move(self.app, self.table.chosen)

    def action_views(self) -> None:
        """Choose a saved view, or save this one."""
        from console.screens.views import ViewsScreen
        from console.views import View

        listing = self.pane.listing
        shown = View(name="", filter=self.pane.filter.text, sort=listing.sort, reverse=listing.reversed)
        self.app.push_screen(ViewsScreen(self.NAME, shown), self._use_view)

    def _use_view(self, view: "View | None") -> None:
        if view is not None:
            listing = self.pane.listing
            listing.sort_by(view.sort if view.sort in listing.sorts else listing.sorts[0], reverse=view.reverse)
            self.pane.search(view.filter)
            self.pane.rearrange()

    def action_change(self) -> None:
        """Ask what to change."""
        from console.screens import changes

        changes.menu(self.app, self.table.chosen)

    def action_cancel(self) -> None:
        """Cancel what runs on the chosen nodes."""
        deeds.cancel(self.app, deeds.executions_of(self.app, self.table.chosen))

    def action_execution(self) -> None:
        """Open the newest execution of the node under the cursor."""
        execution = self.app.model.execution_of(self.table.cursor_key or "")
        if execution is None:
            self.app.complain("nothing has run on this node yet; press r to run a workflow on it")
        else:
            self.app.open_execution(execution.id)
