"""What a workflow is: steps and the edges between them, as values inside one version of a document.

How the file is written is the business of `workflow_file`; what may be wrong with the whole of it, of `workflow_check`.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from engine.core.documents import DocumentStatus
from engine.core.executions import Failure
from engine.core.graph import Graph
from engine.core.nodes import NodeState

# What `on_failure` may say beside the key of a step.
FAIL = "fail"
CONTINUE = "continue"
ROLLBACK = "rollback"


class When(StrEnum):
    """After which outcome of a step an edge is taken."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"


class Backoff(StrEnum):
    """How the delay before a retry grows."""

    CONSTANT = "constant"
    EXPONENTIAL = "exponential"


class Route(StrEnum):
    """Whether all edges that hold are taken, or only the first."""

    ALL = "all"
    FIRST = "first"


class Join(StrEnum):
    """How many incoming branches must arrive before a step starts."""

    ALL = "all"
    ANY = "any"


RETRIED = (Failure.TIMEOUT, Failure.FAILED, Failure.LOST)
MAX_VISITS = 100
"""How often a step may be entered anew by a loop, where the workflow does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a step is tried, the first try included, and how long between. Delays are in seconds.

    `jitter` is the part of the delay that is left to chance, 0 to 1: with 0.5, between half of it and all of it.
    `retry_on` are the failures that are tried again. Without `rerender` the parameters of the first try are kept.
    """

    max_attempts: int = 1
    delay: float = 0.0
    backoff: Backoff = Backoff.CONSTANT
    max_delay: float | None = None
    jitter: float = 0.0
    retry_on: tuple[Failure, ...] = RETRIED
    rerender: bool = True

    def wait(self, failed: int, seed: str = "") -> timedelta:
        """How long to wait after the `failed`-th failed try (counted from 1). The same `seed`, which is the failed
        attempt's id, always gives the same wait, so that planning again changes nothing.
        """
        seconds = self.delay * (2 ** min(failed - 1, 30) if self.backoff is Backoff.EXPONENTIAL else 1)
        if self.max_delay is not None:
            seconds = min(seconds, self.max_delay)
        chance = zlib.crc32(seed.encode()) / 0xFFFF_FFFF
        return timedelta(seconds=seconds * (1 - self.jitter * chance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A way from one step to another: after which outcome, and under which condition."""

    to: str
    when: When = When.SUCCESS
    if_: str | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One vertex of a workflow. `edges` are complete: without any in the file, success leads to the step below."""

    HIDDEN: ClassVar = frozenset({"sequential"})

    id: str
    key: str
    sequence: int
    name: str
    action: str
    with_: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None
    heartbeat_seconds: float | None = None
    retry: Retry = Retry()
    on_failure: str = FAIL
    rollback: str | None = None
    next_state: NodeState | None = None
    edges: tuple[Edge, ...] = ()
    route: Route = Route.ALL
    join: Join | int = Join.ALL
    max_visits: int | None = None
    dead_letter: bool = False
    sequential: bool = True

    @cached_property
    def has_expressions(self) -> bool:
        """Whether there is anything to fill in in its parameters before it runs."""
        return _holds(self.with_, ("{{", "{%", "{#"))

    @cached_property
    def is_plain(self) -> bool:
        """Whether its parameters are always the same: nothing in them is filled in, neither before nor when it runs."""
        return not self.has_expressions and not _holds(self.with_, ("${",))

    @cached_property
    def has_conditions(self) -> bool:
        """Whether it depends on values where its outcome leads."""
        return any(edge.if_ is not None for edge in self.edges)

    @cached_property
    def ways(self) -> tuple[Edge, ...]:
        """Its edges, and the one that `on_failure: <step key>` stands for."""
        if self.on_failure in (FAIL, CONTINUE, ROLLBACK):
            return self.edges
        return (*self.edges, Edge(to=self.on_failure, when=When.FAILURE))


def _holds(tree: Any, marks: tuple[str, ...]) -> bool:
    if isinstance(tree, str):
        return any(mark in tree for mark in marks)
    if isinstance(tree, Mapping):
        return any(_holds(value, marks) for value in tree.values())
    return isinstance(tree, list | tuple) and any(_holds(value, marks) for value in tree)


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One version of a workflow, ready to be planned. Durations are in seconds."""

    name: str
    description: str = ""
    os_family: str = "linux"
    architecture: str = "any"
    boot_mode: str = "any"
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    concurrency: Mapping[str, Any] | None = None
    max_parallel: int | None = None
    output: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float | None = None
    state_on_start: NodeState | None = None
    steps: tuple[Step, ...] = ()

    @cached_property
    def by_key(self) -> Mapping[str, Step]:
        """The steps by key."""
        return {step.key: step for step in self.steps}

    @cached_property
    def graph(self) -> Graph:
        """Its shape, as far as edges lead from the first step; an edge to a step that is not there is left aside."""
        ways = {
            step.key: tuple(dict.fromkeys(edge.to for edge in step.ways if edge.to in self.by_key))
            for step in self.steps
        }
        return Graph(self.steps[0].key if self.steps else None, ways)

    @cached_property
    def reachable(self) -> tuple[Step, ...]:
        """The steps that edges lead to from the first one, each after all that lead to it but by a loop."""
        return tuple(self.by_key[key] for key in self.graph.order)

    @property
    def installs(self) -> bool:
        """Whether it is meant to bring a node to `installing` or beyond."""
        moves = (step.with_.get("state") for step in self.steps if step.action == "node.state")
        goals = {self.state_on_start, *(step.next_state for step in self.steps), *(str(state) for state in moves)}
        return bool(goals & {NodeState.PENDING, NodeState.INSTALLING, NodeState.INSTALLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedWorkflow:
    """A workflow document together with one of its versions, as lists and screens show it."""

    HIDDEN: ClassVar = frozenset({"content"})
    SHOWN: ClassVar = ("is_active",)

    id: str
    name: str
    description: str
    os_family: str
    architecture: str
    boot_mode: str
    status: DocumentStatus
    version: str
    current_version: str | None
    latest_version: str | None
    tags: tuple[str, ...]
    params: Mapping[str, Any]
    timeout_seconds: float | None
    state_on_start: NodeState | None
    steps: tuple[Step, ...]
    content: str
    created_at: datetime
    updated_at: datetime

    @property
    def is_active(self) -> bool:
        """Whether it may be started."""
        return self.status is DocumentStatus.ACTIVE
