"""How it was in the last hours, from the log; bounded, however busy it was."""

from datetime import datetime, timedelta

from engine.core.events import Kind
from engine.core.trends import Boots, Moves
from engine.services.context import Context
from engine.store import events
from engine.store import trends as store
from engine.store.tx import Tx

MOST_MOVES = 5000
MOST_EVENTS = 300_000
"""So many of the newest events are looked through; what was before is told to be unknown."""

HOURS = 24
_BOOTS = (Kind.NODE_BOOT_SERVED, Kind.NODE_BOOT_LOCAL)


class Trends:
    """Asked for when a screen opens; what happens after comes by the feed."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def moves(self, since: datetime) -> Moves:
        """How nodes came and changed their states since a time, as far back as the log is looked through.

        Raises:
            Unavailable: the store cannot be read.
        """

        def work(tx: Tx) -> Moves:
            first, begins = _bounded(tx, since)
            found = store.moves(tx, first, MOST_MOVES)
            if len(found) == MOST_MOVES:
                begins = found[-1].at
            return Moves(since=begins, moves=tuple(found))

        return await self._context.database.read(work)

    async def boots(self) -> Boots:
        """How often machines booted, over the network or from their disks, in each of the last hours.

        Raises:
            Unavailable: the store cannot be read.
        """
        this = self._context.now().replace(minute=0, second=0, microsecond=0)
        hours = [this - timedelta(hours=ago) for ago in range(HOURS - 1, -1, -1)]

        def work(tx: Tx) -> Boots:
            first, begins = _bounded(tx, hours[0])
            edges = [max(first, store.first_since(tx, hour)) for hour in hours]
            counts = store.counted(tx, _BOOTS, [*edges, events.cursor(tx) + 1])
            return Boots(since=begins, hours=tuple(zip(hours, counts, strict=True)))

        return await self._context.database.read(work)


def _bounded(tx: Tx, since: datetime) -> tuple[int, datetime]:
    """From which event on the log is looked through, and since when that is."""
    first = store.first_since(tx, since)
    least = events.cursor(tx) + 1 - MOST_EVENTS
    if first >= least:
        return first, since
    return least, store.at_of(tx, least) or since
