"""The rows of nodes: what each says of itself in each column. Pure.

For each list: its columns, the row of a value, the fields it is searched by, and what it is sorted by. What needs a
person comes first unless another order was asked for.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from console.view import filtering
from console.view.columns import Column
from console.view.filtering import Fields
from console.view.labels import (
    EMPTY,
    EXECUTION_ROLES,
    FILL,
    Cell,
    Role,
    Row,
    Symbols,
    ago,
    bar,
    cell,
    state_cell,
    words,
)
from console.view.listing import SortKey, natural
from console.view.pieces import Piece
from console.view.waiting import asking, is_asking, needs_you_cell, waits, waits_cell
from engine.core.executions import FAILURES, AttemptStatus, Execution, ExecutionStatus
from engine.core.nodes import Node, NodeState

BAR = 6

NODE_COLUMNS = (
    Column(key="state", title="STATE", width=16, keep=100),
    Column(key="name", title="NAME", width=17, flex=1, most=24, keep=99),
    Column(key="mac", title="MAC", width=17, keep=60),
    Column(key="ip", title="IP", width=15, keep=70),
    Column(key="group", title="GROUP", width=5, flex=1, most=14, keep=65),
    Column(key="workflow", title="WORKFLOW", width=12, flex=1, most=24, keep=40),
    Column(key="step", title="STEP", width=20, flex=6, keep=98),
    Column(key="machine", title="MACHINE", width=16, flex=1, most=32, keep=30),
    Column(key="seen", title="SEEN", width=4, keep=80, right=True),
    Column(key="since", title="SINCE", width=5, keep=90, right=True),
)
NODE_SORTS = ("attention", "name", "state", "group", "workflow", "machine", "seen", "since")
NODE_FIELDS = (
    "state",
    "name",
    "mac",
    "ip",
    "group",
    "workflow",
    "step",
    "vendor",
    "model",
    "serial",
    "arch",
    "boot",
    "tag",
    "error",
    "locked",
    "tries",
    "seen",
    "since",
    "known",
    "rack",
    "meta",
)

# What needs a person first, what is at work next, what is settled last.
_ATTENTION = (
    NodeState.INSTALL_FAILED,
    NodeState.INSTALLING,
    NodeState.DISCOVERED,
    NodeState.REPROVISION,
    NodeState.MIGRATING,
    NodeState.DEPROVISIONING,
    NodeState.PENDING,
    NodeState.INSTALLED,
    NodeState.ACTIVE,
    NodeState.RETIRED,
)
_STATES = tuple(NodeState)
# How the engine begins to say why an installation failed: where there is little room, what comes after matters more.
_STEP_FAILED = re.compile(r"^step .+? (?:failed|timed out): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """A node with what stands beside it in a row: its group's name and its newest execution; and where its boot hangs
    (`stuck`), if it does.
    """

    node: Node
    group: str = ""
    execution: Execution | None = None
    stuck: str = ""

    @property
    def live(self) -> Execution | None:
        """Its execution, while it has not ended."""
        return self.execution if self.execution is not None and not self.execution.ended else None

    @property
    def trouble(self) -> str:
        """What went wrong last, while it still matters; empty if nothing."""
        if self.node.state is NodeState.INSTALL_FAILED:
            return self.node.last_install_error or "the installation failed"
        failed = self._failed
        if failed is not None:
            return failed.error or "the execution failed"
        return self.node.last_install_error or "" if self.live is None else ""

    @property
    def _failed(self) -> Execution | None:
        """Its newest execution, if that failed and nobody has moved the node since."""
        execution = self.execution
        if execution is None or execution.status is not ExecutionStatus.FAILED:
            return None
        is_newer = execution.completed_at is None or execution.completed_at >= self.node.state_changed_at
        return execution if is_newer else None

    @property
    def reason(self) -> str:
        """What went wrong, in as few words as there are: that of the last attempt, if one failed."""
        last = reason(self.execution) if self.execution is not None else ""
        return last if last and last in self.trouble else _STEP_FAILED.sub("", self.trouble)

    @property
    def rank(self) -> int:
        """How much it needs a person: the smaller, the more."""
        if self.trouble or self.stuck:
            return -1 if self.node.state is not NodeState.INSTALL_FAILED else -2
        return _ATTENTION.index(self.node.state)


def reason(execution: Execution) -> str:
    """Why an execution failed: the error of its last failed attempt, or else its own."""
    errors = (attempt.error for attempt in reversed(execution.attempts) if attempt.status in FAILURES)
    return next((error for error in errors if error), None) or execution.error or ""


def machine(node: Node) -> str:
    """Vendor and model in one."""
    vendor, model = node.vendor or "", node.model or ""
    return model if model.lower().startswith(vendor.lower()) and vendor else f"{vendor} {model}".strip()


def node_row(view: NodeView, now: datetime, symbols: Symbols) -> Row:
    """A node's row, in the order of `NODE_COLUMNS`."""
    node = view.node
    settled = node.state in (NodeState.RETIRED, NodeState.ACTIVE, NodeState.INSTALLED) and not view.trouble
    name_role = Role.BAD if node.state is NodeState.INSTALL_FAILED else Role.PLAIN if settled else Role.STRONG
    return (
        state_cell(node.state, symbols),
        cell(node.name, name_role),
        cell(node.mac_address, Role.MUTED),
        cell(node.ip_address, Role.MUTED),
        cell(view.group, Role.PLAIN),
        cell(view.live.workflow_name if view.live else None, Role.MUTED),
        _node_step(view, symbols),
        cell(machine(node), Role.MUTED),
        cell(ago(node.last_seen_at, now), Role.MUTED),
        cell(ago(node.state_changed_at, now), Role.MUTED),
    )


def _node_step(view: NodeView, symbols: Symbols) -> Cell:
    if view.live is not None and asking(view.live):
        return (*needs_you_cell(symbols), Piece(": ", Role.WARN), *step_cell(view.live, symbols))
    if view.live is not None and waits(view.live):
        return waits_cell(view.live)
    if view.live is not None and view.stuck:
        return (Piece(f"{symbols.warning} ", Role.BAD), *cell(view.stuck, Role.BAD))
    if view.live is not None:
        return (*step_cell(view.live, symbols), FILL, *progress_cell(view.live, symbols))
    if view.trouble:
        return cell(view.reason, Role.BAD)
    if view.node.identity_conflict:
        return cell(view.node.identity_conflict, Role.WARN)
    if view.node.locked:
        return cell("locked", Role.WARN)
    return EMPTY


def step_cell(execution: Execution, symbols: Symbols) -> Cell:
    """What an execution is at: its open steps, what needs a person first, marked where they are tried again."""
    named = sorted((attempt for attempt in execution.attempts if attempt.is_open), key=lambda each: not is_asking(each))
    if not named:
        return waits_cell(execution)
    first = named[0]
    tried = f" (try {first.attempt})" if first.attempt > 1 else ""
    more = f" +{len(named) - 1}" if len(named) > 1 else ""
    again = first.status is AttemptStatus.RETRYING
    pieces = [Piece(f"{symbols.attempt[first.status]} ", Role.WARN)] if again else []
    return (*pieces, *cell(first.step_name, Role.PLAIN), Piece(f"{tried}{more}", Role.WARN if tried else Role.MUTED))


def progress_cell(execution: Execution, symbols: Symbols, width: int = BAR) -> Cell:
    """An execution's progress: bar and number."""
    return (
        *bar(execution.progress_percent, width, symbols, EXECUTION_ROLES[execution.status]),
        Piece(f"{execution.progress_percent:4}%", Role.MUTED if execution.ended else Role.PLAIN),
    )


def node_fields(view: NodeView) -> Fields:
    """What a node is searched by."""
    node = view.node
    live = view.live
    steps = [attempt.step_name for attempt in live.attempts if attempt.is_open] if live else []
    values = {
        "state": f"{node.state}\n{words(node.state)}" if "_" in node.state else node.state.value,
        "name": node.name,
        "mac": node.mac_address,
        "ip": node.ip_address,
        "group": view.group,
        "workflow": live.workflow_name if live else None,
        "step": " ".join(steps),
        "vendor": node.vendor,
        "model": node.model,
        "serial": node.serial_number,
        "arch": node.arch,
        "boot": node.boot_mode,
        "tag": "\n".join(node.tags),
        "error": view.trouble or view.stuck or node.identity_conflict,
        "locked": "yes" if node.locked else "no",
        "tries": str(node.install_attempts),
        "seen": _moment(node.last_seen_at),
        "since": _moment(node.state_changed_at),
        "known": _moment(node.created_at),
        **_metadata_fields(node.metadata),
    }
    values.setdefault("rack", values.get("meta.rack") or view.group)
    return {name: value.lower() for name, value in values.items() if value}


def _moment(moment: datetime | None) -> str:
    return filtering.moment(moment.timestamp() if moment is not None else None)


def _metadata_fields(metadata: Mapping[str, object]) -> dict[str, str | None]:
    """Each key as a field of its own, and all of them as lines of one."""
    if not metadata:
        return {}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
    single = {f"{filtering.META}.{name}".lower(): text for name, text in texts.items()}
    return {**single, filtering.META: "\n".join(f"{name}={text}" for name, text in texts.items())}


def node_sort_key(view: NodeView, sort: str) -> SortKey:
    """What a node is sorted by; among equals by name."""
    node = view.node
    name = natural(node.name)
    match sort:
        case "attention":
            return (view.rank, name, node.id)
        case "state":
            return (_STATES.index(node.state), name, node.id)
        case "group":
            return (not view.group, natural(view.group), name, node.id)
        case "workflow":
            name_of = view.execution.workflow_name if view.execution is not None else ""
            return (view.live is None, not name_of, natural(name_of), name, node.id)
        case "machine":
            return (not node.vendor, natural(f"{node.vendor or ''} {node.model or ''}"), name, node.id)
        case "seen":
            return (newest_first(node.last_seen_at), name, node.id)
        case "since":
            return (newest_first(node.state_changed_at), name, node.id)
        case _:
            return (name, node.id)


def newest_first(moment: datetime | None) -> float:
    """What sorts moments from the newest on; what never was comes last."""
    return -moment.timestamp() if moment is not None else 1.0
