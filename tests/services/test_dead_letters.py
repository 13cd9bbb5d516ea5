"""Dead letters: laid once, looked at, replayed once, discarded with a reason."""

import asyncio
from typing import Any

import pytest

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.dead_letters import DeadLetter, LetterKind, Resolution, of_execution, of_start
from engine.core.events import Kind
from engine.core.executions import Execution, ExecutionStatus
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound
from engine.services.letters import lay, settle
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, ended, event, published, statuses

FAILS = "name: fails\nsteps: [{key: a, action: core.echo}, {key: b, action: core.fail}]"
ECHO = "name: echo\nparams: {who: {type: string}}\nsteps: [{key: a, action: core.echo}]"
BOB = "user:bob"


async def failed(pureboot: PureBoot) -> Execution:
    if not (await pureboot.workflows.find(Page()))[1]:
        await published(pureboot, FAILS)
    return await ended(pureboot, await pureboot.executions.start("fails", by=ADA))


async def laid(pureboot: PureBoot, execution: Execution, reason: str = "retries used up") -> DeadLetter:
    letter = of_execution(new_id(), execution, execution.latest("b"), reason, pureboot.context.now())
    return await pureboot.context.database.write(lambda tx: lay(tx, letter))


async def refused(pureboot: PureBoot, **start: Any) -> DeadLetter:
    values = {"workflow": "echo", "node": None, "params": {}, "trigger": "nightly", "request_id": None} | start
    letter = of_start(new_id(), "t1", values, "it was refused", pureboot.context.now())
    return await pureboot.context.database.write(lambda tx: lay(tx, letter))


async def kinds(pureboot: PureBoot, *wanted: Kind) -> list[tuple[str, str, dict[str, Any]]]:
    page = Page(sort="id", filters={"kind": tuple(kind.value for kind in wanted)})
    found, _ = await pureboot.events(page)
    return [(each.kind.value, each.principal, dict(each.data)) for each in found]


async def test_an_execution_goes_on_from_its_letter(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        execution = await failed(pureboot)
        letter = await laid(pureboot, execution)
        assert (letter.step_key, letter.payload["action"]) == ("b", "core.fail")
        assert await pureboot.dead_letters.find(Page()) == ([letter], 1)
        clock.advance(60)
        done = await pureboot.dead_letters.replay(letter.id, by=BOB)
        assert (done.resolved_by, done.resolved_at) == (BOB, clock.now())
        assert done.resolution in (Resolution.REPLAYED, Resolution.RETRIED)
        assert await pureboot.dead_letters.get(letter.id) == done
        tried = await pureboot.executions.get(execution.id)
        assert statuses(tried)[:3] == [("a", 1, "succeeded"), ("b", 1, "failed"), *statuses(tried)[2:3]]
        assert statuses(tried)[2][:2] == ("b", 2)
        with pytest.raises(Conflict, match=rf"was {done.resolution} by {BOB} at 2026-03-01 12:01:00 UTC"):
            await pureboot.dead_letters.replay(letter.id, by=ADA)
        told = await kinds(pureboot, Kind.DEAD_LETTER_CREATED, Kind.DEAD_LETTER_RESOLVED)
        assert [(kind, by) for kind, by, data in told if data["dead_letter_id"] == letter.id] == [
            ("dead_letter.created", "system"),
            ("dead_letter.resolved", BOB),
        ]


async def test_of_many_at_once_one_replays_it(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot, opener(store_url) as other:
        await published(pureboot, ECHO)
        letter = await refused(pureboot, params={"who": "ada"})
        tries = [each.dead_letters.replay(letter.id, by=ADA) for each in (pureboot, other) * 5]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(each).__name__ for each in results) == ["Conflict"] * 9 + ["DeadLetter"]
        assert (await pureboot.executions.find(Page()))[1] == 1


async def test_the_same_failure_is_listed_once(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        execution = await failed(pureboot)
        letter = await laid(pureboot, execution)
        assert await laid(pureboot, execution, "again") == letter
        await pureboot.dead_letters.discard(letter.id, by=ADA, reason="done by hand")
        assert (await laid(pureboot, execution, "again")).id != letter.id


async def test_an_execution_that_goes_on_otherwise_settles_its_letters(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        execution = await failed(pureboot)
        letter = await laid(pureboot, execution)
        at = pureboot.context.now()
        await pureboot.context.database.write(lambda tx: settle(tx, execution.id, at=at, by=BOB))
        assert (await pureboot.dead_letters.get(letter.id)).resolution is Resolution.RETRIED
        with pytest.raises(Conflict, match=f"was retried by {BOB}"):
            await pureboot.dead_letters.discard(letter.id, by=ADA, reason="x")


async def test_a_refused_start_is_asked_for_anew(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        letter = await refused(pureboot, params={"who": "ada"}, request_id="nightly:1")
        with pytest.raises(NotFound, match="echo"):
            await pureboot.dead_letters.replay(letter.id, by=ADA)
        assert (await pureboot.dead_letters.get(letter.id)).is_open
        await published(pureboot, ECHO)
        done = await pureboot.dead_letters.replay(letter.id, by=ADA)
        assert (done.resolution, done.kind) == (Resolution.REPLAYED, LetterKind.TRIGGER)
        execution = await ended(pureboot, await pureboot.executions.get(str(done.execution_id)))
        assert execution.status is ExecutionStatus.SUCCEEDED
        assert (execution.params, execution.trigger, execution.principal) == ({"who": "ada"}, "nightly", ADA)
        # the same occurrence again gives the same execution
        again = await refused(pureboot, params={"who": "ada"}, request_id="nightly:1")
        assert (await pureboot.dead_letters.replay(again.id, by=ADA)).execution_id == execution.id


async def test_many_are_replayed_with_an_answer_each(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, ECHO)
        good, bad, other = [await refused(pureboot, params=params) for params in ({"who": "a"}, {"x": 1}, {"who": "b"})]
        done = await pureboot.dead_letters.replay_many([good.id, "nothing", bad.id, good.id], by=ADA)
        assert [(each.id, each.error is None) for each in done] == [
            (good.id, True),
            ("nothing", False),
            (bad.id, False),
        ]
        assert done[1].error == "there is no dead letter nothing"
        rest = await pureboot.dead_letters.replay_many(by=ADA, filters={"kind": ("trigger",)})
        assert [(each.id, each.error is None) for each in rest] == [(bad.id, False), (other.id, True)]
        assert await pureboot.dead_letters.count_open() == 1
        assert await pureboot.dead_letters.replay_many(by=ADA, filters={"kind": ("execution",)}) == []


async def test_one_is_discarded_with_a_reason(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        letter = await refused(pureboot)
        with pytest.raises(Invalid, match="reason: is missing"):
            await pureboot.dead_letters.discard(letter.id, by=ADA, reason=" ")
        done = await pureboot.dead_letters.discard(letter.id, by=ADA, reason="obsolete")
        assert (done.resolution, done.comment, done.execution_id) == (Resolution.DISCARDED, "obsolete", None)
        with pytest.raises(Conflict, match=f"was discarded by {ADA}"):
            await pureboot.dead_letters.replay(letter.id, by=BOB)
        (_, (_, by, data)) = await kinds(pureboot, Kind.DEAD_LETTER_CREATED, Kind.DEAD_LETTER_RESOLVED)
        assert (by, data["comment"], data["resolution"]) == (ADA, "obsolete", "discarded")


async def test_they_are_found_by_what_they_are_about(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        first = await refused(pureboot)
        clock.advance(1)
        second = await laid(pureboot, await failed(pureboot))
        clock.advance(1)
        third = await refused(pureboot)
        await pureboot.dead_letters.discard(third.id, by=ADA, reason="x")

        async def ids(**filters: str) -> list[str]:
            page = Page(filters={name: tuple(value.split()) for name, value in filters.items()})
            return [letter.id for letter in (await pureboot.dead_letters.find(page))[0]]

        assert await ids() == [second.id, first.id]
        assert await ids(resolved="true") == [third.id]
        assert await ids(resolved="true false") == [third.id, second.id, first.id]
        assert await ids(kind="execution") == [second.id]
        assert await ids(execution_id=str(second.execution_id)) == [second.id]
        assert await ids(trigger_id="t1") == [first.id]
        assert await event(pureboot, lambda each: each.kind is Kind.DEAD_LETTER_CREATED)
