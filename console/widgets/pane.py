"""A list with its filter: what the nodes, the executions, the workflows and the log are shown in."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from console.view import completing
from console.view.listing import Listing
from console.widgets.filter import FilterBar
from console.widgets.table import Table

# So many rows are worked out in a few milliseconds.
CHUNK = 200


class ListPane(Vertical):
    """A filter above a table, over the rows that `all_keys` names; `listing` says which fit and in what order."""

    class Rearranged(Message):
        """Other rows are shown, or in another order."""

    @dataclass
    class Noted(Message):
        """There is something else to know of the list that its rows do not show: marks, an order."""

        note: str

    def __init__(
        self,
        table: Table,
        listing: Listing,
        all_keys: Callable[[], Iterable[str]],
        *,
        known: Callable[[str], bool],
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self.table = table
        self.listing = listing
        self.filter = FilterBar(lambda text: completing.complete(text, listing.known, self._values))
        self._all_keys = all_keys
        self._known = known
        self._noted = ""

    def compose(self) -> ComposeResult:
        """The filter and the table."""
        yield self.filter
        yield self.table

    async def begin(self) -> None:
        """Show the rows for the first time; however many there are, keys and clocks are not kept waiting."""
        await self._in_chunks(self.listing.prepare_order)
        self.rearrange()
        await self._in_chunks(self.listing.prepare_search)

    async def _in_chunks(self, prepare: Callable[[Iterable[str]], None]) -> None:
        everything = list(self._all_keys())
        for at in range(0, len(everything), CHUNK):
            prepare(key for key in everything[at : at + CHUNK] if self._known(key))
            await asyncio.sleep(0)

    def _values(self, field: str) -> list[str]:
        return self.listing.values(field, (key for key in self._all_keys() if self._known(key)))

    def rearrange(self) -> None:
        """Show the rows anew."""
        everything = list(self._all_keys())
        shown = self.listing.arrange(everything)
        self.table.sorted_by = (self.listing.sort, self.listing.reversed)
        self.table.show(shown, self._known)
        if self.filter.display:
            self.filter.say(len(shown), len(everything), self.listing.query.problem)
        self._note()
        self.post_message(self.Rearranged())

    def _note(self) -> None:
        """Tell of marks, which may be out of sight, and of an order that no heading shows."""
        listing, marked = self.listing, len(self.table.marked)
        parts = [f"{marked} marked"] if marked else []
        is_usual = listing.sort == listing.sorts[0] and not listing.reversed
        if not is_usual and not self.table.width_of(listing.sort):
            parts.append(f"by {listing.sort}{', reversed' if listing.reversed else ''}")
        note = ", ".join(parts)
        if note != self._noted:
            self._noted = note
            self.post_message(self.Noted(note))

    def on_table_marked(self, _event: Table.Marked) -> None:
        """Say how many."""
        self._note()

    def on_resize(self, _event: events.Resize) -> None:
        """Other columns may have room now."""
        self.call_after_refresh(self._note)

    def changed(self, keys: Iterable[str]) -> None:
        """Some rows have changed."""
        self.listing.forget(keys)
        self.rearrange()

    def search(self, text: str) -> None:
        """Filter by a text, as if it had been typed."""
        self.filter.text = text

    def memory(self) -> dict[str, object]:
        """What is shown of the list: the filter and the order."""
        listing = self.listing
        return {"filter": listing.text, "sort": listing.sort, "reversed": listing.reversed}

    def recall(self, memory: Mapping[str, object]) -> None:
        """Filter and sort as it was; what is no order any more is left out."""
        sort = memory.get("sort")
        if sort in self.listing.sorts:
            self.listing.sort_by(str(sort), reverse=bool(memory.get("reversed")))
        text = str(memory.get("filter") or "")
        if text != self.listing.text:
            self.search(text)
            self.listing.search(text)
        self.rearrange()

    def clear(self) -> bool:
        """Drop the filter, or else the marks; False if there was neither."""
        if self.filter.text:
            self.filter.text = ""
            return True
        if self.table.marked:
            self.table.clear_marks()
            return True
        return False

    def next_sort(self) -> None:
        """Sort by the next column."""
        self.listing.next_sort()
        self.rearrange()

    def reverse(self) -> None:
        """Sort the other way round."""
        self.listing.sort_by(self.listing.sort, reverse=not self.listing.reversed)
        self.rearrange()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Show what fits."""
        event.stop()
        before = self.table.cursor_key
        self.listing.search(event.text)
        self.rearrange()
        if self.table.cursor_key != before:
            self.table.move_to_top()

    def on_filter_bar_left(self, event: FilterBar.Left) -> None:
        """The keys go to the table."""
        event.stop()
        self.table.focus()

    def on_table_heading_clicked(self, event: Table.HeadingClicked) -> None:
        """Sort by the column, or the other way round if it is sorted by that already."""
        event.stop()
        if event.column == self.listing.sort:
            self.reverse()
        elif event.column in self.listing.sorts:
            self.listing.sort_by(event.column)
            self.rearrange()
