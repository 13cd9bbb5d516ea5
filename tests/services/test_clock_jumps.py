"""A machine's clock that is set forward or back by hours: nothing is lost, nothing runs twice, everything ends."""

import asyncio

import pytest

from engine.core.events import Kind
from engine.core.executions import AttemptStatus, ExecutionStatus
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, begun, ended, event, published, report, statuses

HOUR = 3600
MAC = "52:54:00:00:00:01"
RETRY = "name: w\nsteps: [{key: a, action: core.fail, retry: {max_attempts: 2, delay: 1m}}]"
DELAY = (
    "name: w\nsteps: [{key: a, action: core.delay, with: {duration: 10m}, timeout: 1h}, {key: b, action: core.echo}]"
)
NODE = (
    "name: w\ntimeout: 4h\n"
    "steps: [{key: a, action: node.script, with: {script: x}, heartbeat: 1m, timeout: 1h, retry: {max_attempts: 2}}]"
)


async def test_forward_what_waited_is_due_at_once(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, RETRY)
        execution = await pureboot.executions.start("w", by=ADA)
        await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_SCHEDULED)
        clock.advance(5 * HOUR)
        assert statuses(await ended(pureboot, execution)) == [("a", 1, "failed"), ("a", 2, "failed")]


async def test_forward_over_the_timeout_ends_a_step_once(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, DELAY)
        execution = await pureboot.executions.start("w", by=ADA)
        await begun(pureboot, execution, "a")
        clock.advance(5 * HOUR)  # the wait is over and its timeout passed at the same moment: either may win
        done = await ended(pureboot, execution)
        assert statuses(done) in ([("a", 1, "succeeded"), ("b", 1, "succeeded")], [("a", 1, "timed_out")])
        finished = [each for each in await pureboot.events_after(0) if each.kind is Kind.ATTEMPT_FINISHED]
        assert len(finished) == len(done.attempts)


async def test_forward_silence_is_forgiven_by_the_next_attempt(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, NODE)
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("w", node=MAC, by=ADA)
        await pureboot.callbacks.heartbeat(execution.id)
        clock.advance(2 * HOUR)
        await begun(pureboot, execution, "a", times=2)
        await report(pureboot, execution, "a")
        done = await ended(pureboot, execution)
        assert statuses(done) == [("a", 1, "timed_out"), ("a", 2, "succeeded")]


@pytest.mark.parametrize("restart", [False, True], ids=["running", "over a restart"])
async def test_back_what_waits_is_due_when_its_time_has_come(
    store_url: str, opener: Opener, clock: ManualClock, restart: bool
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, RETRY)
        await published(pureboot, NODE.replace("name: w", "name: n"))
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("w", by=ADA)
        await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_SCHEDULED)
        clock.advance(-3 * HOUR)
        on_node = await pureboot.executions.start("n", node=MAC, by=ADA)
        if not restart:
            await pureboot.callbacks.heartbeat(on_node.id)
            clock.advance(59)
            await pureboot.callbacks.heartbeat(on_node.id)
    async with opener(store_url, clock=clock) as pureboot:
        assert (await pureboot.executions.get(execution.id)).attempts[-1].status is AttemptStatus.RETRYING
        assert await pureboot.executions.advance_due() == 0
        await report(pureboot, on_node, "a")
        assert (await ended(pureboot, on_node)).status is ExecutionStatus.SUCCEEDED
        clock.advance(3 * HOUR + 60)
        assert statuses(await ended(pureboot, execution)) == [("a", 1, "failed"), ("a", 2, "failed")]


async def test_back_and_forth_while_much_runs_ends_everything_once(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, RETRY.replace("name: w", "name: r"))
        await published(pureboot, DELAY)
        executions = [await pureboot.executions.start(name, by=ADA) for name in ("r", "w") * 5]
        for jump in (-2 * HOUR, 30, -HOUR, 60, 600, -30, 10 * HOUR):
            clock.advance(jump)
            await asyncio.sleep(0.02)  # let them act in the middle of it; what they do then must not matter
        for execution in executions:
            done = await ended(pureboot, execution)
            assert not any(each.is_open for each in done.attempts)
            numbers = [(each.step_key, each.attempt) for each in done.attempts]
            assert len(numbers) == len(set(numbers)) <= 2


async def test_what_a_jump_passed_over_is_held_for_a_while(store_url: str, opener: Opener, clock: ManualClock) -> None:
    """Nobody had the five hours: neither the machine, nor whoever was to hear of it."""
    async with opener(store_url, clock=clock, engine__grace=120) as pureboot:
        await published(pureboot, NODE)
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("w", node=MAC, by=ADA)
        await pureboot.callbacks.heartbeat(execution.id)
        clock.jump(5 * HOUR)
        assert await pureboot.executions.advance_due() >= 0
        found = await pureboot.executions.get(execution.id)
        assert (found.status, statuses(found)) == (ExecutionStatus.RUNNING, [("a", 1, "running")])
        clock.advance(59)
        await pureboot.callbacks.heartbeat(execution.id)
        await report(pureboot, execution, "a")
        assert (await ended(pureboot, execution)).status is ExecutionStatus.SUCCEEDED


@pytest.mark.parametrize("restart", [False, True], ids=["running", "over a restart"])
async def test_who_is_silent_after_the_jump_as_well_is_lost(
    store_url: str, opener: Opener, clock: ManualClock, restart: bool
) -> None:
    async with opener(store_url, clock=clock, engine__grace=120) as pureboot:
        await published(pureboot, NODE.replace("retry: {max_attempts: 2}", "retry: {max_attempts: 1}"))
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("w", node=MAC, by=ADA)
        await pureboot.callbacks.heartbeat(execution.id)
        if not restart:
            clock.jump(3 * HOUR)
            await pureboot.executions.advance_due()
            clock.advance(119)
            await pureboot.executions.advance_due()
            assert (await pureboot.executions.get(execution.id)).status is ExecutionStatus.RUNNING
            clock.advance(1)
            assert statuses(await ended(pureboot, execution)) == [("a", 1, "timed_out")]
            return
    clock.advance(50)
    async with opener(store_url, clock=clock, engine__grace=120) as pureboot:
        clock.advance(59)  # while nobody listened, silence was no silence
        assert await pureboot.executions.advance_due() >= 0
        assert (await pureboot.executions.get(execution.id)).status is ExecutionStatus.RUNNING
        clock.advance(1)
        assert statuses(await ended(pureboot, execution)) == [("a", 1, "timed_out")]
