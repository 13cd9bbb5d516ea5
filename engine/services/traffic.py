"""What goes through the boot doors now: what the doors tell of it, kept in memory, bounded, and never in the store.

The doors say what is under way when somebody looks, and hand over what has ended; so a transfer costs nothing beside
what its door counts anyway. Once a second the bytes are added up, for how it was in the last minutes.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from engine.core.page import Page
from engine.core.traffic import SERIES_STEP, Carrier, Ending, Total, Traffic, Transfer, mean_rate
from engine.services.context import Context
from engine.services.traces import Traces
from engine.store import nodes
from engine.store.tx import Tx

MOST_ENDED = 200
SERIES = 120  # spans of `SERIES_STEP` seconds
_SAMPLE_SECONDS = 1.0
_LOOK_SECONDS = 0.4  # a rate over less than this jumps about
_SMOOTH = 0.4  # of the newest rate


class Source(Protocol):
    """One protocol's door."""

    def transfers(self) -> Iterable[Transfer]:
        """The transfers under way, oldest first."""

    def sent(self) -> int:
        """How many bytes of them were sent, together; cheap."""


class _Count:
    """What is known of one protocol since its door was opened."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.ended_bytes = 0
        self.ended: Counter[Ending] = Counter()
        self.lately: deque[int] = deque(maxlen=SERIES_STEP)
        self.series: deque[int] = deque(maxlen=SERIES)
        self.samples = 0
        self.sent = 0

    def take(self, seconds: float) -> None:
        """Add up since the last time. What has just ended is counted nowhere for a moment, which is made up later."""
        sent = max(self.sent, self.ended_bytes + self.source.sent())
        self.lately.append(round((sent - self.sent) / seconds))
        self.sent = sent
        self.samples += 1
        if self.samples % SERIES_STEP == 0:
            self.series.append(round(self.rate))

    @property
    def rate(self) -> float:
        return sum(self.lately) / len(self.lately) if self.lately else 0.0

    def total(self) -> Total:
        return Total(bytes=self.sent, ended=dict(self.ended), rate=self.rate, series=tuple(self.series))


class Doorkeeper:
    """What is seen of the traffic. All of it is for the event loop."""

    def __init__(self, context: Context, traces: Traces) -> None:
        self._context = context
        self._traces = traces
        self._counts: dict[Carrier, _Count] = {}
        self._ended: deque[Transfer] = deque(maxlen=MOST_ENDED)
        self._rates: dict[str, tuple[float, int, float]] = {}

    # For the doors

    def serve(self, kind: Carrier, source: Source) -> None:
        """A door is open."""
        self._counts[kind] = _Count(source)

    def withdraw(self, kind: Carrier, source: Source) -> None:
        """A door is closed."""
        known = self._counts.get(kind)
        if known is not None and known.source is source:
            del self._counts[kind]

    def ended(self, transfer: Transfer) -> None:
        """A transfer has ended; it has `ended_at` and `outcome`."""
        self._ended.append(transfer)
        count = self._counts.get(transfer.kind)
        if count is not None and transfer.outcome is not None:
            count.ended[transfer.outcome] += 1
            count.ended_bytes += transfer.sent

    def sample(self, seconds: float = _SAMPLE_SECONDS) -> None:
        """Add up what went since the last time, which was so many seconds ago."""
        for count in self._counts.values():
            count.take(seconds)

    async def run(self) -> None:
        """Add up once a second."""
        before = self._context.clock.monotonic()
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = self._context.clock.monotonic()
            self.sample(max(now - before, _SAMPLE_SECONDS / 2))
            before = now

    # For people

    @property
    def is_served(self) -> bool:
        """Whether this process has doors open."""
        return bool(self._counts)

    async def seen(self) -> Traffic:
        """As `look`, for who may be far away."""
        return self.look()

    async def flows(self) -> dict[Carrier, Total]:
        """As `totals`, for who may be far away."""
        return self.totals()

    def totals(self) -> dict[Carrier, Total]:
        """How much goes by each protocol; none where this process has no doors."""
        return {kind: count.total() for kind, count in self._counts.items()}

    def look(self) -> Traffic:
        """What there is to see now. Nothing is read from the store: of a node's transfer only the MAC address is known,
        as far as the machine has said it at the doors.
        """
        live = [self._rated(each) for count in self._counts.values() for each in count.source.transfers()]
        live.sort(key=lambda each: each.started_at)
        under_way = {each.id for each in live}
        self._rates = {key: known for key, known in self._rates.items() if key in under_way}
        return Traffic(
            is_served=self.is_served,
            transfers=tuple(map(self._named, live)),
            ended=tuple(map(self._named, reversed(self._ended))),
            totals=self.totals(),
        )

    async def told(self) -> Traffic:
        """The same with the nodes' ids.

        Raises:
            Unavailable: the store cannot be read.
        """
        seen = self.look()
        macs = tuple({each.mac_address for each in (*seen.transfers, *seen.ended) if each.mac_address})
        page = Page(limit=None, filters={"mac_address": macs})

        def work(tx: Tx) -> dict[str, str]:
            return {each.mac_address: each.id for each in nodes.find(tx, page)[0]}

        known = await self._context.database.read(work) if macs else {}
        return replace(seen, transfers=_with_nodes(seen.transfers, known), ended=_with_nodes(seen.ended, known))

    def _named(self, transfer: Transfer) -> Transfer:
        if transfer.mac_address is not None:
            return transfer
        mac = self._traces.machine_at(transfer.address)
        return transfer if mac is None else replace(transfer, mac_address=mac)

    def _rated(self, transfer: Transfer) -> Transfer:
        """With the rate it has had since somebody looked last, smoothed; at the first look, since it began."""
        now = self._context.clock.monotonic()
        known = self._rates.get(transfer.id)
        if known is None:
            seconds = (self._context.now() - transfer.started_at).total_seconds()
            rate = mean_rate(transfer.sent, seconds) if seconds > _LOOK_SECONDS else 0.0
        else:
            at, sent, rate = known
            if now - at < _LOOK_SECONDS:
                return replace(transfer, rate=rate)
            newest = max(0, transfer.sent - sent) / (now - at)
            rate = newest if not rate else rate + (newest - rate) * _SMOOTH
        rate = rate if rate >= 1 else 0.0  # it stands still
        self._rates[transfer.id] = (now, transfer.sent, rate)
        return replace(transfer, rate=rate)


def _with_nodes(transfers: Iterable[Transfer], known: Mapping[str, str]) -> tuple[Transfer, ...]:
    return tuple(replace(each, node_id=known.get(each.mac_address or "")) for each in transfers)
