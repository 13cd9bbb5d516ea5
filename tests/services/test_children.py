"""Workflows that run workflows; on both databases."""

import pytest

from engine.app import PureBoot
from engine.core.executions import Execution, ExecutionStatus
from engine.core.scopes import Server
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, begun, ended, event, published, report, statuses

MAC = "52:54:00:00:00:01"
SERVER = Server(url="http://10.0.0.1:8080")
CHILD = """
name: child
params: {count: {type: integer}}
output: {twice: "{{ params.count * 2 }}", said: "{{ steps.say.output.echo }} ${not.a.variable}"}
steps:
  - {key: say, action: core.echo, with: {message: "n={{ params.count }}"}}
"""
PARENT = """
name: parent
params: {n: {type: integer, default: 21}}
steps:
  - {key: sub, action: core.workflow, with: {workflow: child, params: {count: "{{ params.n }}"}}}
  - {key: after, action: core.echo, with: {message: "{{ steps.sub.output.twice + 1 }}"}}
"""
ASKS = "name: child\nsteps: [{key: ask, action: core.approve}]"
WAITS = "name: parent\ntimeout: 1h\nsteps: [{key: sub, action: core.workflow, with: {workflow: child}}]"
LOOP = "name: loop\nsteps: [{key: sub, action: core.workflow, with: {workflow: loop}}]"
ON_NODE = "name: child\nsteps: [{key: run, action: node.script, with: {script: x}}]"


async def family(pureboot: PureBoot, execution: Execution) -> list[tuple[str, int, str]]:
    return [
        (each.workflow_name, each.depth, each.status.value) for each in await pureboot.executions.tree(execution.id)
    ]


async def test_parameters_go_in_and_output_comes_out(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, CHILD)
        await published(pureboot, PARENT)
        execution = await pureboot.executions.start("parent", by=ADA)
        done = await pureboot.executions.wait(execution.id)
        assert (done.status, done.error) == (ExecutionStatus.SUCCEEDED, None)
        assert done.attempts[-1].output == {"echo": "43"}
        _, child = await pureboot.executions.tree(done.id)
        assert (child.params, child.parent_id, child.trigger) == ({"count": 21}, done.id, "workflow")
        assert child.output == {"twice": 42, "said": "n=21 ${not.a.variable}"}
        assert done.attempts[0].output == {**child.output, "execution_id": child.id, "status": "succeeded"}


async def test_a_child_that_fails_fails_its_step_with_the_reason(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, "name: child\nsteps: [{key: a, action: core.fail, with: {message: no disk}}]")
        await published(pureboot, WAITS)
        done = await pureboot.executions.wait((await pureboot.executions.start("parent", by=ADA)).id)
        assert done.status is ExecutionStatus.FAILED
        assert "child failed: step a failed: no disk" in str(done.error)
        again = await pureboot.control.retry(done.id, by=ADA)
        assert statuses(again)[-1][:2] == ("sub", 2)


@pytest.mark.parametrize(
    ("child", "message"),
    [
        ("name: other\nsteps: [{key: a, action: core.echo}]", "there is no workflow child"),
        (CHILD, "params.count: is missing"),
    ],
)
async def test_a_child_that_cannot_be_started_fails_its_step(
    store_url: str, opener: Opener, child: str, message: str
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, child)
        await published(pureboot, WAITS)
        execution = await pureboot.executions.start("parent", by=ADA)
        assert execution.status is ExecutionStatus.FAILED
        assert message in str(execution.error)


async def test_workflows_that_start_each_other_end(store_url: str, opener: Opener) -> None:
    async with opener(store_url, engine__max_depth=3) as pureboot:
        await published(pureboot, LOOP)
        execution = await pureboot.executions.start("loop", by=ADA)
        done = await pureboot.executions.wait(execution.id)
        assert await family(pureboot, done) == [("loop", depth, "failed") for depth in range(4)]
        assert "more than 3 deep (engine.max_depth)" in str(done.error)


@pytest.mark.parametrize("end", ["cancel", "timeout"])
async def test_a_parent_that_ends_takes_its_children_with_it(
    store_url: str, opener: Opener, clock: ManualClock, end: str
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, ASKS)
        await published(pureboot, WAITS)
        execution = await pureboot.executions.start("parent", by=ADA)
        assert await family(pureboot, execution) == [("parent", 0, "running"), ("child", 1, "running")]
        if end == "cancel":
            await pureboot.executions.cancel(execution.id, by=ADA)
        else:
            clock.advance(3600)
            await ended(pureboot, execution)
        last = "cancelled" if end == "cancel" else "failed"
        assert await family(pureboot, execution) == [("parent", 0, last), ("child", 1, "cancelled")]


async def test_a_child_nobody_waits_for_goes_its_own_way(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, ASKS)
        await published(pureboot, WAITS.replace("workflow: child", "workflow: child, wait: false"))
        done = await pureboot.executions.start("parent", by=ADA)
        assert await family(pureboot, done) == [("parent", 0, "succeeded"), ("child", 1, "running")]
        _, child = await pureboot.executions.tree(done.id)
        await pureboot.control.approve(child.id, by=ADA)
        assert (await pureboot.executions.wait(child.id)).status is ExecutionStatus.SUCCEEDED


async def test_a_pause_and_its_end_go_down(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, ASKS)
        await published(pureboot, WAITS)
        execution = await pureboot.executions.start("parent", by=ADA)
        await pureboot.control.pause(execution.id, by=ADA)
        assert await family(pureboot, execution) == [("parent", 0, "paused"), ("child", 1, "paused")]
        _, child = await pureboot.executions.tree(execution.id)
        await pureboot.control.approve(child.id, by=ADA)
        await pureboot.control.resume(execution.id, by=ADA)
        assert (await pureboot.executions.wait(execution.id)).status is ExecutionStatus.SUCCEEDED


async def test_a_childs_step_is_given_to_the_nodes_agent_by_the_parents_token(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, ON_NODE)
        await published(pureboot, WAITS)
        await pureboot.nodes.create(MAC, by=ADA)
        execution = await pureboot.executions.start("parent", node=MAC, by=ADA)
        _, child = await pureboot.executions.tree(execution.id)
        step = await pureboot.callbacks.current(execution.id, server=SERVER, agent="boot-1")
        assert step is not None
        assert (step.execution_id, step.step_key, step.step_config["script"]) == (child.id, "run", "x")
        await pureboot.callbacks.heartbeat(execution.id)
        assert await pureboot.callbacks.may_speak_for(pureboot.context.capability(execution.id), child.id)
        assert not await pureboot.callbacks.may_speak_for(pureboot.context.capability(child.id), execution.id)
        await report(pureboot, child, "run")
        assert (await ended(pureboot, execution)).status is ExecutionStatus.SUCCEEDED


async def test_children_end_and_parents_go_on_over_a_restart(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, ASKS)
        await published(pureboot, WAITS)
        execution = await pureboot.executions.start("parent", by=ADA)
        await begun(pureboot, execution, "sub")
    async with opener(store_url) as pureboot:
        _, child = await pureboot.executions.tree(execution.id)
        await pureboot.control.approve(child.id, by=ADA)
        await event(pureboot, lambda each: each.execution_id == execution.id and each.kind == "execution.finished")
        assert await family(pureboot, execution) == [("parent", 0, "succeeded"), ("child", 1, "succeeded")]
