"""What the planner may ask for. Whoever carries a command out applies the facts it stands for."""

from dataclasses import dataclass
from datetime import datetime

from engine.core.executions import Attempt, AttemptStatus, ExecutionStatus, Failure, Performer
from engine.core.workflows import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Make the next attempt of a step: now, or at `due` when it is a retry that has to wait.

    `number`, `visit`, `tries`, `entry` and `undoes` are what the attempt is to have (see `Attempt`); `after` is the
    failed attempt it retries.
    """

    step: Step
    number: int
    visit: int = 1
    tries: int = 1
    entry: bool = False
    undoes: str | None = None
    after: Attempt | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Start an attempt whose delay has passed."""

    attempt: Attempt
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Note that a step does not run: an attempt with this number and visit that is skipped."""

    step: Step
    number: int = 1
    visit: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """End an attempt that took too long, or of which nothing was heard for too long."""

    attempt: Attempt
    error: str
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """Let a timer's attempt succeed: its time has come."""

    attempt: Attempt


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
    """Let the execution fail: it took too long, or a loop did not end."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """End the execution. `error` is said in place of the one the execution has."""

    status: ExecutionStatus
    error: str | None = None


Command = Begin | Launch | Skip | Expire | Complete | Settle | Withdraw | Fail | Finish


def again(step: Step, failed: Attempt, number: int, now: datetime) -> Begin:
    """Try a step once more after an attempt that failed: now, or when its delay has passed."""
    due = (failed.completed_at or now) + step.retry.wait(failed.tries, seed=failed.id)
    return Begin(
        step=step,
        number=number,
        visit=failed.visit,
        tries=failed.tries + 1,
        undoes=failed.undoes,
        after=failed,
        due=due if due > now else None,
    )


def blank(
    step: Step,
    attempt_id: str,
    execution_id: str,
    number: int,
    visit: int,
    status: AttemptStatus,
    performer: Performer,
    at: datetime,
) -> Attempt:
    """A new attempt of a step, with nothing filled in yet."""
    return Attempt(
        id=attempt_id,
        execution_id=execution_id,
        step_id=step.id,
        step_key=step.key,
        step_name=step.name,
        action=step.action,
        attempt=number,
        visit=visit,
        status=status,
        performer=performer,
        created_at=at,
    )
