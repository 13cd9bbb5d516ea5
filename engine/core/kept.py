"""Values made from texts, remembered up to so many bytes; what was not asked for longest goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """Makes a value of each text once, as long as there is room. Any thread may ask.

    A value that would take more than a quarter of the room is not kept: it would push out too many others.
    """

    def __init__(self, make: Callable[[str], V], *, most_bytes: int, weigh: Callable[[str, V], int]) -> None:
        self._make = make
        self._most_bytes = most_bytes
        self._weigh = weigh
        self._bytes = 0
        self._values: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """About how many bytes all that is kept takes."""
        return self._bytes

    def of(self, text: str) -> V:
        """The value of a text. What `make` raises is raised each time."""
        found = self._values.get(text)
        if found is None:
            return self._added(text)
        with self._lock:
            if text in self._values:
                self._values.move_to_end(text)
        return found[0]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0

    def _added(self, text: str) -> V:
        value = self._make(text)
        weight = self._weigh(text, value)
        if weight * 4 > self._most_bytes:
            return value
        with self._lock:
            if text not in self._values:
                self._values[text] = (value, weight)
                self._bytes += weight
            while self._bytes > self._most_bytes:
                self._bytes -= self._values.popitem(last=False)[1][1]
        return value
