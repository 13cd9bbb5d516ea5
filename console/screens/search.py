"""Finding a text in all templates or workflows, and going to the line where it stands."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Label

from console.screens.base import PureBootScreen, work_on
from console.view import search_lines
from console.view.labels import Row
from console.view.search_lines import Hit
from console.widgets.table import Table
from engine.core.documents import DocumentKind
from engine.core.page import Page
from engine.errors import PureBootError

_PAUSE = 0.2  # seconds without a key after which it is looked for
_MOST = 200
_EMPTY = """Type what to look for: in names, descriptions, tags and texts, whatever its case is.

Enter goes to the list, and there to the line."""
_NOTHING = "Nothing has it. Only the current versions are searched; archived ones are not."


class SearchScreen(PureBootScreen):
    """A field, and the places below it."""

    CONTEXTS = ("search", "list")
    NAME = "find in texts"
    CSS_PATH: ClassVar = "../details.tcss"

    def __init__(self, kind: DocumentKind, text: str = "") -> None:
        """`text` is looked for at once."""
        super().__init__()
        self._kind = kind
        self._text = text
        self._hits: dict[str, Hit] = {}
        self._wait: Timer | None = None

    def body(self) -> Iterable[Widget]:
        """The field and the list."""
        self.table = Table(search_lines.COLUMNS, self._row, symbols=self.app.symbols, empty=_EMPTY, id="hits")
        self._count = Label("", id="hit-count", markup=False)
        with Vertical():
            with Horizontal(id="search-bar"):
                yield Label(f"find in {self._kind}s", id="search-label")
                yield Input(self._text, id="needle", compact=True, select_on_focus=False)
                yield self._count
            yield self.table

    def _row(self, key: str) -> Row:
        return search_lines.row(self._hits[key])

    def begin(self) -> None:
        """Let it be typed."""
        self.query_one("#needle", Input).focus()

    @on(Input.Changed, "#needle")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._wait is not None:
            self._wait.stop()
        self._wait = self.set_timer(_PAUSE, lambda: work_on(self, self._search, group="search", exclusive=True))

    async def _search(self) -> None:
        text = self.query_one("#needle", Input).value
        hits: list[Hit] = []
        total = 0
        if text.strip():
            try:
                found, total = await self.app.pureboot.library.search(self._kind, text, Page(limit=_MOST))
            except PureBootError as error:
                self.app.complain(error)
                return
            hits = search_lines.hits(found)
        self._hits = {hit.key: hit for hit in hits}
        self.table.empty = _NOTHING if text.strip() else _EMPTY
        self.table.show(list(self._hits), self._hits.__contains__)
        self._count.update(search_lines.counted(len(self._hits), total, self._kind) if hits else "")

    @on(Input.Submitted, "#needle")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Go to the line."""
        hit = self._hits[event.key]
        self.app.open_document(self._kind, hit.name, hit.version, hit.mark)

    def action_open(self) -> None:
        """Open what is under the cursor."""
        self.table.action_open()

    def action_search(self) -> None:
        """Type something else."""
        self.query_one("#needle", Input).focus()

    def step_back(self) -> bool:
        """From the list to the field."""
        if self.table.has_focus:
            self.query_one("#needle", Input).focus()
            return True
        return False
