"""The planner over crashes: random workflows, and a process that dies between any two deeds and plans again."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import planner
from engine.core.executions import OPEN, AttemptHeard, AttemptStatus, Execution, ExecutionStatus
from engine.core.planner import plan
from engine.core.workflows import CONTINUE, Join, Retry, Workflow
from tests.core.test_planner import Simulation, a_step, a_workflow, edges, workflows

Choose = Callable[[int], int]


@st.composite
def linear(draw: st.DrawFn) -> Workflow:
    """One step after another, as a file without edges has them."""
    count = draw(st.integers(1, 6))
    return a_workflow(
        *(
            a_step(
                f"s{at}",
                edges=edges(f"s{at + 1}") if at + 1 < count else (),
                retry=Retry(max_attempts=draw(st.integers(1, 3)), delay=draw(st.sampled_from([0, 7]))),
                timeout_seconds=draw(st.sampled_from([None, 60])),
                heartbeat_seconds=draw(st.sampled_from([None, 20])),
                on_failure=draw(st.sampled_from(["fail", CONTINUE])),
            )
            for at in range(count)
        ),
        timeout_seconds=draw(st.sampled_from([None, 90])),
    )


def one_at_a_time(run: Simulation) -> None:
    """Settle as a process would that dies after each command and plans anew from what it kept."""
    while commands := plan(run.workflow, run.execution, run.now):
        run.carry_out(commands[0])


def act(run: Simulation, choose: Choose) -> None:
    """Let something happen: time passes, an attempt is heard of, or it ends well or badly."""
    due = planner.next_due(run.workflow, run.execution)
    deed = choose(5)
    if due is not None and (deed == 0 or not run.running):
        run.now = max(run.now, due)
    elif deed == 4:
        run.apply(AttemptHeard(attempt_id=run.running[0].id, at=run.now))
    else:
        attempt = sorted(run.running, key=lambda each: each.id)[choose(len(run.running))]
        run.finish(attempt, AttemptStatus.FAILED if deed == 1 else AttemptStatus.SUCCEEDED)


@settings(max_examples=300, deadline=None)
@given(st.one_of(linear(), workflows()), st.integers(0, 2**32))
def test_planning_anew_after_each_command_leads_to_the_same(workflow: Workflow, seed: int) -> None:
    chance = Random(seed)
    whole, pieces = Simulation(workflow), Simulation(workflow)
    for _ in range(500):
        whole.settle()
        one_at_a_time(pieces)
        assert pieces.statuses() == whole.statuses()
        assert pieces.execution.status is whole.execution.status
        assert sorted(pieces.begun) == sorted(whole.begun)
        if whole.execution.ended:
            return
        turn = chance.random()
        act(whole, Random(turn).randrange)
        act(pieces, Random(turn).randrange)
    raise AssertionError("the execution never ended")


@settings(max_examples=400, deadline=None)
@given(st.one_of(linear(), workflows()), st.integers(0, 2**32))
def test_over_crashes_everything_ends_and_nothing_is_counted_twice(workflow: Workflow, seed: int) -> None:
    """What was not kept before a crash is forgotten, and may well come out otherwise when it is done again."""
    chance = Random(seed)
    run = Simulation(workflow)
    run.settle()
    kept = run.execution
    for _ in range(1000):
        check(workflow, kept, run)
        if kept.ended:
            return
        act(run, chance.randrange)
        run.settle()
        if chance.randrange(3) == 0:
            run.execution = kept
            assert plan(workflow, kept, kept_at(kept)) == ()
        else:
            check_step(kept, run.execution)
            kept = run.execution
    raise AssertionError("the execution never ended")


def kept_at(kept: Execution) -> datetime:
    """When an execution was kept: the newest time in it."""
    times = [
        kept.created_at,
        *(time for each in kept.attempts for time in (each.created_at, each.completed_at) if time),
    ]
    return max(times)


def check_step(before: Execution, after: Execution) -> None:
    """Attempts are only added, and what has ended stays as it was."""
    assert [each.id for each in after.attempts[: len(before.attempts)]] == [each.id for each in before.attempts]
    for old, new in zip(before.attempts, after.attempts, strict=False):
        if old.status not in OPEN:
            assert (new.status, new.completed_at, new.error) == (old.status, old.completed_at, old.error)
        assert old.routes is None or new.routes == old.routes


def check(workflow: Workflow, execution: Execution, run: Simulation) -> None:
    """Statuses fit together."""
    assert 0 <= planner.progress(workflow, execution) <= 100
    numbers = [(each.step_key, each.attempt) for each in execution.attempts]
    assert len(numbers) == len(set(numbers))
    for step in workflow.steps:
        tries = [each for each in execution.attempts if each.step_key == step.key]
        assert [each.attempt for each in tries] == list(range(1, len(tries) + 1))
        assert len(tries) <= step.retry.max_attempts
        assert all(each.status in (AttemptStatus.FAILED, AttemptStatus.TIMED_OUT) for each in tries[:-1])
    if not execution.ended:
        assert execution.current_steps
        return
    assert not execution.current_steps
    assert planner.next_due(workflow, execution) is None
    assert plan(workflow, execution, run.now) == ()
    assert (execution.status is ExecutionStatus.FAILED) == execution.failing == (execution.error is not None)
    if execution.status is ExecutionStatus.SUCCEEDED:
        assert {each.step_key for each in execution.attempts} == {step.key for step in workflow.reachable}
        assert planner.progress(workflow, execution) == 100


@settings(max_examples=200, deadline=None)
@given(linear(), st.integers(0, 2**32))
def test_a_line_runs_in_its_order(workflow: Workflow, seed: int) -> None:
    chance = Random(seed)
    run = Simulation(workflow)
    run.settle()
    while not run.execution.ended:
        act(run, chance.randrange)
        run.settle()
        assert len(run.running) <= 1
    order = list(dict.fromkeys(run.begun))
    assert order == [step.key for step in workflow.steps][: len(order)]


@settings(max_examples=200, deadline=None)
@given(workflows(), st.integers(0, 2**32))
def test_a_step_runs_only_when_a_branch_led_to_it(workflow: Workflow, seed: int) -> None:
    chance = Random(seed)
    run = Simulation(workflow)
    run.settle()
    while not run.execution.ended:
        act(run, chance.randrange)
        run.settle()
    routes = {each.step_key: each.routes or () for each in run.execution.attempts}
    for step in workflow.reachable[1:]:
        latest = run.execution.latest(step.key)
        if latest is None:
            continue
        led = [key for key in workflow.incoming[step.key] if step.key in routes.get(key, ())]
        assert bool(led) == (latest.status is not AttemptStatus.SKIPPED)
        if step.join is Join.ALL and led:
            sources = [run.execution.latest(key) for key in workflow.incoming[step.key]]
            assert all(source is not None and source.routes is not None for source in sources)
