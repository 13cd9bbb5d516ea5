"""Who uses a template or workflow: documents, nodes that would boot it, executions under way, triggers."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import work
from textual.containers import Vertical
from textual.widget import Widget

from console.screens.lists import ListScreen
from console.view import used_rows
from console.view.labels import Row
from console.view.listing import Listing
from console.view.used_rows import Used
from console.widgets.lines import Lines
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.core.documents import DocumentKind
from engine.errors import PureBootError

_READING = "Looking who uses it."
_NOBODY = "Nobody uses it: no document names it, no node would boot it, no trigger starts it."
_NOTHING_FITS = f"""Nobody fits the filter. Press escape to drop it.

Fields: {" ".join(used_rows.USED_FIELDS)}"""


class WhereUsedScreen(ListScreen):
    """A heading and the list."""

    CONTEXTS = ("where-used", "list")
    NAME = "who uses it"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, kind: DocumentKind, name: str) -> None:
        super().__init__()
        self._kind, self._document = kind, name
        self._used: Mapping[str, Used] = {}

    def body(self) -> Iterable[Widget]:
        """The parts."""
        self.heading = Lines(id="impact-title")
        self.table = Table(
            used_rows.USED_COLUMNS,
            self._row,
            symbols=self.app.symbols,
            empty=_READING,
            id="used",
        )
        listing = Listing(
            fields=lambda key: used_rows.used_fields(self._used[key]),
            known=used_rows.USED_FIELDS,
            sort_key=lambda key, sort: used_rows.used_sort_key(self._used[key], sort),
            sorts=used_rows.USED_SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self._used, known=lambda key: key in self._used)
        with Vertical():
            yield self.heading
            yield self.pane

    def _row(self, key: str) -> Row:
        return used_rows.used_row(self._used[key])

    def begin(self) -> None:
        """Look."""
        self.table.focus()
        self._read()

    @work(group="read", exclusive=True)
    async def _read(self) -> None:
        try:
            found = await self.app.pureboot.library.where_used(self._kind, self._document)
        except PureBootError as error:
            self.app.complain(error)
            return
        self._used = used_rows.used(found)
        self.heading.show(used_rows.used_heading(found))
        self.table.empty = _NOTHING_FITS if self._used else _NOBODY
        self.pane.listing.forget_all()
        self.pane.rearrange()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open what uses it."""
        each = self._used[event.key]
        if each.what == "node":
            self.app.open_node(each.id)
        elif each.what == "execution":
            self.app.open_execution(each.id)
        elif each.what in tuple(DocumentKind):
            self.app.open_document(DocumentKind(each.what), each.id)
        else:
            self.app.tell(f"see it with: pureboot trigger show {each.name}")
