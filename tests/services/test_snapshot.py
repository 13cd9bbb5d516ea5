"""What a screen begins with: everything of one moment, and the event loop stays free while it is read."""

import asyncio
import time
from collections.abc import Awaitable

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.events import Kind
from engine.core.nodes import Node
from engine.store import nodes
from engine.store.tx import Tx
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, PATIENCE, ended, published

NODES, EXECUTIONS = 2500, 120


async def fill(pureboot: PureBoot) -> None:
    now = pureboot.context.now()

    def work(tx: Tx) -> None:
        for number in range(NODES):
            mac = f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"
            node = Node(
                id=new_id(), mac_address=mac, tags=("r1",), state_changed_at=now, created_at=now, updated_at=now
            )
            nodes.add(tx, node)

    await pureboot.context.database.write(work)
    await published(pureboot, "name: w\nsteps: [{key: a, action: core.echo}, {key: b, action: core.echo}]")
    await asyncio.gather(*(pureboot.executions.start("w", by=ADA) for _ in range(EXECUTIONS)))
    left = EXECUTIONS
    async with asyncio.timeout(PATIENCE):
        async for batch in pureboot.feed.follow(0):
            left -= sum(each.kind is Kind.EXECUTION_FINISHED for each in batch)
            if not left:
                return


async def longest_turn(work: Awaitable[object]) -> tuple[float, float]:
    """The longest turn of the event loop while `work` runs, and all of them together, in seconds of its own CPU."""
    turns: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0.001)
            turns.append(time.thread_time() - begun)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    turns.clear()
    await work
    await asyncio.sleep(0.01)
    watching.cancel()
    return max(turns), sum(turns)


async def test_a_snapshot_is_whole_and_read_in_pieces(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await fill(pureboot)
        found = await pureboot.snapshot(recent_executions=100)
        assert len({node.id for node in found.nodes}) == len(found.nodes) == NODES
        assert {node.tags for node in found.nodes} == {("r1",)}
        assert len({each.id for each in found.executions}) == len(found.executions) == 100
        assert {len(each.attempts) for each in found.executions} == {2}
        assert found.cursor == (await pureboot.events_after(0, limit=100_000))[-1].id
        # a few times: a collection of garbage may fall into one of them
        shares = [longest / total for longest, total in [await longest_turn(pureboot.snapshot()) for _ in range(3)]]
        assert min(shares) < 0.25


async def test_a_snapshot_has_all_that_live_however_old(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, "name: long\nsteps: [{key: a, action: core.delay, with: {duration: 1h}}]")
        await published(pureboot, "name: short\nsteps: [{key: a, action: core.echo}]")
        old = await pureboot.executions.start("long", by=ADA)
        for _ in range(3):
            clock.advance(1)
            last = await pureboot.executions.start("short", by=ADA)
            await ended(pureboot, last)
        found = await pureboot.snapshot(recent_executions=1)
        assert [each.id for each in found.executions if each.ended] == [last.id]
        assert [each.id for each in found.executions if not each.ended] == [old.id]
