"""The one follower of the feed: it brings the model up to date and says what changed, a few times a second at most."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from console.model import Changes, Model, changes_of
from console.view.labels import duration
from engine.errors import Unavailable

if TYPE_CHECKING:
    from console.pureboot import PureBoot

# What is quiet is shown at once; in a burst a person reads four pictures a second at most.
REPAINT_SECONDS = 0.25
# Last-seen times and signs of life are coarse on the screen, so they are read again no more often than this.
COLUMNS_SECONDS = 5.0
RETRY_SECONDS = 1.0
# So many events at once mean that there are more to come.
FULL = 1000
MOST = 20_000


class Follower:
    """Follows the feed of an open store, and tells when it is cut off from it."""

    def __init__(self, model: Model, publish: Callable[[Changes], None]) -> None:
        self._model = model
        self._publish = publish
        self._cut_since: float | None = None
        self._news: str | None = None
        self._columns_stale = False
        self._columns_read = 0.0

    @property
    def cut_seconds(self) -> float | None:
        """For how long the store could not be read, in seconds; None while it can."""
        return None if self._cut_since is None else time.monotonic() - self._cut_since

    async def run(self, pureboot: "PureBoot") -> None:
        """Follow until cancelled, over times when the store cannot be read."""
        while True:
            try:
                await self._follow(pureboot)
            except Unavailable as error:
                if self._cut_since is None:
                    self._cut_since = getattr(error, "since", time.monotonic())
                    self._news = str(error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, pureboot: "PureBoot") -> None:
        pending: Changes | None = None
        async for batch in pureboot.feed.follow(self._model.cursor):
            self._is_there()
            if not batch and pending is None:
                self._columns_stale = True
                continue
            if batch:
                changes = changes_of(batch, self._model.cursor)
                pending = changes if pending is None else pending | changes
                if len(batch) >= FULL and len(pending.events) < MOST:
                    continue
            if pending is not None:
                await self._model.follow(pureboot, pending)
                self._publish(pending)
                pending = None
                await asyncio.sleep(REPAINT_SECONDS)

    def _is_there(self) -> None:
        if self._cut_since is not None:
            self._news = f"the line is there again after {duration(time.monotonic() - self._cut_since)}"
            self._cut_since = None

    def take_news(self) -> str | None:
        """What is to be told of the line since it was asked for last: that it is cut, or there again."""
        news, self._news = self._news, None
        return news

    def tick(self) -> None:
        """Say now and then that columns without events may have changed."""
        now = time.monotonic()
        if self._columns_stale and now - self._columns_read >= COLUMNS_SECONDS:
            self._columns_stale = False
            self._columns_read = now
            self._publish(Changes(cursor=self._model.cursor))
