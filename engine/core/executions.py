"""What an execution is, and how facts change it.

An execution is one run of one workflow version, with its attempts. It changes only by `evolve`: a fact comes in, a new
execution comes out. What should happen next is not decided here but by `planner.plan`, from the state alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar


class ExecutionStatus(StrEnum):
    """Where an execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptStatus(StrEnum):
    """Where an attempt stands. `retrying` is an attempt that waits for its delay to pass before it starts."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRYING = "retrying"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Performer(StrEnum):
    """Who performs an attempt: this engine, a remote agent, or the node itself."""

    ENGINE = "engine"
    AGENT = "agent"
    NODE = "node"


ENDED = frozenset({ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED})
LIVE = frozenset(ExecutionStatus) - ENDED
OPEN = frozenset({AttemptStatus.RUNNING, AttemptStatus.RETRYING})
FAILURES = frozenset({AttemptStatus.FAILED, AttemptStatus.TIMED_OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of one step.

    `config` is the step's `with` with its expressions filled in; `${…}` in it is resolved only when it is used, so that
    no secret is stored. `taken_by` is who performs it (the engine's owner name, or the boot id of the node's agent) and
    `heard_at` when something was last heard of it. `routes` are the steps its outcome leads to, None until decided.
    """

    HIDDEN: ClassVar = frozenset({"routes", "created_at"})
    SHOWN: ClassVar = ("idempotency_key",)

    id: str
    execution_id: str
    step_id: str
    step_key: str
    step_name: str
    action: str
    attempt: int
    status: AttemptStatus
    performer: Performer
    config: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    message: str | None = None
    exit_code: int | None = None
    progress_percent: int | None = None
    created_at: datetime
    due_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deadline_at: datetime | None = None
    heard_at: datetime | None = None
    taken_by: str | None = None
    routes: tuple[str, ...] | None = None

    @property
    def idempotency_key(self) -> str:
        """What every request made for this attempt carries, so that the other side can tell a repeat."""
        return self.id

    @property
    def is_open(self) -> bool:
        """Whether it still runs or waits to."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of one workflow version, usually for one node. Attempts stand in the order of their creation."""

    HIDDEN: ClassVar = frozenset({"attempts", "version_id", "failing"})
    SHOWN: ClassVar = ("current_steps",)

    id: str
    workflow_id: str
    workflow_name: str
    workflow_version: str
    version_id: str
    node_id: str | None = None
    status: ExecutionStatus = ExecutionStatus.PENDING
    params: Mapping[str, Any] = field(default_factory=dict)
    trigger: str = "manual"
    principal: str = "system"
    request_id: str | None = None
    parent_id: str | None = None
    progress_percent: int = 0
    error: str | None = None
    failing: bool = False
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deadline_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ENDED

    @property
    def current_steps(self) -> tuple[str, ...]:
        """The keys of the steps that run or wait to."""
        return tuple(dict.fromkeys(attempt.step_key for attempt in self.attempts if attempt.is_open))

    def latest(self, step_key: str) -> Attempt | None:
        """The newest attempt of a step."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.step_key == step_key), None)

    def find(self, attempt_id: str) -> Attempt:
        """The attempt with this id."""
        return next(attempt for attempt in self.attempts if attempt.id == attempt_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStarted:
    """It began to run."""

    at: datetime
    deadline_at: datetime | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAdded:
    """An attempt was made: running, waiting for its retry delay, or skipped."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """An attempt that waited for its delay began to run."""

    attempt_id: str
    at: datetime
    deadline_at: datetime | None
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTaken:
    """Somebody began to perform an attempt."""

    attempt_id: str
    by: str
    at: datetime


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
    ExecutionStarted
    | ExecutionFailing
    | ExecutionFinished
    | AttemptAdded
    | AttemptStarted
    | AttemptTaken
    | AttemptHeard
    | AttemptFinished
    | AttemptSettled
)


def evolve(execution: Execution, fact: Fact) -> Execution:
    """The execution after a fact."""
    match fact:
        case ExecutionStarted():
            return replace(execution, status=ExecutionStatus.RUNNING, started_at=fact.at, deadline_at=fact.deadline_at)
        case ExecutionFailing():
            return replace(execution, failing=True, error=execution.error or fact.error)
        case ExecutionFinished():
            return replace(execution, status=fact.status, completed_at=fact.at, error=fact.error or execution.error)
        case AttemptAdded():
            return replace(execution, attempts=(*execution.attempts, fact.attempt))
        case _:
            changed = _changed(execution.find(fact.attempt_id), fact)
            attempts = tuple(changed if each.id == changed.id else each for each in execution.attempts)
            return replace(execution, attempts=attempts)


def _changed(
    attempt: Attempt, fact: AttemptStarted | AttemptTaken | AttemptHeard | AttemptFinished | AttemptSettled
) -> Attempt:
    match fact:
        case AttemptStarted():
            return replace(
                attempt,
                status=AttemptStatus.RUNNING,
                started_at=fact.at,
                deadline_at=fact.deadline_at,
                config=fact.config,
            )
        case AttemptTaken():
            return replace(attempt, taken_by=fact.by, heard_at=fact.at)
        case AttemptHeard():
            progress = attempt.progress_percent if fact.progress_percent is None else fact.progress_percent
            return replace(
                attempt, heard_at=fact.at, progress_percent=progress, message=fact.message or attempt.message
            )
        case AttemptFinished():
            return _finished(attempt, fact)
        case AttemptSettled():
            return replace(attempt, routes=fact.routes)


def _finished(attempt: Attempt, fact: AttemptFinished) -> Attempt:
    done = 100 if fact.status is AttemptStatus.SUCCEEDED else attempt.progress_percent
    return replace(
        attempt,
        status=fact.status,
        completed_at=fact.at,
        due_at=None,
        output=fact.output,
        error=fact.error,
        message=fact.message or attempt.message,
        exit_code=fact.exit_code,
        progress_percent=done,
    )
