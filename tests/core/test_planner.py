"""The planner: stories for each rule, and properties over random workflows."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import planner, routing
from engine.core.executions import (
    Attempt,
    AttemptAdded,
    AttemptFinished,
    AttemptHeard,
    AttemptSettled,
    AttemptStarted,
    AttemptStatus,
    Execution,
    ExecutionFailing,
    ExecutionFinished,
    ExecutionStarted,
    ExecutionStatus,
    Fact,
    Performer,
    evolve,
)
from engine.core.planner import plan
from engine.core.workflows import CONTINUE, Backoff, Edge, Join, Retry, Route, Step, When, Workflow

START = datetime(2026, 3, 1, tzinfo=UTC)
Outcome = Callable[[str, int], bool]


class Simulation:
    """Carries commands out in memory, as services do in the store, with a clock and outcomes that the test decides."""

    def __init__(self, workflow: Workflow, **execution: object) -> None:
        self.workflow = workflow
        self.now = START
        self.begun: list[str] = []
        blank = Execution(
            id="e", workflow_id="w", workflow_name="w", workflow_version="v1.0", version_id="v", created_at=START
        )
        self.execution = replace(blank, **execution)  # type: ignore[arg-type]
        self.apply(ExecutionStarted(at=START, deadline_at=self.after(workflow.timeout_seconds)))

    def after(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else self.now + timedelta(seconds=seconds)

    def apply(self, fact: Fact) -> None:
        self.execution = evolve(self.execution, fact)

    def settle(self) -> None:
        while commands := plan(self.workflow, self.execution, self.now):
            for command in commands:
                self.carry_out(command)

    def carry_out(self, command: planner.Command) -> None:
        match command:
            case planner.Begin():
                self._begin(command)
            case planner.Launch():
                self.apply(
                    AttemptStarted(
                        attempt_id=command.attempt.id,
                        at=self.now,
                        deadline_at=self.after(command.step.timeout_seconds),
                        config={},
                    )
                )
            case planner.Skip():
                skipped = self._attempt(command.step, 1, AttemptStatus.SKIPPED)
                self.apply(AttemptAdded(attempt=replace(skipped, routes=())))
            case planner.Expire():
                self.finish(command.attempt, AttemptStatus.TIMED_OUT)
            case planner.Withdraw():
                self.finish(command.attempt, AttemptStatus.CANCELLED)
            case planner.Settle():
                self._settle(command)
            case planner.Fail():
                self.apply(ExecutionFailing(error=command.error))
            case planner.Finish():
                self.apply(ExecutionFinished(at=self.now, status=command.status))

    def _begin(self, command: planner.Begin) -> None:
        self.begun.append(command.step.key)
        status = AttemptStatus.RUNNING if command.due is None else AttemptStatus.RETRYING
        attempt = self._attempt(command.step, command.number, status)
        started = None if command.due else self.now
        deadline = None if command.due else self.after(command.step.timeout_seconds)
        self.apply(AttemptAdded(attempt=replace(attempt, due_at=command.due, started_at=started, deadline_at=deadline)))

    def _settle(self, command: planner.Settle) -> None:
        taken = routing.routes(command.step, command.attempt, {})
        if taken is None:
            self.apply(ExecutionFailing(error=f"{command.step.key} failed"))
        self.apply(AttemptSettled(attempt_id=command.attempt.id, routes=taken or ()))

    def _attempt(self, step: Step, number: int, status: AttemptStatus) -> Attempt:
        return Attempt(
            id=f"{step.key}/{number}",
            execution_id="e",
            step_id=step.id,
            step_key=step.key,
            step_name=step.name,
            action=step.action,
            attempt=number,
            status=status,
            performer=Performer.NODE,
            created_at=self.now,
        )

    def finish(self, attempt: Attempt, status: AttemptStatus) -> None:
        self.apply(AttemptFinished(attempt_id=attempt.id, at=self.now, status=status, error="x"))

    @property
    def running(self) -> list[Attempt]:
        return [each for each in self.execution.attempts if each.status is AttemptStatus.RUNNING]

    def report(self, key: str, ok: bool = True) -> None:
        attempt = self.execution.latest(key)
        assert attempt is not None
        self.finish(attempt, AttemptStatus.SUCCEEDED if ok else AttemptStatus.FAILED)
        self.settle()

    def statuses(self) -> dict[str, str]:
        return {key: latest.status.value for key in self.workflow.by_key if (latest := self.execution.latest(key))}


def a_step(key: str, **values: object) -> Step:
    step = Step(id=key, key=key, sequence=1, name=key, action="core.echo")
    return replace(step, **values)  # type: ignore[arg-type]


def a_workflow(*steps: Step, **values: object) -> Workflow:
    return replace(Workflow(name="w", steps=steps), **values)  # type: ignore[arg-type]


def edges(*to: str, when: When = When.SUCCESS) -> tuple[Edge, ...]:
    return tuple(Edge(to=key, when=when) for key in to)


def begun(*steps: Step, **values: object) -> Simulation:
    simulation = Simulation(a_workflow(*steps, **values))
    simulation.settle()
    return simulation


def test_steps_run_one_after_another() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    assert run.execution.current_steps == ("a",)
    run.report("a")
    assert run.execution.current_steps == ("b",)
    run.report("b")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_a_failed_step_fails_the_execution_and_what_follows_never_begins() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    run.report("a", ok=False)
    assert (run.execution.status, run.execution.error) == (ExecutionStatus.FAILED, "a failed")
    assert run.begun == ["a"]


def test_a_failure_withdraws_what_still_runs_beside_it() -> None:
    run = begun(a_step("s", edges=edges("a", "b")), a_step("a"), a_step("b"))
    run.report("s")
    run.report("a", ok=False)
    assert run.statuses() == {"s": "succeeded", "a": "failed", "b": "cancelled"}
    assert run.execution.status is ExecutionStatus.FAILED


def test_continue_goes_on_as_if_the_step_had_succeeded() -> None:
    run = begun(a_step("a", edges=edges("b"), on_failure=CONTINUE), a_step("b", on_failure=CONTINUE))
    run.report("a", ok=False)
    run.report("b", ok=False)
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_on_failure_can_name_a_step() -> None:
    run = begun(a_step("a", edges=edges("b"), on_failure="rescue"), a_step("b"), a_step("rescue"))
    run.report("a", ok=False)
    assert run.statuses() == {"a": "failed", "b": "skipped", "rescue": "running"}
    run.report("rescue")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_edges_choose_by_outcome_and_the_branch_not_taken_is_skipped_to_its_end() -> None:
    run = begun(
        a_step("a", edges=(*edges("good"), *edges("bad", when=When.FAILURE), *edges("log", when=When.ALWAYS))),
        a_step("good", edges=edges("better")),
        a_step("better"),
        a_step("bad"),
        a_step("log"),
    )
    run.report("a", ok=False)
    assert run.statuses() == {"a": "failed", "good": "skipped", "better": "skipped", "bad": "running", "log": "running"}


def test_route_first_takes_only_the_first_edge() -> None:
    run = begun(a_step("a", edges=edges("b", "c"), route=Route.FIRST), a_step("b"), a_step("c"))
    run.report("a")
    assert run.statuses() == {"a": "succeeded", "b": "running", "c": "skipped"}


def diamond(join: Join) -> Simulation:
    run = begun(
        a_step("s", edges=edges("a", "b")),
        a_step("a", edges=edges("j")),
        a_step("b", edges=(*edges("j"), *edges("x", when=When.FAILURE))),
        a_step("j", join=join),
        a_step("x"),
    )
    run.report("s")
    return run


def test_a_join_of_all_waits_for_every_branch() -> None:
    run = diamond(Join.ALL)
    run.report("a")
    assert "j" not in run.begun
    run.report("b")
    assert "j" in run.begun


def test_a_join_of_any_starts_with_the_first_and_only_once() -> None:
    run = diamond(Join.ANY)
    run.report("a")
    assert "j" in run.begun
    run.report("b")
    assert run.begun.count("j") == 1


def test_a_branch_that_cannot_arrive_does_not_block_a_join() -> None:
    run = diamond(Join.ALL)
    run.report("b", ok=False)
    run.report("a")
    assert run.statuses()["j"] == "running"


def test_retries_wait_for_their_delay_which_grows() -> None:
    retry = Retry(max_attempts=4, delay=10, backoff=Backoff.EXPONENTIAL, max_delay=30)
    run = begun(a_step("a", retry=retry))
    for number, delay in ((2, 10), (3, 20), (4, 30)):
        run.report("a", ok=False)
        waiting = run.execution.latest("a")
        assert waiting is not None
        assert (waiting.attempt, waiting.status) == (number, AttemptStatus.RETRYING)
        assert waiting.due_at == run.now + timedelta(seconds=delay)
        assert planner.next_due(run.workflow, run.execution) == waiting.due_at
        run.now += timedelta(seconds=delay - 1)
        run.settle()
        assert not run.running
        run.now += timedelta(seconds=1)
        run.settle()
        assert [each.attempt for each in run.running] == [number]
    run.report("a", ok=False)
    assert run.execution.status is ExecutionStatus.FAILED


def test_a_retry_without_delay_starts_at_once() -> None:
    run = begun(a_step("a", retry=Retry(max_attempts=2)))
    run.report("a", ok=False)
    assert [each.attempt for each in run.running] == [2]
    run.report("a")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_an_attempt_that_takes_too_long_is_timed_out_and_retried() -> None:
    run = begun(a_step("a", timeout_seconds=60, retry=Retry(max_attempts=2, delay=5)))
    run.now += timedelta(seconds=60)
    run.settle()
    assert [each.status for each in run.execution.attempts] == [AttemptStatus.TIMED_OUT, AttemptStatus.RETRYING]


def test_silence_counts_from_the_first_sign_of_life() -> None:
    run = begun(a_step("a", heartbeat_seconds=30))
    run.now += timedelta(hours=5)
    run.settle()
    assert run.statuses() == {"a": "running"}
    run.apply(AttemptHeard(attempt_id="a/1", at=run.now))
    assert planner.next_due(run.workflow, run.execution) == run.now + timedelta(seconds=30)
    run.now += timedelta(seconds=30)
    run.settle()
    assert run.statuses() == {"a": "timed_out"}


def test_an_execution_that_takes_too_long_fails_and_withdraws() -> None:
    run = begun(a_step("a"), timeout_seconds=100)
    run.now += timedelta(seconds=100)
    run.settle()
    assert (run.execution.status, run.statuses()) == (ExecutionStatus.FAILED, {"a": "cancelled"})
    assert "longer than its timeout" in str(run.execution.error)


def test_a_paused_or_pending_execution_is_left_alone() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    for status in (ExecutionStatus.PAUSED, ExecutionStatus.PENDING):
        assert plan(run.workflow, replace(run.execution, status=status), run.now + timedelta(days=1)) == ()


def test_progress_counts_settled_steps_and_is_100_only_at_the_end() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    run.report("a")
    assert planner.progress(run.workflow, run.execution) == 50
    run.apply(AttemptHeard(attempt_id="b/1", at=run.now, progress_percent=100))
    assert planner.progress(run.workflow, run.execution) == 99
    run.report("b")
    assert planner.progress(run.workflow, run.execution) == 100


# Random workflows: edges lead only forward, so there is no cycle; the first step is the start.


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    count = draw(st.integers(1, 7))
    keys = [f"s{at}" for at in range(count)]
    steps = []
    for at, key in enumerate(keys):
        targets = draw(st.lists(st.sampled_from(keys[at + 1 :]), unique=True, max_size=3)) if keys[at + 1 :] else []
        steps.append(
            a_step(
                key,
                edges=tuple(Edge(to=to, when=draw(st.sampled_from(When))) for to in targets),
                route=draw(st.sampled_from(Route)),
                join=draw(st.sampled_from(Join)),
                retry=Retry(max_attempts=draw(st.integers(1, 3)), delay=draw(st.sampled_from([0, 7]))),
                timeout_seconds=draw(st.sampled_from([None, 60])),
                on_failure=draw(st.sampled_from(["fail", CONTINUE, *keys[at + 1 :]])),
            )
        )
    return a_workflow(*steps)


def play(run: Simulation, choose: Callable[[int], int]) -> Iterator[None]:
    """Let the world act until the execution ends: attempts succeed, fail or are never heard of again."""
    for _ in range(500):
        run.settle()
        yield
        if run.execution.ended:
            return
        due = planner.next_due(run.workflow, run.execution)
        deed = choose(4)
        if due is not None and (deed == 0 or not run.running):
            run.now = max(run.now, due)
        else:
            attempt = run.running[choose(len(run.running))]
            run.finish(attempt, AttemptStatus.FAILED if deed == 1 else AttemptStatus.SUCCEEDED)
    raise AssertionError("the execution never ended")


@settings(max_examples=400, deadline=None)
@given(workflows(), st.randoms(use_true_random=False))
def test_every_execution_ends_and_a_settled_one_plans_nothing(workflow: Workflow, random: object) -> None:
    choose: Callable[[int], int] = random.randrange  # type: ignore[attr-defined]
    run = Simulation(workflow)
    for _ in play(run, choose):
        assert plan(workflow, run.execution, run.now) == ()
        assert run.execution.ended or run.running or planner.next_due(workflow, run.execution) is not None
    for step in workflow.steps:
        tries = [each.attempt for each in run.execution.attempts if each.step_key == step.key]
        assert tries == list(range(1, len(tries) + 1))
        assert len(tries) <= step.retry.max_attempts
    assert not any(each.is_open for each in run.execution.attempts)


@settings(max_examples=300, deadline=None)
@given(workflows(), st.randoms(use_true_random=False))
def test_what_runs_is_what_an_obvious_model_says(workflow: Workflow, random: object) -> None:
    """Outcomes are fixed per step, so the order of events cannot matter unless something fails the whole."""
    good = {step.key: bool(random.randrange(3)) for step in workflow.steps}  # type: ignore[attr-defined]
    run = Simulation(workflow)
    run.settle()
    while not run.execution.ended:
        for attempt in run.running:
            run.finish(attempt, AttemptStatus.SUCCEEDED if good[attempt.step_key] else AttemptStatus.FAILED)
        run.settle()
        run.now += timedelta(seconds=7)
        run.settle()
    expected, fails = model(workflow, good)
    assert (run.execution.status is ExecutionStatus.FAILED) == fails
    if not fails:
        ran = {each.step_key for each in run.execution.attempts if each.status is not AttemptStatus.SKIPPED}
        assert ran == expected


def model(workflow: Workflow, good: dict[str, bool]) -> tuple[set[str], bool]:
    """Which steps run, by plain recursion over the edges; and whether one fails with nobody to take care of it."""
    taken: dict[str, list[str]] = {}
    fails = False
    runs: set[str] = set()
    for at, step in enumerate(workflow.steps):
        sources = [other.key for other in workflow.steps if step.key in taken.get(other.key, [])]
        if at and not sources:
            continue
        runs.add(step.key)
        outcome = When.SUCCESS if good[step.key] or step.on_failure == CONTINUE else When.FAILURE
        ways = [edge.to for edge in step.ways if edge.when in (outcome, When.ALWAYS)]
        fails |= outcome is When.FAILURE and not ways
        taken[step.key] = ways[:1] if step.route is Route.FIRST else ways
    return runs, fails
