"""What people do with executions: pause, resume, retry, skip, approve; on both databases."""

import pytest

from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.executions import Execution, ExecutionStatus
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, begun, ended, published, report, statuses

BOB = "user:bob"
MAC = "52:54:00:00:00:01"
STEPS = """
name: w
timeout: 1h
steps:
  - {key: a, action: node.script, with: {script: x}}
  - {key: b, action: node.script, with: {script: "{{ steps.a.output.disk | default('none') }}"}}
  - {key: c, action: core.echo, with: {message: done}}
"""
FORK = """
name: f
steps:
  - {key: s, action: core.echo, edges: [{to: a}, {to: b}]}
  - {key: a, action: core.approve, with: {message: a?}, edges: []}
  - {key: b, action: core.approve, with: {message: b?}, edges: []}
"""
APPROVE = """
name: w
steps:
  - {key: ask, action: core.approve, with: {message: "wipe {{ params.disk }}?"}, timeout: 1h,
     edges: [{to: yes}, {to: no, when: failure}]}
  - {key: "yes", action: core.echo, with: {message: "{{ steps.ask.output.by }}"}, edges: []}
  - {key: "no", action: core.echo, with: {message: "{{ steps.ask.output.comment }}"}}
params:
  disk: {type: string, default: sda}
""".replace("{to: yes}", '{to: "yes"}').replace("{to: no,", '{to: "no",')


async def on_node(pureboot: PureBoot, text: str = STEPS) -> Execution:
    name = await published(pureboot, text)
    await pureboot.nodes.create(MAC, by=ADA)
    return await pureboot.executions.start(name, node=MAC, by=ADA)


async def told(pureboot: PureBoot, kind: Kind) -> Event:
    (found, *_), _ = await pureboot.events(Page(filters={"kind": (kind.value,)}))
    return found


async def test_a_pause_finishes_what_runs_and_starts_nothing(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        execution = await on_node(pureboot)
        paused = await pureboot.control.pause(execution.id, by=BOB, reason="fire alarm")
        assert (paused.status, paused.paused_at) == (ExecutionStatus.PAUSED, clock.now())
        event = await told(pureboot, Kind.EXECUTION_PAUSED)
        assert (event.principal, event.data["reason"]) == (BOB, "fire alarm")
        await report(pureboot, execution, "a")
        clock.advance(3600 * 5)
        await pureboot.executions.advance_due()
        waiting = await pureboot.executions.get(execution.id)
        assert (waiting.status, statuses(waiting)) == (ExecutionStatus.PAUSED, [("a", 1, "succeeded")])
        with pytest.raises(Conflict, match="only one that runs can be paused"):
            await pureboot.control.pause(execution.id, by=BOB)
    async with opener(store_url, clock=clock) as pureboot:
        again = await pureboot.control.resume(execution.id, by=BOB)
        assert statuses(again) == [("a", 1, "succeeded"), ("b", 1, "running")]
        assert again.deadline_at is not None
        assert paused.deadline_at is not None
        assert (again.deadline_at - paused.deadline_at).total_seconds() == 3600 * 5
        with pytest.raises(Conflict, match="only one that is paused"):
            await pureboot.control.resume(execution.id, by=BOB)
        await report(pureboot, execution, "b")
        assert (await ended(pureboot, execution)).status is ExecutionStatus.SUCCEEDED


async def test_a_retry_goes_on_from_what_failed_and_keeps_the_rest(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        execution = await on_node(pureboot)
        await report(pureboot, execution, "a", output={"disk": "sda"})
        await report(pureboot, execution, "b", "failed", message="no space")
        failed = await ended(pureboot, execution)
        assert failed.status is ExecutionStatus.FAILED
        again = await pureboot.control.retry(execution.id, by=BOB)
        assert (again.status, again.error, again.completed_at) == (ExecutionStatus.RUNNING, None, None)
        assert statuses(again) == [("a", 1, "succeeded"), ("b", 1, "failed"), ("b", 2, "running")]
        assert again.attempts[-1].config == {"script": "sda"}
        assert (await told(pureboot, Kind.EXECUTION_REOPENED)).principal == BOB
        with pytest.raises(Conflict, match="nothing to retry yet"):
            await pureboot.control.retry(execution.id, by=BOB)
        await report(pureboot, execution, "b", attempt=2)
        done = await pureboot.executions.wait(execution.id)
        assert (done.status, statuses(done)[-1]) == (ExecutionStatus.SUCCEEDED, ("c", 1, "succeeded"))
        with pytest.raises(Conflict, match="no step of it has to be retried"):
            await pureboot.control.retry(execution.id, by=BOB)


async def test_a_chosen_step_runs_again_with_all_that_follows_it(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        execution = await on_node(pureboot)
        await report(pureboot, execution, "a")
        await report(pureboot, execution, "b")
        await pureboot.executions.wait(execution.id)
        again = await pureboot.control.retry(execution.id, step="b", by=BOB)
        assert again.current_steps == ("b",)
        await report(pureboot, execution, "b", attempt=2)
        done = await pureboot.executions.wait(execution.id)
        assert statuses(done) == [
            ("a", 1, "succeeded"),
            ("b", 1, "succeeded"),
            ("c", 1, "succeeded"),
            ("b", 2, "succeeded"),
            ("c", 2, "succeeded"),
        ]
        with pytest.raises(NotFound, match="has no step x"):
            await pureboot.control.retry(execution.id, step="x", by=BOB)


async def test_what_was_cancelled_can_go_on(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        execution = await on_node(pureboot)
        await pureboot.executions.cancel(execution.id, by=ADA)
        other = await pureboot.executions.start("w", node=MAC, by=ADA)
        with pytest.raises(Conflict, match="its node is busy with w"):
            await pureboot.control.retry(execution.id, by=BOB)
        await pureboot.executions.cancel(other.id, by=ADA)
        again = await pureboot.control.retry(execution.id, by=BOB)
        assert statuses(again) == [("a", 1, "cancelled"), ("a", 2, "running")]


@pytest.mark.parametrize("state", ["failed", "running"])
async def test_a_step_that_was_done_by_hand_is_skipped(store_url: str, opener: Opener, state: str) -> None:
    async with opener(store_url) as pureboot:
        execution = await on_node(pureboot)
        if state == "failed":
            await report(pureboot, execution, "a", "failed", message="no disk")
            await ended(pureboot, execution)
        with pytest.raises(Invalid, match="say why"):
            await pureboot.control.skip(execution.id, "a", by=BOB, reason=" ")
        with pytest.raises(Conflict, match="step b has not begun"):
            await pureboot.control.skip(execution.id, "b", by=BOB, reason="x")
        again = await pureboot.control.skip(execution.id, "a", by=BOB, reason="by hand", output={"disk": "sdb"})
        first = "failed" if state == "failed" else "cancelled"
        assert statuses(again) == [("a", 1, first), ("a", 2, "skipped"), ("b", 1, "running")]
        assert again.attempts[-1].config == {"script": "sdb"}
        assert again.attempts[1].message == "skipped by user:bob: by hand"
        event = await told(pureboot, Kind.ATTEMPT_DECIDED)
        assert (event.principal, event.data["decision"], event.data["comment"]) == (BOB, "skipped", "by hand")
        with pytest.raises(Conflict, match="nothing to skip"):
            await pureboot.control.skip(execution.id, "a", by=BOB, reason="again")
        with pytest.raises(Conflict):
            await report(pureboot, execution, "a", attempt=1)


@pytest.mark.parametrize(
    ("approved", "comment", "branch"), [(True, None, "yes"), (False, "wrong machine", "no")], ids=["yes", "no"]
)
async def test_a_person_decides_and_the_workflow_knows_who(
    store_url: str, opener: Opener, approved: bool, comment: str | None, branch: str
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, APPROVE)
        execution = await pureboot.executions.start("w", by=ADA)
        assert execution.attempts[0].config == {"message": "wipe sda?"}
        await pureboot.control.approve(execution.id, by=BOB, approved=approved, comment=comment)
        done = await pureboot.executions.wait(execution.id)
        assert done.status is ExecutionStatus.SUCCEEDED
        last = next(each for each in done.attempts if each.step_key == branch)
        assert last.output == {"echo": BOB if approved else comment}
        assert len([each for each in done.attempts if each.step_key == "ask"]) == 1
        event = await told(pureboot, Kind.ATTEMPT_DECIDED)
        assert (event.principal, event.data["comment"]) == (BOB, comment)
        with pytest.raises(Conflict, match="does not wait for an approval"):
            await pureboot.control.approve(execution.id, by=BOB)


async def test_an_approval_has_a_deadline_that_a_restart_keeps(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, APPROVE.replace("steps.ask.output.comment", "steps.ask.status"))
        execution = await pureboot.executions.start("w", by=ADA)
        clock.advance(1800)
    async with opener(store_url, clock=clock) as pureboot:
        clock.advance(1799)
        assert await pureboot.executions.advance_due() == 0
        clock.advance(1)
        done = await pureboot.executions.wait(execution.id)
        assert done.attempts[-1].output == {"echo": "timed_out"}


async def test_where_several_wait_for_an_approval_the_step_is_named(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, FORK)
        execution = await pureboot.executions.start("f", by=ADA)
        await begun(pureboot, execution, "b")
        with pytest.raises(Conflict, match="several steps wait for an approval: a, b"):
            await pureboot.control.approve(execution.id, by=BOB)
        await pureboot.control.approve(execution.id, step="b", by=BOB)
        await pureboot.control.approve(execution.id, step="a", by=BOB)
        assert (await pureboot.executions.wait(execution.id)).status is ExecutionStatus.SUCCEEDED


async def test_a_workflow_is_started_on_many_nodes_each_with_its_own_answer(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, STEPS)
        for number in range(1, 6):
            await pureboot.nodes.create(f"52:54:00:00:00:0{number}", {"hostname": f"r{number}"}, by=ADA)
        await pureboot.nodes.move("r5", NodeState.PENDING, by=ADA)
        busy = await pureboot.executions.start("w", node="r2", by=ADA)
        names = ["r1", "r2", "52:54:00:00:00:03", "r9"]
        results = await pureboot.control.start_many("w", names, by=BOB, request_id="rack")
        assert [each.node for each in results] == ["r1", "r2", "r3", "r9"]
        assert [each.execution_id is not None for each in results] == [True, False, True, False]
        assert f"busy with w (execution {busy.id})" in str(results[1].error)
        assert results[3].error == "there is no node r9"
        again = await pureboot.control.start_many("w", names, by=BOB, request_id="rack")
        assert [each.execution_id for each in again] == [each.execution_id for each in results]
        with pytest.raises(NotFound, match="there is no workflow x"):
            await pureboot.control.start_many("x", names, by=BOB)


async def test_what_is_being_undone_is_left_to_it(store_url: str, opener: Opener) -> None:
    text = """
name: w
steps:
  - {key: a, action: core.echo, rollback: u}
  - {key: b, action: core.fail, on_failure: rollback}
  - {key: u, action: core.approve}
"""
    async with opener(store_url) as pureboot:
        await published(pureboot, text)
        execution = await pureboot.executions.start("w", by=ADA)
        await begun(pureboot, execution, "u")
        for ask in (
            pureboot.control.retry(execution.id, by=BOB),
            pureboot.control.retry(execution.id, step="a", by=BOB),
            pureboot.control.skip(execution.id, "b", reason="x", by=BOB),
        ):
            with pytest.raises(Conflict, match="is being rolled back"):
                await ask
        await pureboot.control.approve(execution.id, by=BOB)
        done = await pureboot.executions.wait(execution.id)
        assert done.error == "step b failed: the workflow asked for it; rolled back: a"
        assert [(each.step_key, each.undoes is not None) for each in done.attempts][-1] == ("u", True)
        with pytest.raises(Conflict, match="was rolled back"):
            await pureboot.control.retry(execution.id, by=BOB)
