"""Estimates from what the store keeps of earlier runs; on both databases."""

from engine.app import PureBoot
from engine.core.executions import Execution
from engine.services.estimates import REMEMBERED, SOON
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, begun, ended, published, report

INSTALL = """
name: install
steps:
  - {key: copy, name: Copy the image, action: node.script, with: {script: dd}, retry: {max_attempts: 2, delay: 5s}}
  - {key: check, name: Look at it, action: node.script, with: {script: sha256sum}}
"""


async def run(pureboot: PureBoot, clock: ManualClock, number: int, copy: float, check: float) -> Execution:
    node = await pureboot.nodes.create(f"52:54:00:00:00:{number:02x}", {}, by=ADA)
    execution = await pureboot.executions.start("install", node=node.id, by=ADA)
    clock.advance(copy)
    await report(pureboot, execution, "copy")
    await begun(pureboot, execution, "check")
    clock.advance(check)
    await report(pureboot, execution, "check")
    return await ended(pureboot, execution)


async def test_what_runs_is_told_by_what_ran_and_the_answer_is_remembered(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, INSTALL)
        node = await pureboot.nodes.create("52:54:00:00:00:aa", {}, by=ADA)
        waits = await pureboot.executions.start("install", node=node.id, by=ADA)
        assert await pureboot.estimates.of([waits]) == {}

        await run(pureboot, clock, 1, copy=100, check=20)
        await run(pureboot, clock, 2, copy=120, check=30)
        now = await pureboot.executions.start("install", node=(await run(pureboot, clock, 3, 110, 10)).node_id, by=ADA)
        clock.advance(SOON.total_seconds())
        about = (await pureboot.estimates.of([now]))[now.id]
        assert (about.seconds, about.runs) == (110 - 20 + 20, 3)

        found = (await pureboot.estimates.histories([now.workflow_id]))[now.workflow_id]
        assert [(step.name, step.seconds) for step in found.steps.values()] == [
            ("Copy the image", (100, 110, 120)),
            ("Look at it", (10, 20, 30)),
        ]
        await run(pureboot, clock, 4, copy=1, check=1)
        assert (await pureboot.estimates.histories([now.workflow_id]))[now.workflow_id].runs == 3
        clock.advance(REMEMBERED.total_seconds())
        assert (await pureboot.estimates.histories([now.workflow_id, "none"]))[now.workflow_id].runs == 4


async def test_of_a_step_that_was_tried_again_the_try_counts_that_succeeded(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, INSTALL)
        node = await pureboot.nodes.create("52:54:00:00:00:aa", {}, by=ADA)
        execution = await pureboot.executions.start("install", node=node.id, by=ADA)
        clock.advance(300)
        await report(pureboot, execution, "copy", "failed")
        clock.advance(5)
        await begun(pureboot, execution, "copy", times=2)
        clock.advance(100)
        await report(pureboot, execution, "copy")
        clock.advance(7)
        await report(pureboot, execution, "check")
        await ended(pureboot, execution)
        found = (await pureboot.estimates.histories([execution.workflow_id]))[execution.workflow_id]
        assert [step.seconds for step in found.steps.values()] == [(100,), (7,)]
        assert found.seconds == (412,)
