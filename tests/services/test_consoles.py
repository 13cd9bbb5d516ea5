"""Who has a console open: on both stores, until it leaves or says nothing for too long."""

import pytest

from engine.core.consoles import LEASE
from engine.errors import Conflict, Invalid
from tests.clock import ManualClock
from tests.conftest import Opener

ADA, BOB = "user:ada", "token:bob"
MINE, OTHER = "11111111-aaaa", "22222222-bbbb"


async def test_consoles_come_are_seen_and_go(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as host, opener(store_url, clock=clock) as guest:
        [mine] = await host.consoles.renew(MINE, by=ADA, place="noc1 pts/3", looks_at="Nodes")
        assert (mine.name, mine.place, mine.looks_at, mine.since) == (ADA, "noc1 pts/3", "Nodes", clock.now())
        clock.advance(10)
        both = await guest.consoles.renew(OTHER, by=BOB, place="x\ny", looks_at="z" * 500, is_remote=True)
        assert [each.name for each in both] == [ADA, BOB]
        assert (both[1].place, len(both[1].looks_at), both[1].is_remote) == ("x y", 120, True)
        again = await host.consoles.renew(MINE, by=ADA, looks_at="Log")
        assert (again[0].looks_at, again[0].since) == ("Log", mine.since)
        with pytest.raises(Conflict, match="somebody else's"):
            await guest.consoles.renew(MINE, by=BOB)
        with pytest.raises(Invalid):
            await guest.consoles.renew("x", by=BOB)
        await guest.consoles.leave(MINE, by=BOB)  # not his
        assert len(await host.consoles.find()) == 2
        clock.advance(LEASE.total_seconds() - 5)
        await host.consoles.renew(MINE, by=ADA)
        clock.advance(10)
        assert [each.id for each in await guest.consoles.find()] == [MINE]
        await host.consoles.leave(MINE, by=ADA)
        assert await guest.consoles.find() == []
