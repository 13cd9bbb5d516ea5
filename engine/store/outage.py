"""Whether the store can be used, told to the log when that changes and not each time somebody tries."""

import logging
import time

_log = logging.getLogger(__name__)


class Outage:
    """Times in which the store cannot be used in one way; `way` is "read" or "written"."""

    def __init__(self, way: str) -> None:
        self._way = way
        self._since: float | None = None
        self._said: set[str] = set()

    def goes_on(self, reason: str) -> None:
        """It cannot be used now. Each reason is told once while that lasts."""
        if self._since is None:
            self._since = time.monotonic()
        if reason not in self._said:
            self._said.add(reason)
            _log.warning("the store cannot be %s; it is tried again each second: %s", self._way, reason)

    def is_over(self) -> None:
        """It can be used."""
        if self._since is not None:
            seconds, self._since = time.monotonic() - self._since, None
            self._said.clear()
            _log.warning("the store can be %s again, after %.1f seconds", self._way, seconds)
