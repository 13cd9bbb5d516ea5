"""Which event a fact about an execution is, and what the log says of it."""

from typing import Any

from engine.core.events import Kind
from engine.core.executions import Attempt, AttemptStatus, Execution
from engine.core.facts import (
    AttemptAdded,
    AttemptFinished,
    AttemptHeard,
    AttemptStarted,
    AttemptTaken,
    ExecutionFinished,
    ExecutionPaused,
    ExecutionQueued,
    ExecutionReopened,
    ExecutionResumed,
    ExecutionStarted,
    Fact,
    RollbackBegun,
)

Described = tuple[Kind, str | None, dict[str, Any]]

_KINDS = {
    AttemptStarted: Kind.ATTEMPT_STARTED,
    AttemptTaken: Kind.ATTEMPT_TAKEN,
    AttemptFinished: Kind.ATTEMPT_FINISHED,
}
_ADDED = {AttemptStatus.RUNNING: Kind.ATTEMPT_STARTED, AttemptStatus.RETRYING: Kind.ATTEMPT_SCHEDULED}
_SHOWN = (
    "performer",
    "undoes",
    "failure",
    "error",
    "message",
    "exit_code",
    "progress_percent",
    "due_at",
    "ends_at",
    "taken_by",
)


def described(fact: Fact, before: Execution, after: Execution) -> Described | None:
    """The event of a fact: kind, step and data; None for facts that only the planner needs."""
    match fact:
        case AttemptAdded():
            return _ADDED.get(fact.attempt.status, Kind.ATTEMPT_FINISHED), fact.attempt.step_key, about(fact.attempt)
        case AttemptStarted() | AttemptTaken() | AttemptFinished():
            attempt = after.find(fact.attempt_id)
            return _KINDS[type(fact)], attempt.step_key, about(attempt)
        case AttemptHeard():
            return _described_progress(before.find(fact.attempt_id), after.find(fact.attempt_id))
        case _:
            return _described_execution(fact, after)


def _described_execution(fact: Fact, after: Execution) -> Described | None:
    whose: dict[str, Any] = {"workflow": after.workflow_name}
    match fact:
        case ExecutionStarted():
            return Kind.EXECUTION_STARTED, None, whose | {"version": after.workflow_version, "trigger": after.trigger}
        case ExecutionFinished():
            return Kind.EXECUTION_FINISHED, None, whose | {"status": after.status, "error": after.error}
        case ExecutionQueued():
            return Kind.EXECUTION_QUEUED, None, whose | {"waits_for": fact.waits_for}
        case ExecutionPaused():
            return Kind.EXECUTION_PAUSED, None, whose | ({"reason": fact.reason} if fact.reason else {})
        case ExecutionResumed():
            return Kind.EXECUTION_RESUMED, None, whose
        case ExecutionReopened():
            return Kind.EXECUTION_REOPENED, None, whose | {"reason": fact.reason}
        case RollbackBegun():
            return Kind.EXECUTION_ROLLING_BACK, None, whose | {"error": fact.error}
        case _:
            return None


def _described_progress(before: Attempt, after: Attempt) -> Described | None:
    if (before.progress_percent, before.message) == (after.progress_percent, after.message):
        return None
    return Kind.ATTEMPT_PROGRESSED, after.step_key, about(after)


def about(attempt: Attempt) -> dict[str, Any]:
    """What an event says of an attempt."""
    data: dict[str, Any] = {
        "attempt_id": attempt.id,
        "step": attempt.step_name,
        "action": attempt.action,
        "attempt": attempt.attempt,
        "status": attempt.status,
    }
    if attempt.visit > 1:
        data["visit"] = attempt.visit
    for name in _SHOWN:
        value = getattr(attempt, name)
        if value is not None:
            data[name] = value
    return data
