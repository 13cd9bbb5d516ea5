"""Forgetting: what is old or too much goes, what somebody may still need stays."""

from collections import Counter
from typing import Any

import pytest

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.dead_letters import of_execution
from engine.core.events import PROGRESS, Kind
from engine.core.executions import Execution
from engine.core.page import EVERYTHING, Page
from engine.core.retention import Pruned
from engine.services import retention
from engine.services.letters import lay
from engine.settings import Retention as Rules
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, begun, ended, event, published

DAY = 86400.0
ECHO = "name: echo\nsteps: [{key: a, action: core.echo, with: {message: hi}}, {key: b, action: core.echo}]"
WAIT = "name: wait\nsteps: [{key: a, action: core.approve}]"
STARTS = "name: starts\nsteps: [{key: a, action: core.workflow, with: {workflow: wait, wait: false}}]"
HOLDS = """
name: holds
steps:
  - {key: a, action: core.workflow, with: {workflow: echo}}
  - {key: b, action: core.approve}
"""


async def ran(pureboot: PureBoot, workflow: str = "echo") -> Execution:
    return await ended(pureboot, await pureboot.executions.start(workflow, by=ADA))


async def left(pureboot: PureBoot) -> list[str]:
    found, _ = await pureboot.executions.find(EVERYTHING)
    return sorted(each.id for each in found)


async def logged(pureboot: PureBoot) -> int:
    found, _ = await pureboot.executions.find(EVERYTHING)
    return sum([len(await pureboot.executions.log(each.id)) for each in found])


async def kinds(pureboot: PureBoot) -> Counter[Kind]:
    found, _ = await pureboot.events(EVERYTHING)
    return Counter(each.kind for each in found)


async def test_without_a_rule_everything_stays(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ECHO)
        execution = await ran(pureboot)
        clock.advance(300 * DAY)
        before = await kinds(pureboot)
        assert await pureboot.retention.prune() == Pruned()
        assert await left(pureboot) == [execution.id]
        assert await kinds(pureboot) == before


async def test_old_executions_go_with_their_attempts_and_logs(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    rules = Rules.model_validate({"executions": "30d"})
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ECHO)
        old = [await ran(pureboot) for _ in range(3)]
        link = await pureboot.links.record("netbox", "device", "r1", "17", execution_id=old[0].id)
        clock.advance(20 * DAY)
        young = await ran(pureboot)
        clock.advance(10 * DAY)
        # whatever is exactly as old as the bound is not older
        assert await pureboot.retention.prune(by=ADA, rules=rules) == Pruned()
        clock.advance(1)
        pieces = await logged(pureboot) - len(await pureboot.executions.log(young.id))
        assert pieces > 0
        expected = {"executions": 3, "attempts": 6, "logs": pieces}
        counted = await pureboot.retention.prune(dry_run=True, rules=rules)
        assert counted == Pruned(**expected, dry_run=True)
        assert len(await left(pureboot)) == 4
        assert await pureboot.retention.prune(by=ADA, rules=rules) == Pruned(**expected)  # type: ignore[arg-type]
        assert await left(pureboot) == [young.id]
        assert await pureboot.executions.log(young.id)
        assert await pureboot.links.links_of(old[0].id) == [link]
        (told,), _ = await pureboot.events(Page(filters={"kind": (Kind.STORE_PRUNED.value,)}))
        assert (told.principal, told.data) == (ADA, expected)
        assert await pureboot.retention.prune(rules=rules) == Pruned()


async def test_of_the_ended_ones_the_newest_stay(store_url: str, opener: Opener, clock: ManualClock) -> None:
    rules = Rules.model_validate({"keep": 2})
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ECHO)
        await published(pureboot, WAIT)
        waiting = await begun(pureboot, await pureboot.executions.start("wait", by=ADA), "a")
        ids = []
        for _ in range(5):
            clock.advance(1)
            ids.append((await ran(pureboot)).id)
        assert (await pureboot.retention.prune(rules=rules)).executions == 3
        assert await left(pureboot) == sorted([waiting.id, *ids[-2:]])
        assert (await pureboot.retention.prune(rules=Rules(keep=0))).executions == 2
        assert await left(pureboot) == [waiting.id]


async def test_a_family_stays_as_long_as_one_of_it_lives(store_url: str, opener: Opener, clock: ManualClock) -> None:
    rules = Rules(executions=1.0, logs=1.0)
    async with opener(store_url, clock=clock) as pureboot:
        for text in (ECHO, WAIT, STARTS, HOLDS):
            await published(pureboot, text)
        await ran(pureboot, "starts")
        parent = await begun(pureboot, await pureboot.executions.start("holds", by=ADA), "b")
        clock.advance(DAY)
        # an ended parent of a living child, the child, a living parent, its ended child
        everything = await left(pureboot)
        assert len(everything) == 4
        logs = await logged(pureboot)
        assert await pureboot.retention.prune(rules=rules) == Pruned()
        assert (await left(pureboot), await logged(pureboot)) == (everything, logs)
        await pureboot.executions.cancel(parent.id, by=ADA)
        clock.advance(DAY)
        assert (await pureboot.retention.prune(rules=rules)).executions == 2
        assert len(await left(pureboot)) == 2


async def test_what_a_person_is_to_look_at_stays(store_url: str, opener: Opener, clock: ManualClock) -> None:
    rules = Rules.model_validate({"keep": 0, "logs": "1s"})
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ECHO)
        execution = await ran(pureboot)
        letter = of_execution(new_id(), execution, None, "it failed", clock.now())
        await pureboot.context.database.write(lambda tx: lay(tx, letter))
        clock.advance(DAY)
        assert await pureboot.retention.prune(rules=rules) == Pruned()
        assert await logged(pureboot) > 0
        await pureboot.dead_letters.discard(letter.id, by=ADA, reason="seen")
        assert (await pureboot.retention.prune(rules=rules)).executions == 1


async def test_logs_may_go_before_their_executions(store_url: str, opener: Opener, clock: ManualClock) -> None:
    rules = Rules.model_validate({"logs": "7d", "executions": "30d"})
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ECHO)
        execution = await ran(pureboot)
        pieces = await logged(pureboot)
        clock.advance(8 * DAY)
        young = await ran(pureboot)
        assert (await pureboot.retention.prune(dry_run=True, rules=rules)).counts == {
            "executions": 0,
            "attempts": 0,
            "logs": pieces,
            "events": 0,
        }
        assert await pureboot.retention.prune(rules=rules) == Pruned(logs=pieces)
        assert await left(pureboot) == sorted([execution.id, young.id])
        assert await pureboot.executions.log(execution.id) == []
        assert await pureboot.executions.log(young.id)


async def test_old_progress_goes_and_audit_rows_stay(store_url: str, opener: Opener, clock: ManualClock) -> None:
    rules = Rules.model_validate({"events": "90d"})
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ECHO)
        await ran(pureboot)
        before = await kinds(pureboot)
        old = sum(count for kind, count in before.items() if kind in PROGRESS)
        assert old > 0
        assert set(before) - PROGRESS
        clock.advance(91 * DAY)
        await ran(pureboot)
        middle = await kinds(pureboot)
        assert (await pureboot.retention.prune(dry_run=True, rules=rules)).events == old
        assert await kinds(pureboot) == middle
        assert (await pureboot.retention.prune(rules=rules)).events == old
        assert await kinds(pureboot) == middle - Counter({k: n for k, n in before.items() if k in PROGRESS}) + Counter(
            [Kind.STORE_PRUNED]
        )


async def test_the_newest_event_stays_and_ids_never_come_back(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        for _ in range(3):
            await pureboot.note(Kind.NODE_REPORTED)
        newest = (await pureboot.events(Page(limit=1)))[0][0]
        clock.advance(DAY)
        assert (await pureboot.retention.prune(rules=Rules(events=1.0))).events == 2
        found, _ = await pureboot.events(Page(sort="id"))
        assert [each.kind for each in found] == [Kind.NODE_REPORTED, Kind.STORE_PRUNED]
        assert found[0].id == newest.id
        assert found[1].id > newest.id


async def test_much_goes_in_small_transactions(
    store_url: str, opener: Opener, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_EXECUTIONS", 2)
    monkeypatch.setattr(retention, "_ROWS", 3)
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ECHO)
        for _ in range(5):
            await ran(pureboot)
        clock.advance(DAY)
        young = await ran(pureboot)
        pieces = await logged(pureboot) - len(await pureboot.executions.log(young.id))
        progress = sum(count for kind, count in (await kinds(pureboot)).items() if kind in PROGRESS)
        mine = sum(count for kind, count in (await kinds(pureboot)).items() if kind in PROGRESS) // 6
        writes: list[Any] = []
        pureboot.context.database.on_commit(lambda: writes.append(1))
        rules = Rules(executions=1.0, logs=1.0, events=1.0)
        pruned = await pureboot.retention.prune(rules=rules)
        assert (pruned.executions, pruned.attempts, pruned.logs) == (5, 10, pieces)
        assert pruned.events == progress - mine
        # five executions of two attempts each, one a write; of events three a write
        assert len(writes) >= 5 + pruned.events // 3
        assert await left(pureboot) == [young.id]


async def test_a_host_forgets_by_itself_once_an_hour(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock, retention__executions="1d") as pureboot:
        await published(pureboot, ECHO)
        await ran(pureboot)
        seen = await pureboot.feed.cursor()
        clock.advance(2 * DAY)
        told = await event(pureboot, lambda each: each.kind is Kind.STORE_PRUNED, after=seen)
        assert told.data["executions"] == 1
        assert await left(pureboot) == []
