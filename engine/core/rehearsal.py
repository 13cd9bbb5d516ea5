"""Rehearsals: a workflow, how its steps end, and what is expected of that; a test that a workflow's author writes.

A rehearsal is walked through as `simulation` does, in earnest: expressions, conditions, retries, joins, loops,
rollback, timeouts and the parameter checks of the actions are the engine's own. Only nobody performs anything.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core import parameters
from engine.core.executions import ExecutionStatus
from engine.core.includes import Included
from engine.core.nodes import Node, NodeState
from engine.core.outcomes import Outcomes
from engine.core.scene import ActionFacts, Scene
from engine.core.scopes import Server
from engine.core.simulation import Simulation
from engine.core.unknown import Asked, Named, text_of
from engine.core.workflows import Workflow

Moment = tuple[str, ...]
"""The keys of the steps that begin at the same moment, sorted."""

SERVER = Server(url="http://pureboot.test:8080", tftp_url="tftp://pureboot.test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected, None or nothing where it does not matter; `error` is a part of the error's text."""

    order: tuple[Moment, ...] | None = None
    status: ExecutionStatus = ExecutionStatus.SUCCEEDED
    node_state: NodeState | None = None
    not_run: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One rehearsal of a workflow; `params` are what is given of its inputs."""

    name: str
    node: Node | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    outcomes: Outcomes = field(default_factory=dict)
    expected: Expected = field(default_factory=Expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that came otherwise, line by line: `order` has a line for each moment, the others one."""

    what: str
    expected: tuple[str, ...]
    got: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """How a rehearsal went; nothing differs if it went well. `seconds` is how long it took by its own clock."""

    name: str
    differences: tuple[Difference, ...]
    order: tuple[Moment, ...]
    status: ExecutionStatus
    error: str | None
    node_state: NodeState | None
    seconds: float


def rehearse(rehearsal: Rehearsal, workflow: Workflow, actions: Mapping[str, ActionFacts]) -> Rehearsed:
    """Walk through a workflow as a rehearsal says.

    Raises:
        Invalid: the inputs do not fit the workflow's.
    """
    scene = Scene(
        workflow=workflow,
        actions=actions,
        outcomes=rehearsal.outcomes,
        node=rehearsal.node,
        params=parameters.complete(workflow.params, rehearsal.params),
        server=SERVER,
        secrets=Named("secret", Asked()),
        include=_any_template,
    )
    walk = Simulation(scene).run()
    order = _order(walk)
    error = walk.execution.error or walk.stuck
    state = walk.node.state if walk.node else None
    return Rehearsed(
        name=rehearsal.name,
        differences=tuple(_differences(rehearsal.expected, order, walk.execution.status, error, state)),
        order=order,
        status=walk.execution.status,
        error=error,
        node_state=state,
        seconds=walk.seconds,
    )


def _any_template(name: str, reference: str | None) -> Included:
    """No library is there: what is included stands as its own name."""
    return Included(name=name, version=reference or "", content=text_of(f"include:{name}"))


def _order(walk: Simulation) -> tuple[Moment, ...]:
    moments: dict[int, list[str]] = {}
    for begun in walk.begun:
        moments.setdefault(begun.round, []).append(begun.step.key)
    return tuple(tuple(sorted(keys)) for keys in moments.values())


def _differences(
    expected: Expected,
    order: tuple[Moment, ...],
    status: ExecutionStatus,
    error: str | None,
    state: NodeState | None,
) -> list[Difference]:
    found = []
    if expected.order is not None and expected.order != order:
        found.append(Difference(what="order", expected=_lines(expected.order), got=_lines(order)))
    if expected.status is not status:
        why = f" ({error})" if error else ""
        found.append(Difference(what="status", expected=(expected.status.value,), got=(f"{status.value}{why}",)))
    if expected.node_state is not None and expected.node_state is not state:
        got = state.value if state else "there is no node"
        found.append(Difference(what="node_state", expected=(expected.node_state.value,), got=(got,)))
    times = Counter(key for moment in order for key in moment)
    for key in expected.not_run:
        if times[key]:
            begun = "began" if times[key] == 1 else f"began {times[key]} times"
            found.append(Difference(what="not_run", expected=(f"{key} does not begin",), got=(f"{key} {begun}",)))
    if expected.error is not None and expected.error not in (error or ""):
        found.append(Difference(what="error", expected=(f"... {expected.error} ...",), got=(error or "no error",)))
    return found


def _lines(order: tuple[Moment, ...]) -> tuple[str, ...]:
    return tuple(", ".join(moment) if len(moment) == 1 else f"[{', '.join(moment)}]" for moment in order)
