"""Values remembered up to so many bytes; what was not asked for longest goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Shelf(Generic[V]):
    """Values by key, as long as there is room. Any thread may ask.

    A value that would take more than a quarter of the room is not kept: it would push out too many others.
    """

    def __init__(self, *, most_bytes: int, weigh: Callable[[str, V], int]) -> None:
        self._most_bytes = most_bytes
        self._weigh = weigh
        self._bytes = 0
        self._values: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """About how many bytes all that is kept takes."""
        return self._bytes

    def get(self, key: str) -> V | None:
        """A value, if it is kept."""
        found = self._values.get(key)
        if found is None:
            return None
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
        return found[0]

    def put(self, key: str, value: V) -> None:
        """Keep a value; one that is there stays."""
        weight = self._weigh(key, value)
        if weight * 4 > self._most_bytes:
            return
        with self._lock:
            if key not in self._values:
                self._values[key] = (value, weight)
                self._bytes += weight
            while self._bytes > self._most_bytes:
                self._bytes -= self._values.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0


class Kept(Shelf[V]):
    """Makes a value of each text once, as long as there is room for it."""

    def __init__(self, make: Callable[[str], V], *, most_bytes: int, weigh: Callable[[str, V], int]) -> None:
        super().__init__(most_bytes=most_bytes, weigh=weigh)
        self._make = make

    def of(self, text: str) -> V:
        """The value of a text. What `make` raises is raised each time."""
        found = self.get(text)
        if found is None:
            found = self._make(text)
            self.put(text, found)
        return found
