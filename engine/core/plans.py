"""What a dry run gives: every step that would run, with all that it would run with, and everything that is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from engine.core.executions import ExecutionStatus, Performer
from engine.core.filling import Parameter
from engine.core.nodes import NodeState
from engine.core.workflows import Join, Retry, Route, When
from engine.errors import Problem


class Lack(StrEnum):
    """What kind of thing is missing."""

    WORKFLOW = "workflow"
    NODE = "node"
    STATE = "state"
    INPUT = "input"
    ACTION = "action"
    PARAMETER = "parameter"
    TEMPLATE = "template"
    CONDITION = "condition"
    FILE = "file"
    FIRMWARE = "firmware"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that has to be put right before the workflow can run so, and where.

    `path` is the input, or the parameter of the step; `file`, `line` and `column` are in the workflow's or template's
    text.
    """

    kind: Lack
    message: str
    step_key: str | None = None
    path: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTemplate:
    """A template that a step uses, rendered; `version` is None and `content` empty if there is none of this name."""

    reference: str
    name: str
    type: str = ""
    version: str | None = None
    content: str = ""
    unknown: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def lines(self) -> int:
        """How many lines the rendered text has."""
        return len(self.content.splitlines())

    SHOWN: ClassVar = ("lines",)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEdge:
    """A way on from a step, as it would be judged.

    `value` is that of the condition, None where there is none (`if_` is None) or it is not known before (`unknown` says
    what would have to be) or has no value (`error`). `fits` says whether the step ends as `when` wants it.
    """

    to: str
    when: When
    if_: str | None
    fits: bool
    value: bool | None
    taken: bool
    unknown: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMove:
    """A move of the node: the states it goes through from the one it is in then, or why it cannot."""

    states: tuple[NodeState, ...]
    goal: NodeState
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One try of a step that would run, in the order of beginning. Durations are in seconds.

    Steps with the same `number` begin at the same moment, `at` after the start (as far as waiting is known: work takes
    no time here). `ends` is the word of its outcome, `assumed` whether that was asked for, `retried` whether another
    try follows. `depends_on` names what has to be known to say whether it runs at all; empty if it does.
    """

    number: int
    key: str
    name: str
    action: str
    performer: Performer
    attempt: int
    visit: int
    at: float
    after: tuple[str, ...]
    beside: tuple[str, ...]
    join: Join | int
    undoes: str | None
    depends_on: tuple[str, ...]
    timeout_seconds: float | None
    heartbeat_seconds: float | None
    retry: Retry
    on_failure: str
    rollback: str | None
    parameters: tuple[Parameter, ...]
    templates: tuple[PlannedTemplate, ...]
    ends: str
    assumed: bool
    retried: bool
    error: str | None
    output: Mapping[str, Any]
    moves: tuple[PlannedMove, ...]
    route: Route
    edges: tuple[PlannedEdge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRun:
    """A step that would not run, and why."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A dry run of a workflow for one node (or none): nothing was started, nothing was written.

    `status`, `error`, `output` and `final_state` are how it would end; `stuck` is why it would not. `waits_for` is what
    it would wait for if it were started now.
    """

    SHOWN: ClassVar = ("complete",)

    workflow: str
    version: str
    workflow_status: str
    node: str | None = None
    node_id: str | None = None
    node_state: NodeState | None = None
    group: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None
    max_parallel: int | None = None
    concurrency: Mapping[str, Any] | None = None
    waits_for: str | None = None
    on_start: PlannedMove | None = None
    steps: tuple[PlannedStep, ...] = ()
    not_run: tuple[NotRun, ...] = ()
    status: ExecutionStatus = ExecutionStatus.SUCCEEDED
    error: str | None = None
    stuck: str | None = None
    output: Mapping[str, Any] = field(default_factory=dict)
    final_state: NodeState | None = None
    files: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    @property
    def running(self) -> int:
        """How many of the workflow's steps would run, each counted once."""
        return len({step.key for step in self.steps})
