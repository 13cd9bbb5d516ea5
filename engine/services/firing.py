"""Firing a trigger for one occurrence, inside a transaction: the condition, the start, and what the log says of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from engine.clock import new_id
from engine.core import expressions, scopes, triggers
from engine.core.dead_letters import of_start
from engine.core.documents import DocumentKind
from engine.core.events import Event, Kind, NewEvent
from engine.core.executions import Execution
from engine.core.nodes import Node
from engine.core.shape import as_data
from engine.core.triggers import Trigger
from engine.errors import Invalid, NotFound, PureBootError, Unavailable
from engine.services import letters, starts
from engine.services.context import Context
from engine.services.starts import Start
from engine.store import documents, events, executions, groups, nodes
from engine.store import triggers as store
from engine.store.tx import Tx

_MAX_CHAIN = 20
_LONGEST_REASON = 2000

OWN_DOING = (
    "it does not fire on what was started by itself, directly or through other triggers: that would not come to an end"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One thing that makes a trigger fire. `missed` is how many others it stands for (with `more`: at least)."""

    key: str
    at: datetime
    body: Any = None
    event: Event | None = None
    missed: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What became of an occurrence: the trigger after it; what was started, or why nothing could be; or neither, if
    the condition does not hold.
    """

    trigger: Trigger
    execution: Execution | None = None
    error: PureBootError | None = None


def fire(context: Context, tx: Tx, trigger: Trigger, occurrence: Occurrence, *, by: str) -> Firing:
    """Start what a trigger starts, if its condition holds and this occurrence did not start it before.

    A start that is refused is written down and raises nothing: it must not keep the trigger from going on. The same for
    an event that this trigger's own execution caused, also where other triggers stand between: firing on it would not
    come to an end. The caller keeps the trigger that this gives.
    """
    if occurrence.event is not None and trigger.id in _causes(tx, occurrence.event):
        return _refuse(context, tx, trigger, by)
    request = triggers.request_id(trigger.id, occurrence.key)
    wanted: Start | None = None
    try:
        names = _names(tx, trigger, occurrence)
        if trigger.condition and not expressions.holds(trigger.condition, names):
            return Firing(trigger=trigger)
        known = _known(tx, trigger, request)
        if known is not None:
            return Firing(trigger=trigger, execution=known)
        wanted = _wanted(trigger, request, names)
        execution = _start(context, tx, trigger, occurrence, wanted)
    except Unavailable:
        raise
    except PureBootError as error:
        after = give_up(context, tx, trigger, occurrence, str(error), by=by, wanted=wanted)
        return Firing(trigger=after, error=error)
    return Firing(trigger=_fired(context, tx, trigger, occurrence, execution, by), execution=execution)


def give_up(
    context: Context,
    tx: Tx,
    trigger: Trigger,
    occurrence: Occurrence,
    reason: str,
    *,
    by: str,
    wanted: Start | None = None,
) -> Trigger:
    """Write down that an occurrence started nothing, and why: the one place where that becomes a person's affair.
    `wanted` is what was to be started, if it came so far.
    """
    reason = reason[:_LONGEST_REASON]
    data = {**_about(trigger, occurrence), "workflow": trigger.workflow, "error": reason}
    if wanted is not None:
        data["node"] = wanted.node
    node_id = occurrence.event.node_id if occurrence.event else None
    if wanted is not None:
        _lay_letter(context, tx, trigger, wanted, reason, by=by, node_id=node_id)
    _note(context, tx, Kind.TRIGGER_FAILED, by, data, node_id=node_id)
    return replace(trigger, last_error=reason)


def _lay_letter(
    context: Context, tx: Tx, trigger: Trigger, wanted: Start, reason: str, *, by: str, node_id: str | None
) -> None:
    start = {name: getattr(wanted, name) for name in ("workflow", "node", "params", "trigger", "request_id")}
    letter = of_start(new_id(), trigger.id, start, reason, context.now(), node_id=node_id)
    letters.lay(tx, letter, by=by)


def _refuse(context: Context, tx: Tx, trigger: Trigger, by: str) -> Firing:
    if trigger.last_error != OWN_DOING:  # one execution may do a hundred things
        data = {"trigger_id": trigger.id, "name": trigger.name, "error": OWN_DOING}
        _note(context, tx, Kind.TRIGGER_FAILED, by, data)
    return Firing(trigger=replace(trigger, last_error=OWN_DOING))


def _causes(tx: Tx, event: Event) -> Iterator[str]:
    """The ids of the triggers without which an event would not have happened, the nearest first."""
    cause: Event | None = event
    for _ in range(_MAX_CHAIN):
        execution = _root(tx, cause.execution_id) if cause is not None else None
        started = triggers.started_by(execution.request_id) if execution is not None else None
        if started is None:
            return
        trigger_id, key = started
        yield trigger_id
        number = triggers.event_of(key)
        cause = None if number is None else store.event_by_id(tx, number)


def _root(tx: Tx, execution_id: str | None) -> Execution | None:
    """The execution that nobody else's step started, at the top of the one with this id."""
    found: Execution | None = None
    while execution_id is not None:
        try:
            found = executions.get(tx, execution_id)
        except NotFound:
            return None
        execution_id = found.parent_id
    return found


def _known(tx: Tx, trigger: Trigger, request: str) -> Execution | None:
    """What this occurrence has started before."""
    workflow = documents.get(tx, DocumentKind.WORKFLOW, trigger.workflow)
    return executions.by_request(tx, workflow.id, request)


def _wanted(trigger: Trigger, request: str, names: expressions.Names) -> Start:
    return Start(
        workflow=trigger.workflow,
        node=_target(trigger, names),
        params=expressions.unescaped(expressions.values(dict(trigger.params), names, "params")),
        trigger=trigger.name,
        request_id=request,
    )


def _start(context: Context, tx: Tx, trigger: Trigger, occurrence: Occurrence, wanted: Start) -> Execution:
    try:
        return starts.start(context, tx, wanted, by=trigger.principal)
    except Invalid as error:
        its_node = occurrence.event.node_id if occurrence.event else None
        if trigger.node is not None or its_node is None or all(each.path != "node" for each in error.problems):
            raise
    # It cannot do without a node, and this is about one.
    return starts.start(context, tx, replace(wanted, node=its_node), by=trigger.principal)


def _target(trigger: Trigger, names: expressions.Names) -> str | None:
    if trigger.node is None:
        return None
    return str(expressions.unescaped(expressions.fill(trigger.node, names, "node"))).strip() or None


class _Later(Mapping[str, object]):
    """Names whose values are looked up when the first is asked for."""

    def __init__(self, load: Callable[[], Mapping[str, object]]) -> None:
        self._load = cache(load)

    def __getitem__(self, name: str) -> object:
        return self._load()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())


def _names(tx: Tx, trigger: Trigger, occurrence: Occurrence) -> dict[str, object]:
    """What a trigger's texts can name. `node` is the event's, or else the one that is to be started on."""
    told: dict[str, object] = {"name": trigger.name, "type": trigger.type.value, "at": as_data(occurrence.at)}
    names: dict[str, object] = {"trigger": told}
    if occurrence.event is None:
        told["body"] = occurrence.body
    else:
        told["event"] = names["event"] = as_data(occurrence.event)

    @cache
    def around() -> Mapping[str, Any]:
        node = _node(tx, trigger, occurrence, names)
        group = groups.get(tx, node.group_id) if node and node.group_id else None
        return scopes.names(scopes.Surroundings(node=node, group=group))

    later = {name: _Later(lambda name=name: around()[name]) for name in ("node", "group", "meta")}  # type: ignore[misc]
    return {**names, **later}


def _node(tx: Tx, trigger: Trigger, occurrence: Occurrence, names: expressions.Names) -> Node | None:
    if occurrence.event is not None and occurrence.event.node_id is not None:
        return next(iter(nodes.by_ids(tx, {occurrence.event.node_id})), None)
    target = _target(trigger, names)
    return nodes.get(tx, target) if target else None


def _fired(
    context: Context, tx: Tx, trigger: Trigger, occurrence: Occurrence, execution: Execution, by: str
) -> Trigger:
    data = {**_about(trigger, occurrence), "workflow": execution.workflow_name}
    _note(context, tx, Kind.TRIGGER_FIRED, by, data, node_id=execution.node_id, execution_id=execution.id)
    return replace(
        trigger,
        last_fired_at=context.now(),
        last_execution_id=execution.id,
        last_error=None,
        fired=trigger.fired + 1,
    )


def _about(trigger: Trigger, occurrence: Occurrence) -> dict[str, Any]:
    data: dict[str, Any] = {"trigger_id": trigger.id, "name": trigger.name, "type": trigger.type, "at": occurrence.at}
    if occurrence.event is not None:
        data["event"] = {"id": occurrence.event.id, "kind": occurrence.event.kind}
    if occurrence.missed:
        data |= {"missed": occurrence.missed, "missed_at_least": occurrence.more}
    return data


def _note(context: Context, tx: Tx, kind: Kind, by: str, data: Mapping[str, Any], **whose: str | None) -> None:
    events.append(tx, [NewEvent(kind=kind, at=context.now(), principal=by, data=data, **whose)])
