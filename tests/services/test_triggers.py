"""Triggers: made, changed and fired by hand; schedules over missed times, restarts, hosts and clocks."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.executions import Execution
from engine.core.page import EVERYTHING, Page
from engine.core.rendering import MASK
from engine.core.trigger_config import Webhook
from engine.core.triggers import Trigger
from engine.errors import Conflict, Invalid, NotFound
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, published

HELLO = """
name: hello
params: {who: {type: string, default: world}, times: {type: integer, default: 1}}
steps: [{key: say, action: core.echo, with: {message: "hello {{ params.who }}"}}]
"""
HOURLY = {"cron": "0 * * * *"}
MINUTES = 60.0


async def made(pureboot: PureBoot, **values: Any) -> Trigger:
    """A trigger that starts hello."""
    return await pureboot.triggers.create({"name": "t", "workflow": "hello", **values}, by=ADA)


async def scheduled(pureboot: PureBoot, **config: Any) -> Trigger:
    """A schedule of every full hour that starts hello. The clock begins at noon."""
    return await made(pureboot, type="schedule", config={**HOURLY, **config})


async def started(pureboot: PureBoot) -> list[Execution]:
    """All executions, oldest first."""
    return list(reversed((await pureboot.executions.find(EVERYTHING))[0]))


async def told(pureboot: PureBoot, *kinds: Kind) -> list[Event]:
    """The events of some kinds, oldest first."""
    page = Page(limit=None, sort="id", filters={"kind": tuple(kind.value for kind in kinds)})
    return (await pureboot.events(page))[0]


def hours(executions: list[Execution]) -> list[str]:
    """The hours for which schedules started executions."""
    return sorted(str(each.request_id)[-9:-4] for each in executions)


async def test_a_trigger_is_made_changed_and_forgotten(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        trigger = await scheduled(pureboot)
        assert await pureboot.triggers.get("t") == await pureboot.triggers.get(trigger.id) == trigger
        assert [each.isoformat() for each in trigger.next] == [
            f"2026-03-01T{hour}:00:00+00:00" for hour in range(13, 18)
        ]
        changed = await pureboot.triggers.update("t", {"config": {"timezone": "Asia/Kathmandu"}}, by="user:bob")
        assert changed.next_at == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
        await pureboot.triggers.update("t", {"name": "u", "config": {"missed": "all"}}, by=ADA)
        assert (await pureboot.triggers.get("u")).next_at == changed.next_at
        assert (await pureboot.triggers.delete("u", by=ADA)).name == "u"
        assert await pureboot.triggers.find(Page()) == ([], 0)
        events = await told(pureboot, Kind.TRIGGER_CREATED, Kind.TRIGGER_UPDATED, Kind.TRIGGER_DELETED)
        assert [(each.kind, each.principal) for each in events] == [
            (Kind.TRIGGER_CREATED, ADA),
            (Kind.TRIGGER_UPDATED, "user:bob"),
            (Kind.TRIGGER_UPDATED, ADA),
            (Kind.TRIGGER_DELETED, ADA),
        ]
        assert events[2].data["changes"]["name"] == ["t", "u"]


async def test_everything_that_is_wrong_is_named(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        with pytest.raises(Invalid) as refused:
            await made(pureboot, name="No", type="schedule", config={"cron": "x"}, condition="1 +", colour="red")
        assert sorted(each.path for each in refused.value.problems) == ["colour", "condition", "config.cron", "name"]
        with pytest.raises(NotFound, match="there is no workflow gone"):
            await made(pureboot, workflow="gone")
        with pytest.raises(Invalid, match="is no type of trigger"):
            await made(pureboot, type="magic")
        trigger = await made(pureboot, type="webhook", config={"path": "a"})
        with pytest.raises(Conflict, match="there is a trigger t already"):
            await made(pureboot)
        with pytest.raises(Conflict, match="another trigger has this path"):
            await made(pureboot, name="u", type="webhook", config={"path": "/a/"})
        with pytest.raises(Invalid, match="type: cannot be changed"):
            await pureboot.triggers.update(trigger.id, {"type": "manual"}, by=ADA)
        assert (await pureboot.triggers.find(Page()))[1] == 1


async def test_triggers_are_found_by_what_they_are(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        await scheduled(pureboot)
        await made(pureboot, name="b", enabled=False)
        await made(pureboot, name="a", type="event", config={"event": "node.discovered"})

        async def names(**filters: Any) -> list[str]:
            page = Page(filters={name: (value,) for name, value in filters.items()})
            return [each.name for each in (await pureboot.triggers.find(page))[0]]

        assert await names() == ["a", "b", "t"]
        assert await names(type="schedule") == ["t"]
        assert await names(enabled=False) == ["b"]
        assert await names(workflow="gone") == []


async def test_fired_by_hand_it_starts_what_it_says(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        params = {"who": "{{ trigger.name }} ${x}", "times": "{{ trigger.body.n + 1 }}"}
        await made(pureboot, params=params, condition="trigger.body.n > 1")
        none = await pureboot.triggers.fire("t", by=ADA, body={"n": 1})
        assert (none.execution, none.error) == (None, None)
        done = await pureboot.triggers.fire("t", by=ADA, body={"n": 2}, key="once")
        again = await pureboot.triggers.fire("t", by=ADA, body={"n": 3}, key="once")
        assert done.execution is not None
        assert again.execution is not None
        assert again.execution.id == done.execution.id
        execution = await pureboot.executions.get(done.execution.id)
        assert dict(execution.params) == {"who": "t ${x}", "times": 3}
        assert (execution.principal, execution.trigger) == ("trigger:t", "t")
        trigger = await pureboot.triggers.get("t")
        assert (trigger.fired, trigger.last_fired_at, trigger.last_error) == (1, clock.now(), None)
        assert trigger.last_execution_id == execution.id
        [event] = await told(pureboot, Kind.TRIGGER_FIRED)
        assert (event.principal, event.execution_id, event.data["trigger_id"]) == (ADA, execution.id, trigger.id)
        await pureboot.triggers.update("t", {"enabled": False}, by=ADA)
        with pytest.raises(Conflict, match="trigger t is disabled"):
            await pureboot.triggers.fire("t", by=ADA)


async def test_what_is_sent_to_a_webhook_stays_text(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        await made(pureboot, params={"who": "{{ trigger.body.who }}"})
        sent = "${secret.root} {{ 7 * 7 }} $${x}"
        done = await pureboot.triggers.fire("t", by=ADA, body={"who": sent})
        assert done.execution is not None
        assert done.execution.params["who"] == sent


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"condition": "trigger.body.gone"}, "the condition `trigger.body.gone` has no value"),
        ({"condition": "event.id == 1"}, "'event' is undefined"),
        ({"params": {"who": "{{ gone }}"}}, "params.who: 'gone' is undefined"),
        ({"params": {"colour": "red"}}, "params.colour: there is no such input"),
        ({"node": "nobody"}, "there is no node nobody"),
        ({"node": "r1"}, "node r1 is locked"),
        ({"node": "nobody", "condition": "node.state == 'active'"}, "there is no node nobody"),
    ],
)
async def test_a_start_that_is_refused_is_told_and_stops_nothing(
    store_url: str, opener: Opener, clock: ManualClock, values: dict[str, Any], reason: str
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        await pureboot.nodes.create("52:54:00:00:00:01", {"hostname": "r1", "locked": True}, by=ADA)
        await made(pureboot, type="schedule", config=HOURLY, **values)
        clock.advance(60 * MINUTES)
        assert await pureboot.triggers.fire_due() == 0
        trigger = await pureboot.triggers.get("t")
        assert reason in str(trigger.last_error)
        assert (trigger.fired, trigger.next_at) == (0, clock.now() + timedelta(hours=1))
        [event] = await told(pureboot, Kind.TRIGGER_FAILED)
        assert event.data["error"] == trigger.last_error
        assert await started(pureboot) == []


async def test_a_workflow_that_is_archived_fails_until_it_is_back(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        await scheduled(pureboot)
        await pureboot.workflows.archive("hello", by=ADA)
        clock.advance(60 * MINUTES)
        assert await pureboot.triggers.fire_due() == 0
        assert "workflow hello is archived" in str((await pureboot.triggers.get("t")).last_error)
        await published(pureboot, HELLO.replace("default: 1", "default: 2"))
        clock.advance(60 * MINUTES)
        assert await pureboot.triggers.fire_due() == 1
        assert (await pureboot.triggers.get("t")).last_error is None


async def test_a_schedule_fires_when_its_time_has_come_and_not_again(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        assert await pureboot.triggers.next_at() is None
        await published(pureboot, HELLO)
        trigger = await scheduled(pureboot, missed="skip")
        assert await pureboot.triggers.next_at() == trigger.next_at
        clock.advance(59 * MINUTES)
        assert await pureboot.triggers.fire_due() == 0
        clock.advance(60.5)
        assert [await pureboot.triggers.fire_due() for _ in range(3)] == [1, 0, 0]
        assert hours(await started(pureboot)) == ["13:00"]
        assert await pureboot.triggers.next_at() == datetime(2026, 3, 1, 14, tzinfo=UTC)
        await pureboot.triggers.update("t", {"enabled": False}, by=ADA)
        assert await pureboot.triggers.next_at() is None
        clock.advance(180 * MINUTES)
        assert await pureboot.triggers.fire_due() == 0
        enabled = await pureboot.triggers.update("t", {"enabled": True}, by=ADA)
        assert enabled.next_at == datetime(2026, 3, 1, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "fired", "missed"),
    [("skip", [], 3), ("once", ["15:00"], 2), ("all", ["13:00", "14:00", "15:00"], None)],
)
async def test_over_a_restart_the_policy_says_what_is_made_up_for(
    store_url: str, opener: Opener, clock: ManualClock, policy: str, fired: list[str], missed: int | None
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        await scheduled(pureboot, missed=policy)
    clock.advance(3 * 60 * MINUTES + 600)
    async with opener(store_url, clock=clock, host=False) as pureboot:
        assert await pureboot.triggers.fire_due() == len(fired)
        assert await pureboot.triggers.fire_due() == 0
        assert hours(await started(pureboot)) == fired
        [event, *others] = await told(pureboot, Kind.TRIGGER_FIRED if fired else Kind.TRIGGER_SKIPPED)
        assert (len(others), event.data.get("missed")) == (max(0, len(fired) - 1), missed)
        assert await pureboot.triggers.next_at() == datetime(2026, 3, 1, 16, tzinfo=UTC)


async def test_of_very_many_missed_times_a_hundred_fire_and_the_rest_is_counted(
    sqlite_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(sqlite_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        await scheduled(pureboot, cron="* * * * *", missed="all")
        clock.advance(150 * MINUTES)
        assert await pureboot.triggers.fire_due() == 100
        [event, *_] = await told(pureboot, Kind.TRIGGER_FIRED)
        assert (event.data["missed"], event.data["missed_at_least"]) == (50, False)
        assert (await pureboot.triggers.get("t")).fired == 100


async def test_two_processes_fire_each_occurrence_once(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with (
        opener(store_url, clock=clock, host=False) as one,
        opener(store_url, clock=clock, host=False) as other,
    ):
        await published(one, HELLO)
        for name in ("a", "b", "c"):
            await made(one, name=name, type="schedule", config={**HOURLY, "missed": "all"})
        for hour in range(1, 6):
            clock.advance(60 * MINUTES)
            counts = await asyncio.gather(*(each.triggers.fire_due() for each in (one, other) * 3))
            assert sum(counts) == 3
            assert len(await started(other)) == 3 * hour
        assert [each.fired for each in (await one.triggers.find(Page()))[0]] == [5, 5, 5]
        assert len(await told(one, Kind.TRIGGER_FIRED)) == 15


async def test_a_clock_that_is_set_back_fires_nothing_a_second_time(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        await scheduled(pureboot)
        clock.advance(60 * MINUTES)
        assert await pureboot.triggers.fire_due() == 1
        clock.advance(-30 * MINUTES)
        assert await pureboot.triggers.fire_due() == 0
        for enabled in (False, True):  # which looks at the clock anew: 13:00 comes again
            await pureboot.triggers.update("t", {"enabled": enabled}, by=ADA)
        assert await pureboot.triggers.next_at() == datetime(2026, 3, 1, 13, tzinfo=UTC)
        clock.advance(30 * MINUTES)
        assert await pureboot.triggers.fire_due() == 0
        assert (await pureboot.triggers.get("t")).fired == 1
        clock.advance(60 * MINUTES)
        assert await pureboot.triggers.fire_due() == 1
        assert hours(await started(pureboot)) == ["13:00", "14:00"]


async def test_a_schedule_follows_the_clocks_of_its_zone(store_url: str, opener: Opener) -> None:
    clock = ManualClock(datetime(2026, 3, 28, 12, tzinfo=UTC))
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        await scheduled(pureboot, cron="30 2 * * *", timezone="Europe/Berlin", missed="all")
        for _ in range(3):
            clock.advance(24 * 60 * MINUTES)
            assert await pureboot.triggers.fire_due() == 1
        assert hours(await started(pureboot)) == ["00:30", "00:30", "01:00"]


async def test_the_runtime_is_woken_for_a_schedule_by_another_process(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url, host=False) as one, opener(sqlite_url, host=False) as other:
        await published(one, HELLO)
        seen = other.feed.stirs
        trigger = await scheduled(one)
        async with asyncio.timeout(20):
            while await other.triggers.next_at() != trigger.next_at:
                seen = await other.feed.changed(seen)


async def test_a_webhook_is_known_by_its_path_and_proven_by_its_secret(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        given = await made(pureboot, type="webhook", config={})
        assert isinstance(given.config, Webhook)
        assert len(given.config.path) == 32
        assert given.url == f"/hooks/{given.config.path}"
        signed = await made(pureboot, name="s", type="webhook", config={"path": "build", "secret": "hunter2"})
        kept = await pureboot.triggers.update("s", {"config": {"path": "b2", "secret": MASK}}, by=ADA)
        assert isinstance(kept.config, Webhook)
        assert (kept.config.path, kept.config.secret, kept.config.secret_) == ("b2", None, MASK)
        assert (await pureboot.triggers.receive("b2", b"", None if signed is None else _sign(b""))).id == signed.id
        events = await told(pureboot, Kind.TRIGGER_CREATED, Kind.TRIGGER_UPDATED)
        log = str([dict(each.data) for each in events])
        assert "hunter2" not in log
        assert given.config.path not in log


def _sign(body: bytes) -> str:
    from engine.core.triggers import signature

    return signature("hunter2", body)
