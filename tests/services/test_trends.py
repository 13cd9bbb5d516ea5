"""What the log tells of the last hours; on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import delete

from engine.core.events import Kind, NewEvent
from engine.core.nodes import NodeState
from engine.core.trends import walked_back
from engine.services import trends as subject
from engine.store import events
from engine.store.schema import event
from engine.store.trends import first_since
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA

MACS = [f"52:54:00:00:00:{number:02x}" for number in range(1, 5)]


async def test_moves_and_boots_are_those_since_a_time(
    store_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        assert (await pureboot.trends.moves(clock.now())).moves == ()
        await pureboot.nodes.create(MACS[0], {}, by=ADA)
        clock.advance(600)
        begin = clock.now()
        for mac in MACS[1:]:
            await pureboot.nodes.create(mac, {}, by=ADA)
            clock.advance(60)
        await pureboot.nodes.move(MACS[0], NodeState.PENDING, by=ADA)
        found = await pureboot.trends.moves(begin)
        assert found.since == begin
        assert [(each.from_state, each.to_state) for each in found.moves] == [
            (NodeState.DISCOVERED, NodeState.PENDING),
            *[(None, NodeState.DISCOVERED)] * 3,
        ]
        now = {NodeState.DISCOVERED: 3, NodeState.PENDING: 1}
        before = walked_back(now, found.moves, [begin - timedelta(seconds=1), begin + timedelta(seconds=90)])
        assert [each[NodeState.DISCOVERED] for each in before] == [1, 3]

        hour = clock.now().replace(minute=0)
        facts = [(hour - timedelta(hours=30), 1), (hour - timedelta(hours=3), 2), (hour + timedelta(minutes=1), 3)]
        boots = [NewEvent(kind=Kind.NODE_BOOT_LOCAL, at=at) for at, count in facts for _ in range(count)]
        database = pureboot.context.database
        await database.write(lambda tx: tx.execute(delete(event)))
        await database.write(lambda tx: events.append(tx, boots))
        found_boots = await pureboot.trends.boots()
        assert {at: count for at, count in found_boots.hours if count} == {hour - timedelta(hours=3): 2, hour: 3}
        assert len(found_boots.hours) == 24

        monkeypatch.setattr(subject, "MOST_EVENTS", 4)  # a log that is too busy to be looked through
        found_boots = await pureboot.trends.boots()
        assert found_boots.since == hour - timedelta(hours=3)
        assert sum(count for _, count in found_boots.hours) == 4
        ids = await database.read(lambda tx: [first_since(tx, hour + timedelta(hours=hours)) for hours in (-99, 0, 99)])
        assert ids[0] < ids[1] < ids[2]
