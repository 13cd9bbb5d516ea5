"""Which row of text is on which line of the screen, where rows take one line or more.

Pure. Rows are added at the end and dropped at the beginning; asking costs the logarithm of their number.
"""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate


class Heights:
    """The heights of rows, in lines, and what follows from them."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._ends = list(accumulate(heights))
        self._base = 0

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def total(self) -> int:
        """How many lines all rows take."""
        return self._ends[-1] - self._base if self._ends else 0

    def extend(self, heights: Iterable[int]) -> None:
        """Add rows."""
        end = self._ends[-1] if self._ends else self._base
        self._ends.extend(end + height for height in accumulate(heights))

    def drop(self, count: int) -> int:
        """Forget the first rows; gives how many lines they took."""
        if count <= 0 or not self._ends:
            return 0
        before, self._base = self._base, self._ends[min(count, len(self._ends)) - 1]
        del self._ends[:count]
        return self._base - before

    def pop(self) -> None:
        """Forget the last row."""
        self._ends.pop()

    def top(self, row: int) -> int:
        """The first line of a row, or the line after the last for a row that is not there yet."""
        if row <= 0 or not self._ends:
            return 0
        return self._ends[min(row, len(self._ends)) - 1] - self._base

    def at(self, line: int) -> tuple[int, int]:
        """The row that a line belongs to, and which of its lines it is; the number of rows for a line below all."""
        row = bisect_right(self._ends, line + self._base)
        return row, line - self.top(row)
