"""The files that go out by HTTP now: how far each is, for whoever looks."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from bootsrv.http.accesslog import shown_question
from bootsrv.http.sighting import sighting_of
from engine.app import PureBoot
from engine.core.traffic import Carrier, Ending, Transfer, mean_rate


@dataclass(slots=True, eq=False, kw_only=True)
class Sending:
    """One file. `sent` is counted by whoever sends it: the event loop, or the sender's thread while that has it."""

    id: str
    address: str
    port: int
    path: str
    size: int
    mac: str | None
    started_at: datetime
    sent: int = 0

    def transfer(self, *, ended_at: datetime | None = None, outcome: Ending | None = None, why: str = "") -> Transfer:
        """As it is seen now, or as it ended."""
        rate = 0.0 if ended_at is None else mean_rate(self.sent, (ended_at - self.started_at).total_seconds())
        return Transfer(
            id=self.id,
            kind=Carrier.HTTP,
            address=self.address,
            port=self.port,
            path=self.path,
            size=self.size,
            sent=self.sent,
            rate=rate,
            started_at=self.started_at,
            ended_at=ended_at,
            outcome=outcome,
            message=why,
            mac_address=self.mac,
        )


@dataclass(slots=True)
class Outgoing:
    """All of them."""

    _under_way: dict[str, Sending] = field(default_factory=dict)
    _number: int = 0

    @contextmanager
    def sending(self, request: web.BaseRequest, size: int, pureboot: PureBoot) -> Iterator[Sending]:
        """One more, while it is sent; how it ended is told to whoever looks at the traffic."""
        self._number += 1
        peer = request.get_extra_info("peername") or ("", 0)
        sighting = sighting_of(request)
        sending = Sending(
            id=f"http-{self._number}",
            address=request.remote or "",
            port=int(peer[1]) if len(peer) > 1 else 0,
            path=shown_question(request.path).partition("?")[0],
            size=size,
            mac=sighting.mac if sighting is not None else None,
            started_at=pureboot.context.now(),
        )
        self._under_way[sending.id] = sending
        outcome, why = Ending.FAILED, ""
        try:
            yield sending
            outcome = Ending.DONE
        except (asyncio.CancelledError, ConnectionError):
            why = "the connection was lost"
            raise
        except Exception as error:
            why = str(error)
            raise
        finally:
            del self._under_way[sending.id]
            pureboot.traffic.ended(sending.transfer(ended_at=pureboot.context.now(), outcome=outcome, why=why))

    def transfers(self) -> Iterator[Transfer]:
        """The files under way, oldest first."""
        return (each.transfer() for each in self._under_way.values())

    def sent(self) -> int:
        """How many bytes of them were sent, together."""
        return sum(each.sent for each in self._under_way.values())
