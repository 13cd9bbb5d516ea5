"""Executions from start to end, with a clock that the test moves; on both databases."""

import asyncio

import pytest

from engine.core.events import Kind
from engine.core.executions import AttemptStatus, Execution, ExecutionStatus
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, begun, ended, event, published, report, statuses

MAC = "aa:bb:cc:dd:ee:01"

GREET = """
name: greet
params: {who: {type: string}, times: {type: integer, default: 1}}
steps:
  - {key: say, action: core.echo, with: {message: "hello {{ params.who }}"}}
  - {key: wait, action: core.delay, with: {duration: 10m}}
  - {key: again, action: core.echo, with: {message: "{{ steps.say.output.echo }}!"}}
"""

INSTALL = """
name: install
steps:
  - {key: boot, action: node.boot, with: {kernel: k}, timeout: 40m, next_state: installing}
  - key: write
    action: node.script
    with: {script: "true"}
    retry: {max_attempts: 2, delay: 30s}
    next_state: installed
"""

RETRY = """
name: stubborn
steps:
  - {key: fail, action: core.fail, with: {message: no disk}, retry: {max_attempts: 3, delay: 10s, backoff: exponential}}
  - {key: after, action: core.echo}
"""


async def test_steps_run_in_order_and_pass_on_what_they_made(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, GREET)
        execution = await pureboot.executions.start("greet", params={"who": "rack"}, by=ADA)
        assert (execution.status, execution.current_steps) == (ExecutionStatus.RUNNING, ("say",))
        await begun(pureboot, execution, "wait")
        clock.advance(600)
        execution = await ended(pureboot, execution)
        assert (execution.status, execution.progress_percent, execution.error) == (ExecutionStatus.SUCCEEDED, 100, None)
        assert [dict(each.output) for each in execution.attempts] == [
            {"echo": "hello rack"},
            {"duration": 600.0},
            {"echo": "hello rack!"},
        ]
        log = await pureboot.executions.log(execution.id)
        assert [each.text for each in log] == ["hello rack\n", "hello rack!\n"]


async def test_inputs_are_checked_before_anything_starts(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, GREET)
        with pytest.raises(Invalid) as refused:
            await pureboot.executions.start("greet", params={"times": "two", "colour": 1}, by=ADA)
        assert sorted(problem.path for problem in refused.value.problems) == [
            "params.colour",
            "params.times",
            "params.who",
        ]
        with pytest.raises(NotFound, match="there is no workflow gone"):
            await pureboot.executions.start("gone", by=ADA)
        assert await pureboot.executions.find(Page()) == ([], 0)


async def test_the_same_request_is_the_same_execution(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, GREET)

        async def start(request_id: str | None) -> Execution:
            return await pureboot.executions.start("greet", params={"who": "x"}, request_id=request_id, by=ADA)

        ids = {each.id for each in await asyncio.gather(*(start("r1") for _ in range(10)))}
        assert len(ids) == 1
        assert (await start("r2")).id not in ids
        assert (await start(None)).id != (await start(None)).id


async def test_retries_wait_longer_each_time_and_then_the_execution_fails(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, RETRY)
        execution = await pureboot.executions.start("stubborn", by=ADA)
        for number, delay in ((1, 10), (2, 20)):
            await event(
                pureboot,
                lambda each, next_=number + 1: (  # type: ignore[misc]
                    each.kind is Kind.ATTEMPT_SCHEDULED and each.data["attempt"] == next_
                ),
            )
            waiting = (await pureboot.executions.get(execution.id)).attempts[-1]
            assert (waiting.status, waiting.attempt) == (AttemptStatus.RETRYING, number + 1)
            assert waiting.due_at is not None
            assert (waiting.due_at - clock.now()).total_seconds() == delay
            clock.advance(delay)
        execution = await ended(pureboot, execution)
        assert statuses(execution) == [("fail", 1, "failed"), ("fail", 2, "failed"), ("fail", 3, "failed")]
        assert (execution.status, execution.error) == (ExecutionStatus.FAILED, "step fail failed: no disk")


async def test_a_node_is_taken_along_and_its_history_says_by_what(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        node = await pureboot.nodes.create(MAC, {"hostname": "r1"}, by=ADA)
        execution = await pureboot.executions.start("install", node="r1", by=ADA)
        assert (await pureboot.nodes.get("r1")).state is NodeState.PENDING
        await report(pureboot, execution, "boot")
        assert (await pureboot.nodes.get("r1")).state is NodeState.INSTALLING
        await report(pureboot, execution, "write", exit_code=0)
        assert (await ended(pureboot, execution)).status is ExecutionStatus.SUCCEEDED
        rows, _ = await pureboot.nodes.history(node.id, Page())
        assert [(row.to_state, row.triggered_by, row.comment) for row in rows] == [
            (NodeState.INSTALLED, "workflow", "step write of install"),
            (NodeState.INSTALLING, "workflow", "step boot of install"),
            (NodeState.PENDING, "workflow", "install was started"),
        ]


async def test_only_what_installs_counts_as_a_failed_install(store_url: str, opener: Opener) -> None:
    text = "name: look\nsteps: [{key: a, action: core.fail, with: {message: too hot}}]"
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        await published(pureboot, text)
        node = await pureboot.nodes.create("52:54:00:00:00:01", by=ADA)
        install = await pureboot.executions.start("install", node=node.id, by=ADA)
        await report(pureboot, install, "boot")
        await pureboot.executions.cancel(install.id, by=ADA)
        looked = await pureboot.executions.start("look", node=node.id, by=ADA)
        assert (await ended(pureboot, looked)).status is ExecutionStatus.FAILED
        node = await pureboot.nodes.get(node.id)
        assert (node.state, node.install_attempts, node.last_install_error) == (NodeState.INSTALLING, 0, None)


async def test_a_failed_install_counts_and_the_third_needs_force(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL.replace("    retry: {max_attempts: 2, delay: 30s}\n", ""))
        await pureboot.nodes.create(MAC, by=ADA)
        for attempt in (1, 2, 3):
            execution = await pureboot.executions.start("install", node=MAC, by=ADA)
            await report(pureboot, execution, "boot")
            await report(pureboot, execution, "write", "failed", message="I/O error", exit_code=5)
            assert (await ended(pureboot, execution)).status is ExecutionStatus.FAILED
            node = await pureboot.nodes.get(MAC)
            assert node.install_attempts == attempt
            assert node.last_install_error == "step write failed: I/O error"
        assert node.state is NodeState.INSTALL_FAILED
        with pytest.raises(Conflict, match="use force"):
            await pureboot.executions.start("install", node=MAC, by=ADA)


async def test_a_node_takes_one_execution_at_a_time(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        await pureboot.nodes.create(MAC, by=ADA)
        with pytest.raises(Invalid, match="node: is missing: install has steps that need a node"):
            await pureboot.executions.start("install", by=ADA)
        first = await pureboot.executions.start("install", node=MAC, by=ADA)
        with pytest.raises(Conflict, match=f"is busy with install \\(execution {first.id}\\)"):
            await pureboot.executions.start("install", node=MAC, by=ADA)


@pytest.mark.parametrize(
    ("state", "message"), [("installed", "is installed, so it boots its disk"), (None, "is locked")]
)
async def test_a_node_whose_disk_is_wanted_is_left_alone(
    store_url: str, opener: Opener, state: str | None, message: str
) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, INSTALL)
        await pureboot.nodes.create(MAC, {"locked": state is None}, by=ADA)
        for hop in ("pending", "installing", "installed") if state else ():
            await pureboot.nodes.move(MAC, NodeState(hop), by=ADA)
        with pytest.raises(Conflict, match=message):
            await pureboot.executions.start("install", node=MAC, by=ADA)
        assert await pureboot.executions.find(Page()) == ([], 0)


async def test_cancel_stops_at_once_what_this_engine_performs(
    store_url: str, opener: Opener, clock: ManualClock
) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, GREET)
        execution = await pureboot.executions.start("greet", params={"who": "x"}, by=ADA)
        await begun(pureboot, execution, "wait")
        cancelled = await pureboot.executions.cancel(execution.id, by=ADA, reason="wrong rack")
        assert (cancelled.status, cancelled.error) == (ExecutionStatus.CANCELLED, f"cancelled by {ADA}: wrong rack")
        assert statuses(cancelled) == [("say", 1, "succeeded"), ("wait", 1, "cancelled")]
        clock.advance(3600)
        assert await pureboot.executions.advance_due() == 0
        assert (await pureboot.executions.get(execution.id)) == cancelled
        with pytest.raises(Conflict, match=r"is over \(cancelled\)"):
            await pureboot.executions.cancel(execution.id, by=ADA)


async def test_a_step_that_takes_too_long_is_stopped(store_url: str, opener: Opener, clock: ManualClock) -> None:
    text = "name: slow\nsteps: [{key: a, action: core.delay, with: {duration: 1h}, timeout: 1m}]"
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, text)
        execution = await pureboot.executions.start("slow", by=ADA)
        await event(pureboot, lambda each: each.kind is Kind.ATTEMPT_STARTED)
        clock.advance(60)
        execution = await ended(pureboot, execution)
        assert statuses(execution) == [("a", 1, "timed_out")]
        assert execution.error == "step a failed: took longer than its timeout"


async def test_a_state_that_cannot_be_reached_fails_with_the_ways_there_are(store_url: str, opener: Opener) -> None:
    text = "name: s\nsteps: [{key: a, action: node.state, with: {state: active}}, {key: b, action: core.echo}]"
    async with opener(store_url) as pureboot:
        await published(pureboot, text)
        await pureboot.nodes.create(MAC, {"hostname": "r1"}, by=ADA)
        for hop in ("pending", "installing", "install_failed"):
            await pureboot.nodes.move(MAC, NodeState(hop), by=ADA)
        await pureboot.nodes.update(MAC, {"locked": False}, by=ADA)
        execution = await pureboot.executions.start("s", node=MAC, by=ADA)
        execution = await ended(pureboot, execution)
        assert execution.status is ExecutionStatus.SUCCEEDED
        execution = await ended(pureboot, await pureboot.executions.start("s", node=MAC, by=ADA))
        assert execution.status is ExecutionStatus.SUCCEEDED
        await pureboot.nodes.move(MAC, NodeState.DEPROVISIONING, by=ADA)
        execution = await ended(pureboot, await pureboot.executions.start("s", node=MAC, by=ADA))
        assert execution.status is ExecutionStatus.FAILED
        assert "node r1 is deprovisioning and cannot become active" in str(execution.error)
        assert "it can become retired" in str(execution.error)


async def test_an_expression_without_value_fails_its_step(store_url: str, opener: Opener) -> None:
    text = 'name: w\nsteps: [{key: a, action: core.echo, with: {message: "{{ params.gone }}"}}]'
    async with opener(store_url) as pureboot:
        await published(pureboot, text)
        execution = await pureboot.executions.start("w", by=ADA)
        assert execution.status is ExecutionStatus.FAILED
        assert "with.message" in str(execution.error)
        assert "'gone'" in str(execution.error)


async def test_a_guest_starts_and_cancels_what_the_host_performs(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as host, opener(store_url) as guest:
        await published(guest, GREET.replace("10m", "0s"))
        execution = await guest.executions.start("greet", params={"who": "x"}, by="user:bob")
        assert (await ended(guest, execution)).status is ExecutionStatus.SUCCEEDED
        assert (await host.executions.get(execution.id)).principal == "user:bob"


async def test_executions_are_found_by_what_they_are_of(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as pureboot:
        await published(pureboot, GREET)
        await published(pureboot, INSTALL)
        await pureboot.nodes.create(MAC, {"hostname": "r1"}, by=ADA)
        one = await pureboot.executions.start("install", node="r1", by=ADA)
        await pureboot.executions.start("greet", params={"who": "x"}, by=ADA)

        async def ids(**filters: str) -> list[str]:
            page = Page(filters={name: (value,) for name, value in filters.items()})
            return [each.id for each in (await pureboot.executions.find(page))[0]]

        assert await ids(node="r1") == await ids(workflow="install") == [one.id]
        assert await ids(node="gone") == []
        assert len(await ids()) == 2
        found, _ = await pureboot.executions.find(Page(), until=one.created_at)
        assert found == []
