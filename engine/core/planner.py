"""What should happen next to an execution.

`plan` looks at the workflow, the execution and the clock, never at what has just happened. So planning again after a
crash gives the same commands, and planning a settled execution gives none: whoever carries commands out plans until
there are none. Only one kind of command is given at a time, in the order in which the parts of `plan` stand.

Edges: a step is ready when its incoming branches have arrived (`join: all` waits for those that still can, `any`
for the first). A branch that can no longer arrive does not block: a step to which no branch can arrive is skipped, and
so on behind it (dead-path elimination).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.executions import (
    FAILURES,
    Attempt,
    AttemptStatus,
    Execution,
    ExecutionStatus,
)
from engine.core.workflows import Join, Step, Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Make the next attempt of a step: now, or at `due` when it is a retry that has to wait."""

    step: Step
    number: int
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Start an attempt whose delay has passed."""

    attempt: Attempt
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Note that a step does not run."""

    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """End an attempt that took too long."""

    attempt: Attempt
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Decide where the outcome of a step leads: move the node if the step says so, and choose among its edges."""

    attempt: Attempt
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """End an attempt that is no longer wanted."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Let the execution fail: it took too long."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """End the execution."""

    status: ExecutionStatus


Command = Begin | Launch | Skip | Expire | Settle | Withdraw | Fail | Finish


def plan(workflow: Workflow, execution: Execution, now: datetime) -> tuple[Command, ...]:
    """The commands that are due, of one kind; none when the execution has to wait or has ended."""
    if execution.status is not ExecutionStatus.RUNNING:
        return ()
    if execution.failing:
        return _give_up(execution)
    if execution.deadline_at is not None and now >= execution.deadline_at:
        return (Fail(error="the execution took longer than its timeout"),)
    for part in (_expired, _unsettled, _retries, _launches, _steps):
        commands = tuple(part(workflow, execution, now))
        if commands:
            return commands
    if any(attempt.is_open for attempt in execution.attempts):
        return ()
    return (Finish(status=ExecutionStatus.SUCCEEDED),)


def _give_up(execution: Execution) -> tuple[Command, ...]:
    still_open = tuple(Withdraw(attempt=attempt) for attempt in execution.attempts if attempt.is_open)
    return still_open or (Finish(status=ExecutionStatus.FAILED),)


def _expired(workflow: Workflow, execution: Execution, now: datetime) -> Iterator[Command]:
    for attempt in execution.attempts:
        if attempt.status is AttemptStatus.RUNNING:
            silent_at = silence(workflow.by_key[attempt.step_key], attempt)
            if attempt.deadline_at is not None and now >= attempt.deadline_at:
                yield Expire(attempt=attempt, error="took longer than its timeout")
            elif silent_at is not None and now >= silent_at:
                yield Expire(attempt=attempt, error="nothing was heard for longer than its heartbeat")


def silence(step: Step, attempt: Attempt) -> datetime | None:
    """When an attempt that is not heard of again counts as lost. The clock starts with the first sign of life."""
    if step.heartbeat_seconds is None or attempt.heard_at is None:
        return None
    return attempt.heard_at + timedelta(seconds=step.heartbeat_seconds)


def _is_final(step: Step, attempt: Attempt) -> bool:
    if attempt.status in FAILURES:
        return attempt.attempt >= step.retry.max_attempts
    return attempt.status is AttemptStatus.SUCCEEDED


def _latest(workflow: Workflow, execution: Execution) -> Iterator[tuple[Step, Attempt]]:
    newest = {attempt.step_key: attempt for attempt in execution.attempts}
    for key, attempt in newest.items():
        yield workflow.by_key[key], attempt


def _unsettled(workflow: Workflow, execution: Execution, _now: datetime) -> Iterator[Command]:
    for step, attempt in _latest(workflow, execution):
        if attempt.routes is None and _is_final(step, attempt):
            yield Settle(attempt=attempt, step=step)


def _retries(workflow: Workflow, execution: Execution, now: datetime) -> Iterator[Command]:
    for step, attempt in _latest(workflow, execution):
        if attempt.status in FAILURES and not _is_final(step, attempt):
            due = (attempt.completed_at or now) + step.retry.wait(attempt.attempt)
            yield Begin(step=step, number=attempt.attempt + 1, due=due if due > now else None)


def _launches(workflow: Workflow, execution: Execution, now: datetime) -> Iterator[Command]:
    for step, attempt in _latest(workflow, execution):
        if attempt.status is AttemptStatus.RETRYING and (attempt.due_at is None or attempt.due_at <= now):
            yield Launch(attempt=attempt, step=step)


def _steps(workflow: Workflow, execution: Execution, _now: datetime) -> Iterator[Command]:
    newest = {attempt.step_key: attempt for attempt in execution.attempts}
    for at, step in enumerate(workflow.reachable):
        if step.key in newest:
            continue
        arrivals = [_arrived(newest.get(source), step.key) for source in workflow.incoming[step.key]]
        if at == 0 or _ready(step, arrivals):
            yield Begin(step=step, number=1)
        elif all(arrived is False for arrived in arrivals):
            yield Skip(step=step)


def _arrived(source: Attempt | None, key: str) -> bool | None:
    """Whether a branch arrived from a step: None while it still can."""
    if source is None or source.routes is None:
        return None
    return key in source.routes


def _ready(step: Step, arrivals: list[bool | None]) -> bool:
    if step.join is Join.ANY:
        return True in arrivals
    return None not in arrivals and True in arrivals


def next_due(workflow: Workflow, execution: Execution) -> datetime | None:
    """When an execution has to be planned again although nothing happens; None if only a report can move it."""
    if execution.status is not ExecutionStatus.RUNNING:
        return None
    moments = [execution.deadline_at]
    for attempt in execution.attempts:
        if attempt.status is AttemptStatus.RETRYING:
            moments.append(attempt.due_at)
        elif attempt.status is AttemptStatus.RUNNING:
            moments += [attempt.deadline_at, silence(workflow.by_key[attempt.step_key], attempt)]
    return min((moment for moment in moments if moment is not None), default=None)


def progress(workflow: Workflow, execution: Execution) -> int:
    """How far an execution is, in whole percent of its steps; 100 only when it has ended well."""
    if execution.status is ExecutionStatus.SUCCEEDED:
        return 100
    steps = workflow.reachable
    done = 0.0
    for step, attempt in _latest(workflow, execution):
        if attempt.routes is not None or _is_final(step, attempt):
            done += 1
        elif attempt.progress_percent:
            done += attempt.progress_percent / 100
    return min(99, int(100 * done / len(steps))) if steps else 0
