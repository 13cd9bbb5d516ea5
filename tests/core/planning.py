"""The words of the planner's tests: steps and workflows, random ones too, and a world that carries commands out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from engine.core import planner, routing
from engine.core.commands import blank
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Failure, Performer
from engine.core.facts import (
    AttemptAdded,
    AttemptFinished,
    AttemptSettled,
    AttemptStarted,
    ExecutionFailing,
    ExecutionFinished,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionStarted,
    Fact,
    RollbackBegun,
    evolve,
)
from engine.core.grace import NO_GRACE, Grace
from engine.core.planner import plan
from engine.core.workflows import CONTINUE, ROLLBACK, Backoff, Edge, Join, Retry, Route, Step, When, Workflow

START = datetime(2026, 3, 1, tzinfo=UTC)
Choose = Callable[[int], int]


class World:
    """Carries commands out in memory, as services do in the store, with a clock and outcomes that the test decides.

    Steps with the action `core.delay` are timers that last 30 seconds. A condition of an edge names facts of `names`.
    """

    def __init__(self, workflow: Workflow, grace: Grace = NO_GRACE, **execution: object) -> None:
        self.workflow = workflow
        self.grace = grace
        self.now = START
        self.names: dict[str, object] = {}
        blank = Execution(
            id="e", workflow_id="w", workflow_name="w", workflow_version="v1.0", version_id="v", created_at=START
        )
        self.execution = replace(blank, **execution)  # type: ignore[arg-type]
        self.apply(ExecutionStarted(at=START, deadline_at=self.after(workflow.timeout_seconds)))

    def after(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else self.now + timedelta(seconds=seconds)

    def apply(self, fact: Fact) -> None:
        self.execution = evolve(self.execution, fact)

    def plan(self) -> tuple[planner.Command, ...]:
        return plan(self.workflow, self.execution, self.now, self.grace)

    @property
    def due(self) -> datetime | None:
        return planner.next_due(self.workflow, self.execution, self.grace)

    def settle(self) -> None:
        for _ in range(3000):
            commands = self.plan()
            if not commands:
                return
            for command in commands:
                self.carry_out(command)
        raise AssertionError(f"planning never ends: {commands}")

    def settle_piece_by_piece(self) -> None:
        """Settle as a process would that dies after each command and plans anew from what it kept."""
        for _ in range(3000):
            commands = self.plan()
            if not commands:
                return
            self.carry_out(commands[0])
        raise AssertionError(f"planning never ends: {commands}")

    def carry_out(self, command: planner.Command) -> None:
        match command:
            case planner.Begin():
                self._begin(command)
            case planner.Launch():
                self._launch(command.attempt, command.step)
            case planner.Skip():
                skipped = self._attempt(command.step, command.number, command.visit, AttemptStatus.SKIPPED)
                self.apply(AttemptAdded(attempt=replace(skipped, routes=())))
            case planner.Complete():
                self.finish(command.attempt, AttemptStatus.SUCCEEDED)
            case planner.Expire():
                self.finish(command.attempt, AttemptStatus.TIMED_OUT, command.failure)
            case planner.Withdraw():
                self.finish(command.attempt, AttemptStatus.CANCELLED)
            case planner.Settle():
                self._settle(command)
            case planner.Fail():
                self.apply(ExecutionFailing(error=command.error))
            case planner.Finish():
                self.apply(ExecutionFinished(at=self.now, status=command.status, error=command.error))

    def _begin(self, command: planner.Begin) -> None:
        step = command.step
        status = AttemptStatus.RUNNING if command.due is None else AttemptStatus.RETRYING
        attempt = replace(
            self._attempt(step, command.number, command.visit, status),
            tries=command.tries,
            entry=command.entry,
            undoes=command.undoes,
            due_at=command.due,
        )
        if command.due is None:
            deadline_at, ends_at = self._ends(step)
            attempt = replace(attempt, started_at=self.now, deadline_at=deadline_at, ends_at=ends_at)
        self.apply(AttemptAdded(attempt=attempt))

    def _launch(self, attempt: Attempt, step: Step) -> None:
        deadline_at, ends_at = self._ends(step)
        self.apply(
            AttemptStarted(attempt_id=attempt.id, at=self.now, deadline_at=deadline_at, ends_at=ends_at, config={})
        )

    def _ends(self, step: Step) -> tuple[datetime | None, datetime | None]:
        return self.after(step.timeout_seconds), self.after(30) if step.action == "core.delay" else None

    def _settle(self, command: planner.Settle) -> None:
        step, attempt = command.step, command.attempt
        taken = routing.routes(step, attempt, self.names)
        if taken is None and not self.execution.rolling_back:
            error = f"{step.key} failed"
            self.apply(RollbackBegun(error=error) if step.on_failure == ROLLBACK else ExecutionFailing(error=error))
        self.apply(AttemptSettled(attempt_id=attempt.id, routes=taken or ()))

    def _attempt(self, step: Step, number: int, visit: int, status: AttemptStatus) -> Attempt:
        return blank(step, f"{step.key}/{number}", "e", number, visit, status, Performer.NODE, self.now)

    def finish(self, attempt: Attempt, status: AttemptStatus, failure: Failure | None = None) -> None:
        error = None if status is AttemptStatus.SUCCEEDED else "x"
        self.apply(AttemptFinished(attempt_id=attempt.id, at=self.now, status=status, error=error, failure=failure))

    @property
    def running(self) -> list[Attempt]:
        return [each for each in self.execution.attempts if each.status is AttemptStatus.RUNNING]

    @property
    def begun(self) -> list[str]:
        """The keys of the steps in the order in which their attempts were made, but for the skipped ones."""
        return [each.step_key for each in self.execution.attempts if each.status is not AttemptStatus.SKIPPED]

    def latest(self, key: str) -> Attempt:
        attempt = self.execution.latest(key)
        assert attempt is not None
        return attempt

    def report(self, *keys: str, ok: bool = True, failure: Failure | None = None) -> None:
        for key in keys:
            assert self.latest(key).status is AttemptStatus.RUNNING, key
            self.finish(self.latest(key), AttemptStatus.SUCCEEDED if ok else AttemptStatus.FAILED, failure)
            self.settle()

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.settle()

    def statuses(self) -> dict[str, str]:
        return {key: latest.status.value for key in self.workflow.by_key if (latest := self.execution.latest(key))}

    def visits(self, key: str) -> list[tuple[int, int, int]]:
        """Of each attempt of a step: its number, its visit and its try."""
        return [(each.attempt, each.visit, each.tries) for each in self.execution.attempts if each.step_key == key]

    def pause(self) -> None:
        self.apply(ExecutionPaused(at=self.now))

    def resume(self) -> None:
        self.apply(ExecutionResumed(at=self.now))


def a_step(key: str, **values: object) -> Step:
    step = Step(id=key, key=key, sequence=1, name=key, action="core.echo")
    return replace(step, **values)  # type: ignore[arg-type]


def a_workflow(*steps: Step, **values: object) -> Workflow:
    return replace(Workflow(name="w", steps=steps), **values)  # type: ignore[arg-type]


def edges(*to: str, when: When = When.SUCCESS, if_: str | None = None) -> tuple[Edge, ...]:
    return tuple(Edge(to=key, when=when, if_=if_) for key in to)


def begun(*steps: Step, **values: object) -> World:
    world = World(a_workflow(*steps, **values))
    world.settle()
    return world


def act(world: World, choose: Choose) -> None:
    """Let something happen: time passes, or an attempt ends well or badly."""
    due = world.due
    running = sorted(world.running, key=lambda each: each.id)
    deed = choose(5)
    if due is not None and (deed == 0 or not running):
        world.now = max(world.now, due)
    elif running:
        attempt = running[choose(len(running))]
        failure = list(Failure)[choose(len(Failure))] if deed == 1 else None
        world.finish(attempt, AttemptStatus.FAILED if deed == 1 else AttemptStatus.SUCCEEDED, failure)


@st.composite
def workflows(draw: st.DrawFn, *, loops: bool = True, timers: bool = True, narrow: bool = True) -> Workflow:
    """Random workflows: with loops, joins of every kind, routes, conditions (of which `yes` holds and `no` does not),
    retries, rollback, timers and deadlines, and `narrow` ones that run only a few attempts at once.
    """
    keys = [f"s{at}" for at in range(draw(st.integers(1, 6)))]
    steps = [a_random_step(draw, keys, at, loops=loops, timers=timers) for at in range(len(keys))]
    return a_workflow(
        *steps,
        a_step("undo", retry=Retry(max_attempts=draw(st.integers(1, 2)), delay=draw(st.sampled_from([0, 7])))),
        a_step("wipe", edges=()),
        max_parallel=draw(st.sampled_from([None, None, 1, 2])) if narrow else None,
        timeout_seconds=draw(st.sampled_from([None, None, 150])) if timers else None,
    )


def a_random_step(draw: st.DrawFn, keys: list[str], at: int, *, loops: bool, timers: bool) -> Step:
    later = keys[at + 1 :]
    ways = draw(st.lists(st.sampled_from(later), max_size=3)) if later else []
    back = draw(st.lists(st.sampled_from(keys[: at + 1]), max_size=1)) if loops else []
    ways = [*ways, *back] if draw(st.booleans()) else [*back, *ways]
    conditions = st.sampled_from([None, None, "yes", "no"])
    return a_step(
        keys[at],
        action=draw(st.sampled_from(["core.echo", "core.echo", "core.delay"])) if timers else "core.echo",
        edges=tuple(Edge(to=to, when=draw(st.sampled_from(When)), if_=draw(conditions)) for to in ways),
        route=draw(st.sampled_from(Route)),
        join=draw(st.sampled_from([*Join, 1, 2])),
        max_visits=draw(st.sampled_from([1, 2, 3])),
        retry=Retry(
            max_attempts=draw(st.integers(1, 3)),
            delay=draw(st.sampled_from([0, 7])),
            backoff=draw(st.sampled_from(Backoff)),
            retry_on=draw(st.sampled_from([(Failure.TIMEOUT, Failure.FAILED, Failure.LOST), (Failure.FAILED,)])),
        ),
        timeout_seconds=draw(st.sampled_from([None, 20, 60])) if timers else None,
        heartbeat_seconds=draw(st.sampled_from([None, 25])) if timers else None,
        on_failure=draw(st.sampled_from(["fail", CONTINUE, CONTINUE, ROLLBACK, ROLLBACK, *later])),
        rollback=draw(st.sampled_from([None, "undo", "wipe"])),
    )


NAMES = {"yes": True, "no": False}


def a_world(workflow: Workflow) -> World:
    """A world for a random workflow, settled."""
    world = World(workflow)
    world.names.update(NAMES)
    world.settle()
    return world


def ended(world: World) -> bool:
    return world.execution.status not in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)


def satisfiable(workflow: Workflow) -> Workflow:
    """The same workflow, in which no step waits for more branches than lead to it: that could not be published."""
    incoming = workflow.graph.incoming

    def step(each: Step) -> Step:
        most = max(1, len(incoming.get(each.key, ())))
        return replace(each, join=min(each.join, most)) if isinstance(each.join, int) else each

    return replace(workflow, steps=tuple(step(each) for each in workflow.steps))
