"""A heading, a field to search in what is below it, and that."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from console.view.labels import Symbols
from console.widgets.filter import FilterBar
from console.widgets.lines import Lines

if TYPE_CHECKING:
    from console.app import PureBootApp


class SearchedPane(Vertical):
    """Heading, search, and `view`, which each kind of pane makes itself. `SEARCHED` is what is searched."""

    SEARCHED: ClassVar[str] = ""
    HEADING_ID: ClassVar[str] = ""
    SEARCH_ID: ClassVar[str] = ""

    view: Widget

    def __init__(self, symbols: Symbols, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._symbols = symbols
        self.heading = Lines(id=self.HEADING_ID)
        self.search = FilterBar(id=self.SEARCH_ID)

    def compose(self) -> Iterable[Widget]:
        """The parts, from top to bottom."""
        yield self.heading
        yield self.search
        yield self.view

    @property
    def console(self) -> "PureBootApp":
        """The console."""
        return cast("PureBootApp", self.app)

    def begin(self) -> None:
        """Say what is typed in the field."""
        self.search.query_one(Input).placeholder = f"search in the {self.SEARCHED}"
