"""Waking long polls: one follower of the event log rings for the executions and nodes to which something happened.

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
    """Those who wait for something to happen to an execution or a node. `closing` is set when the server is about to
    stop.
    """

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._anyone = asyncio.Event()
        self.closing = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(set().union(*self._waiting.values()))

    @contextmanager
    def heard(self, *ids: str) -> Iterator[asyncio.Event]:
        """An event that is set, from now on, whenever something happens to an execution or a node with one of these
        ids; clear it before looking.
        """
        bell = asyncio.Event()
        for each in ids:
            self._waiting[each].add(bell)
        self._anyone.set()
        try:
            yield bell
        finally:
            for each in ids:
                self._waiting[each].discard(bell)
                if not self._waiting[each]:
                    del self._waiting[each]
            if not self._waiting:
                self._anyone.clear()

    async def follow(self, feed: Feed) -> None:
        """Ring for what is written, until cancelled. While nobody waits, nothing is read."""
        while True:
            await self._anyone.wait()
            try:
                cursor = await feed.cursor()
                for each in list(self._waiting):
                    self._ring(each)  # they may have looked before this place in the log was taken
                async for batch in feed.follow(cursor):
                    for each in {each for event in batch for each in (event.execution_id, event.node_id) if each}:
                        self._ring(each)
                    if not self._waiting:
                        break
                continue
            except Unavailable as error:
                _log.debug("long polls wait for the store: %s", error)
            await asyncio.sleep(_RETRY_SECONDS)

    def close(self) -> None:
        """Wake all of them for the last time."""
        self.closing.set()
        for each in self._waiting:
            self._ring(each)

    def _ring(self, subject: str) -> None:
        for bell in self._waiting.get(subject, ()):
            bell.set()
