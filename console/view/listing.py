"""A list as it is shown: what the filter keeps, in the order that was asked for. Pure.

Ten thousand rows stay fluent because what a row is searched and sorted by is worked out once, and again only when the
row has changed.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

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
        now: Callable[[], float] = lambda: math.nan,
    ) -> None:
        """`fields` says what a row is searched by and `known` names them; `sort_key` is of a row and one of `sorts`;
        `now` is the time in seconds since the epoch, where there are fields with moments.
        """
        self._fields = fields
        self.known = known
        self._now = now
        self._sort_key = sort_key
        self.sorts = sorts
        self.sort = sorts[0]
        self.reversed = False
        self.text = ""
        self.query: Query = filtering.EVERYTHING
        self._searched: dict[str, Fields] = {}
        self._fits: dict[str, bool] = {}
        self._order: dict[str, SortKey] = {}

    def search(self, text: str) -> None:
        """Filter by what was typed."""
        self.text = text
        query = filtering.parse(text, self.known, self._now())
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

    def grow_old(self) -> bool:
        """Work out again what fits, if that changes with the time; whether it does."""
        if self.query.is_timed:
            self._fits.clear()
        return self.query.is_timed

    def values(self, field: str, keys: Iterable[str]) -> list[str]:
        """What stands in a field of these rows, the most usual first; of `install_failed` and the same in words one."""
        found: Counter[str] = Counter()
        for key in keys:
            lines = self._searched_by(key).get(field, "").split("\n")
            found.update(line for line in lines if line and line.replace(" ", "_") not in lines[: lines.index(line)])
        return [value for value, _ in sorted(found.items(), key=lambda each: (-each[1], each[0]))]

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
            known = self._fits[key] = self.query.holds(self._searched_by(key), self._now())
        return known
