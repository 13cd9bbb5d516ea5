"""Waking long polls: one follower of the event log rings for the executions in which something happened.

A thousand machines may wait at once, and each commit concerns one or two of them. If all woke up to look, every step of
every machine would cost a thousand reads; so one task looks, and rings only where something happened.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import Unavailable
from engine.feed import Feed

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Bells:
    """Those who wait for something to happen to an execution. `closing` is set when the server is about to stop."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._anyone = asyncio.Event()
        self.closing = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(bells) for bells in self._waiting.values())

    @contextmanager
    def heard(self, execution_id: str) -> Iterator[asyncio.Event]:
        """An event that is set, from now on, whenever something happens to an execution; clear it before looking."""
        bell = asyncio.Event()
        self._waiting[execution_id].add(bell)
        self._anyone.set()
        try:
            yield bell
        finally:
            self._waiting[execution_id].discard(bell)
            if not self._waiting[execution_id]:
                del self._waiting[execution_id]
                if not self._waiting:
                    self._anyone.clear()

    async def follow(self, feed: Feed) -> None:
        """Ring for what is written, until cancelled. While nobody waits, nothing is read."""
        while True:
            await self._anyone.wait()
            try:
                cursor = await feed.cursor()
                for execution_id in list(self._waiting):
                    self._ring(execution_id)  # they may have looked before this place in the log was taken
                async for batch in feed.follow(cursor):
                    for execution_id in {event.execution_id for event in batch if event.execution_id}:
                        self._ring(execution_id)
                    if not self._waiting:
                        break
                continue
            except Unavailable as error:
                _log.debug("long polls wait for the store: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)

    def close(self) -> None:
        """Wake all of them for the last time."""
        self.closing.set()
        for execution_id in self._waiting:
            self._ring(execution_id)

    def _ring(self, execution_id: str) -> None:
        for bell in self._waiting.get(execution_id, ()):
            bell.set()
