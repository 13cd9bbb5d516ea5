"""What a host does beside performing steps: fire triggers, prune what is kept too long, back the store up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from engine.clock import Clock
from engine.feed import Feed
from engine.services.retention import INTERVAL_SECONDS, Retention
from engine.services.triggers import Triggers

_CALM_SECONDS = 0.5  # a store that changes all the time is looked at so often


class Chores:
    """Each is a loop that a host runs; several hosts may run it at once, each firing still happens once."""

    def __init__(
        self,
        clock: Clock,
        feed: Feed,
        triggers: Triggers,
        retention: Retention,
        back_up: Callable[[], Awaitable[datetime | None]],
    ) -> None:
        """`back_up` makes a backup if one is due, and gives when the next is."""
        self._clock = clock
        self._feed = feed
        self._triggers = triggers
        self._retention = retention
        self._back_up = back_up

    async def fire(self) -> None:
        """Fire schedules when they are due, and listeners when something happened."""
        while True:
            seen = self._feed.stirs
            at = await self._triggers.next_at()
            if at is not None and at <= self._clock.now():
                await self._triggers.fire_due()
                at = await self._triggers.next_at()
            while await self._triggers.listens() and await self._triggers.fire_events():
                pass
            await self._change_or(seen, at)
            await asyncio.sleep(_CALM_SECONDS)

    async def _change_or(self, seen: int, moment: datetime | None) -> None:
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._feed.changed(seen))]
        if moment is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep_until(moment)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def prune(self) -> None:
        """Prune once an hour, by the settings `retention.*`."""
        while True:
            await self._retention.prune()
            await self._clock.sleep_until(self._clock.now() + timedelta(seconds=INTERVAL_SECONDS))

    async def back_up(self) -> None:
        """Back the store up, by the settings `backup.*`."""
        while (at := await self._back_up()) is not None:
            await self._clock.sleep_until(at)
        await asyncio.Event().wait()
