"""What happens to an execution, as facts, and how each changes it: a fact comes in, a new execution comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.core.changing import changed
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Failure, Performer


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionQueued:
    """It has to wait for its turn, or waits now for something else."""

    waits_for: str
    concurrency_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStarted:
    """It began to run."""

    at: datetime
    deadline_at: datetime | None
    concurrency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPaused:
    """A person wants no new attempts for now; those that run go on to their end."""

    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResumed:
    """It goes on; the pause does not count towards its timeout."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionReopened:
    """A person lets it go on after its end, with what succeeded kept."""

    at: datetime
    deadline_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackBegun:
    """It cannot succeed any more; what runs is let come to its end, then what was done is undone."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFailing:
    """It cannot succeed any more; what still runs is being withdrawn."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFinished:
    """It ended."""

    at: datetime
    status: ExecutionStatus
    error: str | None = None
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAdded:
    """An attempt was made: running, waiting for its retry delay, skipped, or failed before it could run."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """An attempt that waited for its delay began to run."""

    attempt_id: str
    at: datetime
    deadline_at: datetime | None
    config: Mapping[str, Any]
    ends_at: datetime | None = None
    taken_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTaken:
    """Somebody began to perform an attempt."""

    attempt_id: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptClaimed:
    """A host took over an attempt that no living host performed."""

    attempt_id: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptHandedOver:
    """Somebody else than a host performs an attempt from now on: a remote agent that took it."""

    attempt_id: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReleased:
    """A host gave an attempt back that it does not perform."""

    attempt_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptHeard:
    """A sign of life of an attempt, with progress where there is any."""

    attempt_id: str
    at: datetime
    progress_percent: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFinished:
    """An attempt ended."""

    attempt_id: str
    at: datetime
    status: AttemptStatus
    failure: Failure | None = None
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    message: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSettled:
    """It was decided where an attempt's outcome leads: to these steps."""

    attempt_id: str
    routes: tuple[str, ...]


Fact = (
    ExecutionQueued
    | ExecutionStarted
    | ExecutionPaused
    | ExecutionResumed
    | ExecutionReopened
    | RollbackBegun
    | ExecutionFailing
    | ExecutionFinished
    | AttemptAdded
    | AttemptStarted
    | AttemptTaken
    | AttemptClaimed
    | AttemptHandedOver
    | AttemptReleased
    | AttemptHeard
    | AttemptFinished
    | AttemptSettled
)


_OF_AN_ATTEMPT = (
    AttemptStarted,
    AttemptTaken,
    AttemptClaimed,
    AttemptHandedOver,
    AttemptReleased,
    AttemptHeard,
    AttemptFinished,
    AttemptSettled,
)


def evolve(execution: Execution, fact: Fact) -> Execution:
    """The execution after a fact."""
    if isinstance(fact, _OF_AN_ATTEMPT):
        return changed(
            execution, attempts=_replaced(execution.attempts, _changed(execution.find(fact.attempt_id), fact))
        )
    if isinstance(fact, AttemptAdded):
        return changed(execution, attempts=(*execution.attempts, fact.attempt))
    return _evolved(execution, fact)


def _evolved(
    execution: Execution,
    fact: ExecutionQueued
    | ExecutionStarted
    | ExecutionPaused
    | ExecutionResumed
    | ExecutionReopened
    | RollbackBegun
    | ExecutionFailing
    | ExecutionFinished,
) -> Execution:
    match fact:
        case ExecutionQueued():
            return changed(execution, waits_for=fact.waits_for, concurrency_key=fact.concurrency_key)
        case ExecutionStarted():
            return changed(
                execution,
                status=ExecutionStatus.RUNNING,
                started_at=fact.at,
                deadline_at=fact.deadline_at,
                concurrency_key=fact.concurrency_key,
                waits_for=None,
            )
        case ExecutionPaused():
            return changed(execution, status=ExecutionStatus.PAUSED, paused_at=fact.at)
        case ExecutionResumed():
            return _resumed(execution, fact.at)
        case ExecutionReopened():
            return changed(
                execution,
                status=ExecutionStatus.RUNNING,
                deadline_at=fact.deadline_at,
                completed_at=None,
                paused_at=None,
                error=None,
                failing=False,
            )
        case RollbackBegun():
            return changed(execution, rolling_back=True, error=execution.error or fact.error)
        case ExecutionFailing():
            return changed(execution, failing=True, error=execution.error or fact.error)
        case ExecutionFinished():
            return changed(
                execution,
                status=fact.status,
                completed_at=fact.at,
                error=fact.error or execution.error,
                output=fact.output,
                waits_for=None,
                paused_at=None,
            )


def _replaced(attempts: tuple[Attempt, ...], after: Attempt) -> tuple[Attempt, ...]:
    at = next(at for at in range(len(attempts) - 1, -1, -1) if attempts[at].id == after.id)
    return (*attempts[:at], after, *attempts[at + 1 :])


def _resumed(execution: Execution, at: datetime) -> Execution:
    deadline = execution.deadline_at
    if deadline is not None and execution.paused_at is not None:
        deadline += max(at - execution.paused_at, timedelta())
    return changed(execution, status=ExecutionStatus.RUNNING, paused_at=None, deadline_at=deadline)


def _changed(
    attempt: Attempt,
    fact: AttemptStarted
    | AttemptTaken
    | AttemptClaimed
    | AttemptHandedOver
    | AttemptReleased
    | AttemptHeard
    | AttemptFinished
    | AttemptSettled,
) -> Attempt:
    match fact:
        case AttemptFinished():
            return _finished(attempt, fact)
        case AttemptSettled():
            return changed(attempt, routes=fact.routes)
        case AttemptStarted():
            return changed(
                attempt,
                status=AttemptStatus.RUNNING,
                started_at=fact.at,
                due_at=None,
                deadline_at=fact.deadline_at,
                ends_at=fact.ends_at,
                taken_by=fact.taken_by,
                config=fact.config,
            )
        case AttemptReleased():
            return changed(attempt, taken_by=None)
        case AttemptHandedOver():
            return changed(attempt, performer=Performer.AGENT, taken_by=fact.by, heard_at=fact.at)
        case AttemptTaken() | AttemptClaimed():
            return changed(attempt, taken_by=fact.by, heard_at=fact.at)
        case AttemptHeard():
            progress = attempt.progress_percent if fact.progress_percent is None else fact.progress_percent
            return changed(
                attempt, heard_at=fact.at, progress_percent=progress, message=fact.message or attempt.message
            )


def _finished(attempt: Attempt, fact: AttemptFinished) -> Attempt:
    done = 100 if fact.status is AttemptStatus.SUCCEEDED else attempt.progress_percent
    return changed(
        attempt,
        status=fact.status,
        completed_at=fact.at,
        due_at=None,
        failure=fact.failure,
        output=fact.output,
        error=fact.error,
        message=fact.message or attempt.message,
        exit_code=fact.exit_code,
        progress_percent=done,
    )
