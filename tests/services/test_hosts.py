"""Several hosts on one store: work is shared, and taken over from those that die, are paused or leave.

The hosts that die are real processes (`tests.host`); the witness is a file that they all write to.
"""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import Execution, ExecutionStatus
from engine.core.page import EVERYTHING, Page
from engine.errors import Unavailable
from engine.store import postgres, sqlite
from engine.store.database import open_database
from engine.store.tx import Tx
from tests.clock import ManualClock
from tests.conftest import Opener, settings_for
from tests.host import HostProcess, Witness, actions, host_process
from tests.story import ADA, PATIENCE, ended, event, published, statuses

LEASE = 2.0
WORK = "name: work\nsteps: [{key: one, action: test.work}, {key: two, action: test.work, with: {gate: open}}]"


@contextlib.asynccontextmanager
async def guest(url: str, folder: Path) -> AsyncIterator[PureBoot]:
    """A process that starts and watches, and performs nothing."""
    async with PureBoot(settings_for(url, folder), host=False, actions=actions(Witness(folder))) as pureboot:
        yield pureboot


async def until(fits: Callable[[], bool]) -> None:
    """Wait for something that only a file tells."""
    async with asyncio.timeout(PATIENCE):
        while not fits():  # noqa: ASYNC110 - nobody else tells
            await asyncio.sleep(0.02)


async def started(pureboot: PureBoot, count: int, workflow: str = "work") -> list[Execution]:
    return [await pureboot.executions.start(workflow, by=ADA) for _ in range(count)]


async def all_ended(pureboot: PureBoot, executions: list[Execution]) -> list[Execution]:
    done = [await ended(pureboot, each) for each in executions]
    assert {each.status for each in done} == {ExecutionStatus.SUCCEEDED}
    return done


def performers(done: list[Execution], step: str) -> Counter[int]:
    """How many attempts of a step each process performed."""
    return Counter(each.output["by"] for one in done for each in one.attempts if each.step_key == step)


async def test_work_is_shared(postgres_url: str, tmp_path: Path) -> None:
    async with (
        host_process(postgres_url, tmp_path, LEASE) as first,
        host_process(postgres_url, tmp_path, LEASE) as second,
        host_process(postgres_url, tmp_path, LEASE) as third,
        guest(postgres_url, tmp_path) as pureboot,
    ):
        for each in (first, second, third):
            await each.hosts()
        await published(pureboot, WORK.replace("open", "witness"))
        done: list[Execution] = []
        async with asyncio.timeout(PATIENCE):
            while len(performers(done, "one")) < 3:  # who is first takes what there is
                done += await all_ended(pureboot, await started(pureboot, 60))
        assert set(performers(done, "one")) == {first.pid, second.pid, third.pid}
        witness = Witness(tmp_path)
        assert set(witness.keys("end").values()) == {1}
        assert witness.keys("begin") == witness.keys("end")
        assert len(witness.keys("end")) == 2 * len(done)


async def test_what_a_host_has_just_begun_stays_its_own_while_it_looks_for_what_others_left(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks all the time here, in the midst of its own work."""
    for backend in (postgres.Postgres, sqlite.Sqlite):
        monkeypatch.setattr(backend, "outside_changes", all_the_time)
    witness = Witness(tmp_path)
    steps = ", ".join(f"{{key: s{number}, action: test.work}}" for number in range(10))
    async with PureBoot(settings_for(store_url, tmp_path), actions=actions(witness)) as pureboot:
        await published(pureboot, f"name: work\nsteps: [{steps}]")
        await all_ended(pureboot, await started(pureboot, 30))
        ignored, _ = await pureboot.events(Page(filters={"kind": (Kind.REPORT_IGNORED.value,)}))
    assert ignored == []
    assert set(witness.keys("begin").values()) == {1}


@contextlib.asynccontextmanager
async def all_the_time(_: object, stir: Callable[[], None]) -> AsyncIterator[None]:
    """As if others wrote without pause."""

    async def go_on() -> None:
        while True:
            stir()
            await asyncio.sleep(0.001)

    task = asyncio.create_task(go_on())
    yield
    task.cancel()


async def in_work(host: HostProcess, witness: Witness, count: int) -> list[str]:
    """The keys of the attempts of step two that a host has in work, once there are so many."""

    def keys() -> list[str]:
        return [each.key for each in witness.lines() if (each.step, each.pid, each.what) == ("two", host.pid, "begin")]

    await until(lambda: len(keys()) >= count)
    return keys()


@pytest.mark.parametrize(("lease", "within"), [(LEASE, LEASE + 2), (12.0, 8.0)])
async def test_what_a_killed_host_had_in_work_is_done_by_another_before_its_lease_is_over(
    postgres_url: str, tmp_path: Path, lease: float, within: float
) -> None:
    witness = Witness(tmp_path)
    async with guest(postgres_url, tmp_path) as pureboot:
        await published(pureboot, WORK)
        async with host_process(postgres_url, tmp_path, lease) as first:
            await first.hosts()
            executions = await started(pureboot, 20)
            keys = await in_work(first, witness, 20)
            async with host_process(postgres_url, tmp_path, lease) as second:
                await second.hosts()
                finished = set(witness.keys("end"))
                first.signal(signal.SIGKILL)
                killed = time.time()
                await in_work(second, witness, 20)
                witness.open("open")
                done = await all_ended(pureboot, executions)
        again = [each for each in witness.lines() if each.pid == second.pid and each.what == "begin"]
        assert sorted(each.key for each in again) == sorted(keys)  # under the same keys, and none that had finished
        assert not finished & {each.key for each in again}
        took = max(each.at for each in again) - killed
        print(f"failover with a lease of {lease:g} s: {took:.2f} s after the kill")
        assert took < within  # of 12 s at least 8 are left when it dies, so that is not the lease's end
        assert performers(done, "one") == {first.pid: 20}
        assert performers(done, "two") == {second.pid: 20}
        for each in done:
            assert statuses(each) == [("one", 1, "succeeded"), ("two", 1, "succeeded")]
        await event(pureboot, lambda each: each.kind is Kind.HOST_LOST)


async def test_a_host_that_was_paused_finds_its_work_taken_and_joins_anew(postgres_url: str, tmp_path: Path) -> None:
    witness = Witness(tmp_path)
    async with guest(postgres_url, tmp_path) as pureboot, host_process(postgres_url, tmp_path, LEASE) as paused:
        await paused.hosts()
        await published(pureboot, WORK)
        executions = await started(pureboot, 5)
        keys = await in_work(paused, witness, 5)
        async with host_process(postgres_url, tmp_path, LEASE) as other:
            await other.hosts()
            paused.signal(signal.SIGSTOP)
            assert sorted(await in_work(other, witness, 5)) == sorted(keys)
            paused.signal(signal.SIGCONT)  # both have the same in work now
            await until(lambda: "this process was silent for too long" in paused.log)
            await paused.hosts()
            witness.open("open")
            done = await all_ended(pureboot, executions)
            assert performers(done, "two") == {other.pid: 5}
            other.signal(signal.SIGTERM)
            assert await other.ended() == 0
        more = await all_ended(pureboot, await started(pureboot, 3))
        assert performers(more, "two") == {paused.pid: 3}


async def test_a_late_result_is_not_taken(postgres_url: str, tmp_path: Path) -> None:
    """The paused host has a result in its hands when it wakes."""
    witness = Witness(tmp_path)
    async with guest(postgres_url, tmp_path) as pureboot, host_process(postgres_url, tmp_path, LEASE) as paused:
        await paused.hosts()
        await published(pureboot, WORK)
        [execution] = await started(pureboot, 1)
        [key] = await in_work(paused, witness, 1)
        paused.signal(signal.SIGSTOP)
        async with host_process(postgres_url, tmp_path, LEASE) as other:
            await other.hosts()
            await in_work(other, witness, 1)
            witness.open("open")
            [done] = await all_ended(pureboot, [execution])
            paused.signal(signal.SIGCONT)
            await paused.hosts()
        assert performers([done], "two") == {other.pid: 1}
        assert await pureboot.executions.get(execution.id) == done
        assert witness.keys("begin")[key] == 2


async def test_a_host_that_leaves_gives_its_work_to_others_at_once(postgres_url: str, tmp_path: Path) -> None:
    witness = Witness(tmp_path)
    async with guest(postgres_url, tmp_path) as pureboot, host_process(postgres_url, tmp_path, 600) as first:
        await first.hosts()
        await published(pureboot, WORK)
        executions = await started(pureboot, 5)
        keys = await in_work(first, witness, 5)
        async with host_process(postgres_url, tmp_path, 600) as second:
            await second.hosts()
            first.signal(signal.SIGTERM)
            assert await first.ended() == 0
            assert sorted(await in_work(second, witness, 5)) == sorted(keys)
            witness.open("open")
            done = await all_ended(pureboot, executions)
        assert performers(done, "two") == {second.pid: 5}
        events, _ = await pureboot.events(Page(filters={"kind": (Kind.HOST_LOST.value,)}))
        assert events == []


async def test_a_guest_goes_on_where_a_killed_host_was(store_url: str, tmp_path: Path) -> None:
    witness = Witness(tmp_path)
    async with host_process(store_url, tmp_path, LEASE) as first:
        await first.hosts()
        settings = settings_for(store_url, tmp_path, engine__lease=LEASE)
        async with PureBoot(settings, actions=actions(witness)) as pureboot:
            assert not pureboot.is_host
            await published(pureboot, WORK)
            executions = await started(pureboot, 5)
            keys = await in_work(first, witness, 5)
            first.signal(signal.SIGKILL)
            async with asyncio.timeout(PATIENCE):
                await pureboot.hosting()
            witness.open("open")
            done = await all_ended(pureboot, executions)
        assert performers(done, "two") == {os.getpid(): 5}
        assert performers(done, "one") == {first.pid: 5}
        assert all(witness.keys("begin")[key] == 2 for key in keys)


@contextlib.asynccontextmanager
async def three(url: str, folder: Path, clock: ManualClock, **flags: Any) -> AsyncIterator[list[PureBoot]]:
    """Three hosts whose clocks are one."""
    async with contextlib.AsyncExitStack() as stack:
        settings = settings_for(url, folder, engine__lease=60, **flags)
        opened = [await stack.enter_async_context(PureBoot(settings, clock=clock, beside=True)) for _ in range(3)]
        assert all(each.is_host for each in opened)
        yield opened


async def test_timers_and_retries_fire_once_with_three_hosts(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    text = """
name: timed
steps:
  - {key: wait, action: core.delay, with: {duration: 1m}}
  - {key: fail, action: core.fail, retry: {max_attempts: 2, delay: 1m}, on_failure: continue}
  - {key: last, action: core.echo}
"""
    async with three(postgres_url, tmp_path, clock) as [first, *others]:
        await published(first, text)
        executions = [await each.executions.start("timed", by=ADA) for each in (first, *others) for _ in range(10)]
        clock.advance(60)
        waiting: set[str | None] = set()
        async with asyncio.timeout(PATIENCE):
            async for batch in first.feed.follow(0):
                waiting.update(each.execution_id for each in batch if each.kind is Kind.ATTEMPT_SCHEDULED)
                if len(waiting) == len(executions):
                    break
        clock.advance(60)
        told = ["started", "finished"]
        for done in await all_ended(first, executions):
            assert [(each.step_key, each.attempt) for each in done.attempts] == [
                ("wait", 1),
                ("fail", 1),
                ("fail", 2),
                ("last", 1),
            ]
            found, _ = await first.executions.events(done.id, Page(limit=None, sort="id"))
            kinds = [each.kind.value.removeprefix("attempt.") for each in found if each.step_key]
            assert kinds == [*told, *told, "scheduled", *told, *told]


async def test_schedules_fire_once_with_three_hosts(postgres_url: str, tmp_path: Path, clock: ManualClock) -> None:
    async with three(postgres_url, tmp_path, clock) as [first, *_]:
        await published(first, "name: hello\nsteps: [{key: say, action: core.echo}]")
        values = {"name": "t", "type": "schedule", "workflow": "hello", "config": {"cron": "0 * * * *"}}
        await first.triggers.create(values, by=ADA)
        for hour in range(1, 6):
            clock.advance(3600)
            async with asyncio.timeout(PATIENCE):
                seen = 0
                while (await first.triggers.get("t")).fired < hour:
                    seen = await first.feed.changed(seen)
        found, _ = await first.executions.find(EVERYTHING)
        assert len({each.request_id for each in found}) == len(found) == 5


async def test_places_are_given_once_with_three_hosts(postgres_url: str, tmp_path: Path, clock: ManualClock) -> None:
    async with three(postgres_url, tmp_path, clock, engine__max_running=2) as [first, *others]:
        await published(first, "name: short\nsteps: [{key: wait, action: core.delay, with: {duration: 1s}}]")
        executions = [await each.executions.start("short", by=ADA) for each in (first, *others) for _ in range(4)]
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = first.feed.stirs
                if (await first.executions.counts()).get(ExecutionStatus.SUCCEEDED) == len(executions):
                    break
                clock.advance(1)
                await first.feed.changed(seen)
        started_at = Kind.EXECUTION_STARTED.value, Kind.EXECUTION_FINISHED.value
        found, _ = await first.events(Page(limit=None, sort="id", filters={"kind": started_at}))
        running: set[str] = set()
        begun: list[str] = []
        for each in found:
            which = str(each.execution_id)
            if each.kind is Kind.EXECUTION_STARTED:
                running.add(which)
                begun.append(which)
            else:
                running.remove(which)
            assert len(running) <= 2
        assert len(begun) == len(set(begun)) == len(executions)


@pytest.mark.parametrize("way", ["notifications", "looking"])
async def test_what_one_writes_the_others_see(
    postgres_url: str, opener: Opener, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the server's notifications alone, and by looking where all of those are lost."""
    if way == "notifications":
        monkeypatch.setattr(postgres.Postgres, "POLL_SECONDS", 3600.0)
    async with opener(postgres_url, host=False) as writer, opener(postgres_url, host=False) as reader:
        await until_listening(postgres_url)
        if way == "looking":
            monkeypatch.setattr(postgres, "CHANNEL", "elsewhere")
        seen = asyncio.create_task(event(reader, lambda each: each.data.get("text") == "here"))
        await asyncio.sleep(0)
        await writer.note(Kind.NODE_UPDATED, text="here")
        assert (await seen).kind is Kind.NODE_UPDATED


async def until_listening(url: str) -> None:
    """Wait until two processes listen."""
    store = await open_database(url)
    query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
    try:
        async with asyncio.timeout(PATIENCE):
            while await store.read(lambda tx: tx.number(query)) < 2:  # noqa: ASYNC110 - the server does not tell
                await asyncio.sleep(0.02)
    finally:
        await store.close()


async def test_a_writer_that_is_paused_in_a_transaction_holds_nobody_up_for_long(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "IDLE_SECONDS", 1)
    paused, other = await open_database(postgres_url), await open_database(postgres_url)
    held, woken = threading.Event(), threading.Event()

    def pause(tx: Tx) -> None:
        tx.execute(text("SELECT 1"))
        held.set()
        woken.wait()
        tx.execute(text("SELECT 1"))

    try:
        write = asyncio.create_task(paused.write(pause))
        await asyncio.to_thread(held.wait)
        async with asyncio.timeout(PATIENCE):
            await other.write(lambda tx: tx.execute(text("SELECT 1")).scalar())
        woken.set()
        with pytest.raises(Unavailable):
            await write
        await paused.write(lambda tx: tx.execute(text("SELECT 1")).scalar())
    finally:
        woken.set()
        await paused.close()
        await other.close()
