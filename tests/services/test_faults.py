"""Faults the engine lives with: commits whose answer is lost, results nothing can keep, workflows nobody reads."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Action, Call, Outcome, Parameters, Registry
from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.page import EVERYTHING
from engine.errors import Invalid, Unavailable
from engine.store.backend import Backend
from tests.clock import ManualClock
from tests.conftest import Opener, settings_for
from tests.story import ADA, PATIENCE, begun, ended, event, published, statuses

ECHO = "name: {name}\nsteps: [{{key: a, action: core.echo}}, {{key: b, action: core.echo, with: {{message: x}}}}]"
WAIT = "name: waits\nsteps: [{key: wait, action: core.delay, with: {duration: 1h}, timeout: 2h}]"


class Lossy:
    """Makes every so many commits of a backend happen and yet look as if they had not, or not happen at all."""

    def __init__(self, backend: Backend, seed: int) -> None:
        self._real: Callable[[Callable[[Connection], Any]], Any] = backend.transaction
        self._random = random.Random(seed)
        self.faults = 0
        backend.transaction = self.transaction  # type: ignore[method-assign]

    def transaction(self, work: Callable[[Connection], Any]) -> Any:
        draw = self._random.random()
        if draw < 0.1:
            self.faults += 1
            raise ConnectionResetError("cut before the commit")
        result = self._real(work)
        if draw > 0.9:
            self.faults += 1
            raise ConnectionResetError("cut after the commit")
        return result


async def started(pureboot: PureBoot, request_id: str) -> Execution:
    """Ask for the same until it is answered, as the contract lets a client do."""
    while True:
        try:
            return await pureboot.executions.start("lossy", request_id=request_id, by=ADA)
        except Unavailable:
            await asyncio.sleep(0)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_lost_answers_of_the_store_lose_and_double_nothing(
    store_url: str, opener: Opener, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runtime._RETRY_SECONDS", 0.01)
    async with opener(store_url) as pureboot:
        await published(pureboot, ECHO.format(name="lossy"))
        lossy = Lossy(pureboot.context.database.backend, seed)
        async with asyncio.timeout(PATIENCE):
            asked = [await started(pureboot, str(number)) for number in range(50)]
            for execution in asked:
                done = await ended(pureboot, execution)
                assert done.status is ExecutionStatus.SUCCEEDED
                assert statuses(done) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]
        assert lossy.faults > 3
        assert len((await pureboot.executions.find(EVERYTHING))[0]) == 50


async def test_a_result_that_cannot_be_kept_fails_its_attempt_and_not_the_engine(
    store_url: str, opener: Opener, tmp_path: Any
) -> None:
    async def strange(_: Call) -> Outcome:
        return Outcome(output={"object": object()})

    action = Action(name="test.strange", summary="", performer=Performer.ENGINE, parameters=Parameters, run=strange)
    actions = Registry((*BUILTIN, action))
    async with PureBoot(settings_for(store_url, tmp_path), actions=actions) as pureboot:
        await published(pureboot, "name: strange\nsteps: [{key: a, action: test.strange}]")
        await published(pureboot, ECHO.format(name="plain"))
        done = await ended(pureboot, await pureboot.executions.start("strange", by=ADA))
        assert statuses(done) == [("a", 1, "failed")]
        assert "the result of step a cannot be kept: object has no shape in JSON" in str(done.error)
        done = await ended(pureboot, await pureboot.executions.start("plain", by=ADA))
        assert done.status is ExecutionStatus.SUCCEEDED


@pytest.mark.parametrize("due", ["a claim", "a wait"])
async def test_a_workflow_that_cannot_be_read_any_more_ends_its_executions_only(
    store_url: str, opener: Opener, clock: ManualClock, due: str
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, WAIT.replace("1h", "3h") if due == "a wait" else WAIT)
        poisoned = await pureboot.executions.start("waits", by=ADA)
        await begun(pureboot, poisoned, "wait")
        await pureboot.context.database.write(lambda tx: tx.execute(text("UPDATE document_version SET content = '{'")))
        if due == "a wait":
            await pureboot.context.database.write(lambda tx: tx.execute(text("UPDATE attempt SET performer = 'node'")))
    clock.advance(7200)
    async with opener(store_url, clock=clock) as pureboot:
        done = await ended(pureboot, poisoned)
        assert done.status is ExecutionStatus.FAILED
        assert [each.status for each in done.attempts] == [AttemptStatus.CANCELLED]
        await published(pureboot, ECHO.format(name="plain"))
        done = await ended(pureboot, await pureboot.executions.start("plain", by=ADA))
        assert done.status is ExecutionStatus.SUCCEEDED


async def test_a_value_that_no_store_takes_is_the_callers_fault(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        with pytest.raises(Invalid, match="a value cannot be in the store"):
            await pureboot.nodes.update("\ud800", {}, by=ADA)
        with pytest.raises(Invalid, match="a value cannot be in the store"):
            await pureboot.executions.get("\ud800")
        with pytest.raises(Invalid, match="a value cannot be in the store"):
            await pureboot.events_after(2**70)
        await pureboot.note(Kind.NODE_UPDATED, name="after")


async def test_silence_is_noticed_also_of_a_step_that_nobody_asked_for(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    """A script of the site's own may only send heartbeats: the clock starts with the first of them."""
    steps = "name: quiet\nsteps: [{key: a, action: node.script, with: {script: x}, heartbeat: 1m}]"
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, steps)
        await pureboot.nodes.create("52:54:00:00:00:01", by=ADA)
        execution = await pureboot.executions.start("quiet", node="52:54:00:00:00:01", by=ADA)
        await pureboot.callbacks.heartbeat(execution.id)
        clock.advance(30)
        await pureboot.callbacks.heartbeat(execution.id)
        assert await pureboot.executions.next_wake() is not None
        clock.advance(59)
        assert not (await pureboot.executions.get(execution.id)).ended
        clock.advance(1)
        await event(pureboot, lambda each: each.kind is Kind.EXECUTION_FINISHED)
        done = await pureboot.executions.get(execution.id)
        assert done.error == "step a failed: nothing was heard for longer than its heartbeat"
