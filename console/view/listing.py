"""A list as it is shown: what the filter keeps, in the order that was asked for. Pure.

Ten thousand rows stay fluent because what a row is searched and sorted by is worked out once, and again only when the
row has changed.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from console.view import filtering
from console.view.filtering import Fields, Query

SortKey = tuple[object, ...]
_DIGITS = re.compile(r"\d+")


def natural(text: str) -> str:
    """What a name is sorted by: its numbers by their value, so that `r4-2` comes before `r4-10`."""
    return _DIGITS.sub(lambda found: found.group().zfill(12), text.lower())


class Listing:
    """The rows of a list by key."""

    def __init__(
        self,
        *,
        fields: Callable[[str], Fields],
        known: Sequence[str],
        sort_key: Callable[[str, str], SortKey],
        sorts: Sequence[str],
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """`fields` says what a row is searched by and `known` names them; `sort_key` is of a row and one of `sorts`;
        `now` tells the time that `since:2h` is counted from.
        """
        self._now = now
        self._fields = fields
        self._known = known
        self._sort_key = sort_key
        self.sorts = sorts
        self.sort = sorts[0]
        self.reversed = False
        self.query: Query = filtering.EVERYTHING
        self._searched: dict[str, Fields] = {}
        self._fits: dict[str, bool] = {}
        self._order: dict[str, SortKey] = {}

    def search(self, text: str) -> None:
        """Filter by what was typed."""
        query = filtering.parse(text, self._known, self._now() if self._now is not None else None)
        if query != self.query:
            self.query = query
            self._fits.clear()

    def sort_by(self, sort: str, *, reverse: bool = False) -> None:
        """Sort by one of `sorts`."""
        if sort != self.sort:
            self._order.clear()
        self.sort, self.reversed = sort, reverse

    def next_sort(self) -> None:
        """Sort by the next of `sorts`."""
        self.sort_by(self.sorts[(self.sorts.index(self.sort) + 1) % len(self.sorts)])

    def forget(self, keys: Iterable[str]) -> None:
        """Work out again what these rows, which have changed, are searched and sorted by."""
        for key in keys:
            self._searched.pop(key, None)
            self._fits.pop(key, None)
            self._order.pop(key, None)

    def forget_all(self) -> None:
        """Work everything out again."""
        self._searched.clear()
        self._fits.clear()
        self._order.clear()

    def prepare_order(self, keys: Iterable[str]) -> None:
        """Work out what rows are sorted by before it is needed."""
        for key in keys:
            self._sorted_by(key)

    def prepare_search(self, keys: Iterable[str]) -> None:
        """Work out what rows are searched by before it is needed."""
        for key in keys:
            self._searched_by(key)

    def arrange(self, keys: Iterable[str]) -> list[str]:
        """The keys of the rows to show, in order."""
        shown = [key for key in keys if self._fit(key)] if self.query else list(keys)
        for key in shown:
            self._sorted_by(key)
        shown.sort(key=self._order.__getitem__, reverse=self.reversed)
        return shown

    def _sorted_by(self, key: str) -> None:
        if key not in self._order:
            self._order[key] = self._sort_key(key, self.sort)

    def _searched_by(self, key: str) -> Fields:
        known = self._searched.get(key)
        if known is None:
            known = self._searched[key] = filtering.searchable(self._fields(key))
        return known

    def _fit(self, key: str) -> bool:
        known = self._fits.get(key)
        if known is None:
            known = self._fits[key] = self.query.holds(self._searched_by(key))
        return known
