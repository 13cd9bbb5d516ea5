"""What an execution is: one run of one workflow version, with its attempts.

It changes only by facts (`facts.evolve`). What should happen next is not decided here but by `planner.plan`, from the
state alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
