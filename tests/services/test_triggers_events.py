"""Triggers that wait for events: once for each, over restarts and hosts, and never on their own doing."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.core.reports import NodeReport
from engine.core.triggers import Trigger
from engine.services.firing import OWN_DOING
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.services.test_triggers import HELLO, started, told
from tests.story import ADA, ended, published

ON_NODE = """
name: probe
steps: [{key: look, action: node.script, with: {script: "true"}}]
"""


def mac(number: int) -> str:
    return f"52:54:00:00:00:{number:02x}"


async def listening(pureboot: PureBoot, event: Any = "node.discovered", **values: Any) -> Trigger:
    """A trigger that starts hello on events."""
    config = {"event": event, "filters": values.pop("filters", {})}
    return await pureboot.triggers.create(
        {"name": "t", "workflow": "hello", "type": "event", "config": config, **values}, by=ADA
    )


async def discover(pureboot: PureBoot, *numbers: int) -> None:
    for number in numbers:
        await pureboot.reports.report(NodeReport(mac_address=mac(number)))


async def all_events(pureboot: PureBoot) -> None:
    while await pureboot.triggers.fire_events():
        pass


async def whos(pureboot: PureBoot) -> list[str]:
    return [str(each.params["who"]) for each in await started(pureboot)]


async def test_each_event_fires_once_also_over_restarts(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        await discover(pureboot, 1)
        assert (await pureboot.triggers.listens(), await pureboot.triggers.fire_events()) == (False, False)
        await listening(pureboot, params={"who": "{{ node.mac }} {{ event.kind }}"})
        assert await pureboot.triggers.listens()
        await all_events(pureboot)
        assert await whos(pureboot) == []  # what was before it is nothing to it
        await discover(pureboot, 2)
        await all_events(pureboot)
        clock.advance(1)
        await discover(pureboot, 3)
    async with opener(store_url, clock=clock, host=False) as pureboot:
        for _ in range(3):
            await all_events(pureboot)
        assert await whos(pureboot) == [f"{mac(2)} node.discovered", f"{mac(3)} node.discovered"]
        assert (await pureboot.triggers.get("t")).fired == 2


async def test_two_processes_fire_on_each_event_once(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as one, opener(store_url, host=False) as other:
        await published(one, HELLO)
        await listening(one, params={"who": "{{ node.mac }}"})
        for first in range(0, 30, 10):
            await asyncio.gather(
                *(discover(one, number) for number in range(first, first + 10)),
                *(all_events(each) for each in (one, other) * 2),
            )
        await all_events(other)
        assert sorted(await whos(one)) == [mac(number) for number in range(30)]


async def test_more_events_than_one_look_takes_are_taken_in_several(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        await listening(pureboot)
        await discover(pureboot, *range(7))
        assert [await pureboot.triggers.fire_events(limit=3) for _ in range(4)] == [True, True, False, False]
        assert len(await started(pureboot)) == 7


async def test_what_does_not_fit_moves_the_cursor_seldom(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        before = (await listening(pureboot, "node.state_changed")).cursor
        await discover(pureboot, 1, 2)
        await pureboot.triggers.fire_events()
        assert (await pureboot.triggers.get("t")).cursor == before
        await pureboot.triggers.fire_events(limit=1)
        assert (await pureboot.triggers.get("t")).cursor == await pureboot.feed.cursor()


async def test_filters_and_condition_choose(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        await listening(
            pureboot,
            "node.state_changed",
            filters={"state": "installing"},
            condition="node.hostname == 'r2' and event.data.from_state == 'pending'",
            params={"who": "{{ node.hostname }}"},
        )
        for number in (1, 2):
            await pureboot.nodes.create(mac(number), {"hostname": f"r{number}"}, by=ADA)
            for state in (NodeState.PENDING, NodeState.INSTALLING):
                await pureboot.nodes.move(mac(number), state, by=ADA)
        await all_events(pureboot)
        assert await whos(pureboot) == ["r2"]
        assert await told(pureboot, Kind.TRIGGER_FAILED) == []


async def test_a_workflow_that_needs_a_node_takes_the_one_of_the_event(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, ON_NODE)
        await published(pureboot, HELLO)
        await listening(pureboot, workflow="probe")
        await listening(pureboot, name="u", node="{{ event.node_id }}")
        await discover(pureboot, 1)
        await all_events(pureboot)
        node = await pureboot.nodes.get(mac(1))
        probe = next(each for each in await started(pureboot) if each.workflow_name == "probe")
        assert probe.node_id == node.id
        # the node is busy with the one that came first
        assert f"is busy with probe (execution {probe.id})" in str((await pureboot.triggers.get("u")).last_error)


async def test_an_event_that_fails_is_passed_over(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        await listening(pureboot, params={"who": "{{ node.hostname + '!' }}"})
        await discover(pureboot, 1)
        await pureboot.reports.report(NodeReport(mac_address=mac(2), hostname="r2"))
        await all_events(pureboot)
        assert await whos(pureboot) == ["r2!"]
        [failed] = await told(pureboot, Kind.TRIGGER_FAILED)
        assert "params.who" in failed.data["error"]
        assert failed.node_id == (await pureboot.nodes.get(mac(1))).id
        assert (await pureboot.triggers.get("t")).last_error is None  # it has fired since


async def test_while_it_is_disabled_nothing_is_kept_for_it(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        await listening(pureboot)
        await pureboot.triggers.update("t", {"enabled": False}, by=ADA)
        assert not await pureboot.triggers.listens()
        await discover(pureboot, 1)
        await pureboot.triggers.update("t", {"enabled": True}, by=ADA)
        await all_events(pureboot)
        assert await started(pureboot) == []


async def test_a_change_of_its_filters_loses_no_event(store_url: str, opener: Opener) -> None:
    async with opener(store_url, host=False) as pureboot:
        await published(pureboot, HELLO)
        await listening(pureboot, "node.created")
        await discover(pureboot, 1)
        await pureboot.triggers.update("t", {"config": {"event": "node.discovered"}}, by=ADA)
        await all_events(pureboot)
        assert len(await started(pureboot)) == 1


async def test_a_trigger_does_not_fire_on_its_own_doing(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, HELLO)
        await listening(pureboot, "execution.finished", params={"who": "again"})
        first = await pureboot.executions.start("hello", by=ADA)
        await ended(pureboot, first)
        await all_events(pureboot)
        second = next(each for each in await started(pureboot) if each.id != first.id)
        await ended(pureboot, second)
        await all_events(pureboot)
        assert len(await started(pureboot)) == 2
        assert (await pureboot.triggers.get("t")).last_error == OWN_DOING
        [refused] = await told(pureboot, Kind.TRIGGER_FAILED)
        assert refused.data["error"] == OWN_DOING


@pytest.mark.parametrize("parents", [False, True])
async def test_nor_do_triggers_in_a_circle(store_url: str, opener: Opener, parents: bool) -> None:
    calls = "name: calls\nsteps: [{key: a, action: core.workflow, with: {workflow: hello, wait: true}}]"
    async with opener(store_url) as pureboot:
        await published(pureboot, HELLO)
        await published(pureboot, HELLO.replace("name: hello", "name: other", 1))
        await published(pureboot, calls)
        starts = "calls" if parents else "hello"
        await listening(pureboot, "execution.ended", filters={"workflow": "other"}, workflow=starts)
        await listening(pureboot, "execution.ended", name="u", filters={"workflow": "hello"}, workflow="other")
        await ended(pureboot, await pureboot.executions.start("other", by=ADA))
        for _ in range(4):
            await all_events(pureboot)
            for each in await started(pureboot):
                await ended(pureboot, each)
        names = sorted(each.workflow_name for each in await started(pureboot))
        assert names == sorted(["other", "other", "hello", *(["calls"] if parents else [])])
        assert (await pureboot.triggers.get("t")).last_error == OWN_DOING
        assert len((await pureboot.triggers.find(Page()))[0]) == 2


async def spoil(pureboot: PureBoot, name: str) -> None:
    """What no trigger can have: firing it is not refused but breaks."""
    statement = text("UPDATE \"trigger\" SET params = '5' WHERE name = :name").bindparams(name=name)
    await pureboot.context.database.write(lambda tx: tx.execute(statement))


async def test_what_breaks_unexpectedly_is_passed_over_and_the_others_fire(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock, host=False) as pureboot:
        await published(pureboot, HELLO)
        for name in ("broken", "whole"):
            await listening(pureboot, name=f"{name}-event")
            hourly = {"type": "schedule", "config": {"cron": "0 * * * *", "missed": "all"}}
            await pureboot.triggers.create({"name": f"{name}-time", "workflow": "hello", **hourly}, by=ADA)
        await spoil(pureboot, "broken-event")
        await spoil(pureboot, "broken-time")
        await discover(pureboot, 1, 2)
        clock.advance(2 * 3600)
        assert await pureboot.triggers.fire_due() == 2
        await all_events(pureboot)
        assert sorted(each.trigger for each in await started(pureboot)) == ["whole-event"] * 2 + ["whole-time"] * 2
        found = {each.name: each for each in (await pureboot.triggers.find(Page()))[0]}
        for kind in ("event", "time"):
            broken, whole = found[f"broken-{kind}"], found[f"whole-{kind}"]
            assert "unexpected TypeError" in str(broken.last_error)
            assert (broken.next_at, whole.fired) == (whole.next_at, 2)
        failed = await told(pureboot, Kind.TRIGGER_FAILED)
        assert [(each.data["name"], each.data.get("missed")) for each in failed] == [
            ("broken-time", 1),
            ("broken-event", None),
            ("broken-event", None),
        ]
        await pureboot.triggers.fire_events(limit=1)
        assert len(await told(pureboot, Kind.TRIGGER_FAILED)) == 3
