"""After kill -9 at any moment: nothing acknowledged is lost, nothing that finished runs again; on both databases."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from engine.core.events import Kind
from engine.core.executions import AttemptStatus, ExecutionStatus
from engine.core.page import EVERYTHING
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, begun, ended, event, published, statuses


async def killed_after(url: str, folder: Path, starts: int) -> list[str]:
    """Let a process work until it has acknowledged so many starts, then kill it; gives the ids acknowledged."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.victim", url, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(60):
            while len(lines) <= starts and (line := await victim.stdout.readline()):
                lines.append(line.decode().strip())
    finally:
        victim.kill()
        rest = await victim.stdout.read()
        await victim.wait()
    assert lines[0] == "open"
    return lines[1:] + [line for line in rest.decode().split("\n")[:-1] if line]


@pytest.mark.parametrize("starts", [1, 7, 40])
async def test_what_was_acknowledged_ends_and_what_finished_does_not_run_again(
    store_url: str, opener: Opener, tmp_path: Path, starts: int
) -> None:
    acknowledged = await killed_after(store_url, tmp_path, starts)
    async with opener(store_url, host=False) as pureboot:
        left, _ = await pureboot.executions.find(EVERYTHING)
    before = {each.id: each for execution in left for each in execution.attempts}
    assert {execution.id for execution in left} >= set(acknowledged)
    assert any(not execution.ended for execution in left)
    async with opener(store_url) as pureboot:
        for execution in left:
            done = await ended(pureboot, execution)
            assert done.status is ExecutionStatus.SUCCEEDED
            # one attempt a step: an interrupted one was repeated as itself, under the same idempotency key
            assert statuses(done) == [(key, 1, "succeeded") for key in ("one", "two", "three")]
            for attempt in done.attempts:
                known = before.get(attempt.id)
                if known is not None and known.status is AttemptStatus.SUCCEEDED:
                    assert attempt == known


async def test_a_guest_takes_the_place_of_a_host_that_is_gone(store_url: str, opener: Opener, tmp_path: Path) -> None:
    text = "name: w\nsteps: [{key: a, action: core.delay, with: {duration: 0.1s}}, {key: b, action: core.echo}]"
    async with contextlib.AsyncExitStack() as stack:
        host = contextlib.AsyncExitStack()
        first = await host.enter_async_context(opener(store_url))
        guest = await stack.enter_async_context(opener(store_url))
        await published(first, text)
        execution = await first.executions.start("w", by=ADA)
        await host.aclose()
        assert not guest.is_host
        async with asyncio.timeout(20):
            await guest.hosting()
        done = await ended(guest, execution)
        assert statuses(done) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]


async def test_waits_keep_their_deadlines_over_a_restart(store_url: str, opener: Opener, clock: ManualClock) -> None:
    text = """
name: waits
steps:
  - {key: wait, action: core.delay, with: {duration: 1h}}
  - {key: fail, action: core.fail, retry: {max_attempts: 2, delay: 1h}}
"""
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, text)
        execution = await pureboot.executions.start("waits", by=ADA)
        await begun(pureboot, execution, "wait")
    clock.advance(3599)
    async with opener(store_url, clock=clock) as pureboot:
        assert statuses(await pureboot.executions.get(execution.id)) == [("wait", 1, "running")]
        clock.advance(1)
        await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_SCHEDULED)
    clock.advance(7200)
    async with opener(store_url, clock=clock) as pureboot:
        done = await ended(pureboot, execution)
        assert statuses(done) == [("wait", 1, "succeeded"), ("fail", 1, "failed"), ("fail", 2, "failed")]
