"""A list of things that are read as a whole, and beside it what the one under the cursor is."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.containers import Vertical
from textual.widget import Widget

from console.model import Changes
from console.screens.base import work_on
from console.screens.lists import ListScreen
from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import Cell, Row
from console.view.listing import Listing, SortKey
from console.widgets.lines import Lines
from console.widgets.page import PageScroll
from console.widgets.pane import ListPane
from console.widgets.table import Table
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.pureboot import PureBoot

T = TypeVar("T")


class DetailedScreen(ListScreen, Generic[T]):
    """A list with details: below it, or beside it where there is room.

    `SUBJECTS` are those of the events after which it is read anew; `EMPTY` says what to do where there is nothing.
    """

    CSS_PATH: ClassVar = "../detailed.tcss"
    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    FIELDS: ClassVar[tuple[str, ...]] = ()
    SORTS: ClassVar[tuple[str, ...]] = ("name",)
    SUBJECTS: ClassVar[tuple[str, ...]] = ()
    EMPTY: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[str, T] = {}
        self._wanted: str | None = None

    @abstractmethod
    async def read(self, pureboot: "PureBoot") -> Mapping[str, T]:
        """Everything there is, by a key of its own."""

    @abstractmethod
    def row(self, value: T, now: datetime) -> Row:
        """One's row, in the order of `COLUMNS`."""

    @abstractmethod
    def fields(self, value: T) -> Fields:
        """What one is searched by."""

    @abstractmethod
    def sort_key(self, value: T, sort: str) -> SortKey:
        """What one is sorted by."""

    @abstractmethod
    def details(self, value: T, now: datetime) -> Sequence[Cell]:
        """What there is to say of one."""

    def body(self) -> Iterable[Widget]:
        """The list and the details."""
        self.table = Table(
            self.COLUMNS,
            lambda key: self.row(self.listed[key], self.app.now()),
            symbols=self.app.symbols,
            empty=self.EMPTY,
        )
        listing = Listing(
            fields=lambda key: self.fields(self.listed[key]),
            known=self.FIELDS,
            sort_key=lambda key, sort: self.sort_key(self.listed[key], sort),
            sorts=self.SORTS,
        )
        self.pane = ListPane(self.table, listing, lambda: self.listed, known=lambda key: key in self.listed)
        self._details = Lines(classes="list-details")
        with Vertical(classes="list-columns"):
            yield self.pane
            with PageScroll(classes="list-side"):
                yield self._details

    def begin(self) -> None:
        """Read what there is."""
        self.table.focus()
        self.read_again()

    def refreshed(self, changes: Changes) -> None:
        """Read it anew if something has changed."""
        if any(changes.touches(subject) for subject in self.SUBJECTS):
            self.read_again()

    def ticked(self) -> None:
        """Times grow old."""
        self.table.repaint()
        self._show()

    def read_again(self) -> None:
        """Read everything anew."""
        work_on(self, self._read, group="read", exclusive=True)

    async def _read(self) -> None:
        try:
            self.listed = dict(await self.read(self.app.pureboot))
        except PureBootError as error:
            self.app.complain(error)
            return
        self.table.empty = self._nothing_fits() if self.listed else self.EMPTY
        self.pane.listing.forget_all()
        self.pane.rearrange()
        self._go_to_wanted()
        self._show()

    def _nothing_fits(self) -> str:
        return f"Nothing here fits the filter. Press escape to drop it.\n\nFields: {' '.join(self.FIELDS)}"

    def go_to(self, key: str) -> None:
        """Put the cursor on one of them, now or when they have been read."""
        self._wanted = key
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        if self._wanted is not None and self._wanted in self.listed:
            self.pane.clear()
            self.table.move_to(self._wanted)
            self._wanted = None

    @property
    def chosen(self) -> T | None:
        """The one under the cursor."""
        return self.listed.get(self.table.cursor_key or "")

    def on_table_highlighted(self, _event: Table.Highlighted) -> None:
        """Show the details of another."""
        self._show()

    def _show(self) -> None:
        self._details.show(self.details(self.chosen, self.app.now()) if self.chosen is not None else [])
