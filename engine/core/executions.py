"""What an execution is, and how facts change it.

An execution is one run of one workflow version, with its attempts. It changes only by `evolve`: a fact comes in, a new
execution comes out. What should happen next is not decided here but by `planner.plan`, from the state alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, TypeVar


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
    """Who performs an attempt: an engine, a remote agent, the node itself, a person who decides, the clock, or another
    execution. Only an engine's attempts are work of a process; the others wait and cost nothing meanwhile.
    """

    ENGINE = "engine"
    AGENT = "agent"
    NODE = "node"
    PERSON = "person"
    TIMER = "timer"
    WORKFLOW = "workflow"


class Failure(StrEnum):
    """Why an attempt failed: it said so, it took too long, nothing was heard of it, or a person said no."""

    FAILED = "failed"
    TIMEOUT = "timeout"
    LOST = "lost"
    REJECTED = "rejected"


ENDED = frozenset({ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED})
LIVE = frozenset(ExecutionStatus) - ENDED
OPEN = frozenset({AttemptStatus.RUNNING, AttemptStatus.RETRYING})
FAILURES = frozenset({AttemptStatus.FAILED, AttemptStatus.TIMED_OUT})


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try of one step.

    `config` is the step's `with` with its expressions filled in; `${…}` in it is resolved only when it is used, so that
    no secret is stored. `taken_by` is who performs it (the engine's owner name, or the boot id of the node's agent) and
    `heard_at` when something was last heard of it. `routes` are the steps its outcome leads to, None until decided.

    `attempt` counts all tries of the step in the execution, from 1. A step that is run again, by a loop or by a person,
    begins another `visit`; `tries` counts the tries that use up the step's retries, from 1. `entry` marks the attempt
    that began such a round: what the workflow leads to from there runs anew. `undoes` is the id of the attempt that a
    rollback undoes with it. `ends_at` is when a timer's attempt succeeds.
    """

    HIDDEN: ClassVar = frozenset({"routes", "created_at", "entry"})
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
    visit: int = 1
    tries: int = 1
    entry: bool = False
    undoes: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    error: str | None = None
    message: str | None = None
    exit_code: int | None = None
    progress_percent: int | None = None
    created_at: datetime
    due_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deadline_at: datetime | None = None
    ends_at: datetime | None = None
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


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run of one workflow version, usually for one node. Attempts stand in the order of their creation.

    While it is `pending`, `waits_for` says what it waits for. `parent_attempt_id` is the attempt of the parent that
    waits for it, None for one that nobody waits for; `depth` is how many executions stand above it.
    """

    HIDDEN: ClassVar = frozenset({"attempts", "version_id", "failing", "rolling_back"})
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
    parent_attempt_id: str | None = None
    depth: int = 0
    concurrency_key: str | None = None
    waits_for: str | None = None
    progress_percent: int = 0
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    failing: bool = False
    rolling_back: bool = False
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deadline_at: datetime | None = None
    paused_at: datetime | None = None
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
        for attempt in reversed(self.attempts):  # who is asked for is mostly among the newest
            if attempt.id == attempt_id:
                return attempt
        raise LookupError(f"execution {self.id} has no attempt {attempt_id}")


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
    | AttemptReleased
    | AttemptHeard
    | AttemptFinished
    | AttemptSettled
)


_OF_AN_ATTEMPT = (
    AttemptStarted,
    AttemptTaken,
    AttemptClaimed,
    AttemptReleased,
    AttemptHeard,
    AttemptFinished,
    AttemptSettled,
)

T = TypeVar("T", Attempt, Execution)


def changed(value: T, **changes: Any) -> T:
    """A copy of an attempt or execution with some fields changed: as `dataclasses.replace`, ten times as fast, because
    it does not ask about each of their thirty fields; the engine makes some forty such copies a workflow.
    """
    copied = object.__new__(type(value))
    object.__setattr__(copied, "__dict__", value.__dict__ | changes)
    return copied


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
