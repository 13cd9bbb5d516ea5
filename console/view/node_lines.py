"""What the screen of one node tells, as lines of pieces. Pure."""

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from console.view.labels import (
    ATTEMPT_ROLES,
    NODE_ROLES,
    Cell,
    Role,
    Symbols,
    ago,
    cell,
    clock,
    lasted,
    safe,
    state_cell,
    status_cell,
    who,
    words,
)
from console.view.pieces import Piece, cells, fit
from console.view.rows import NodeView, progress_cell
from console.view.trace_lines import verdict_lines
from engine.core.boot_causes import Level
from engine.core.executions import Attempt, AttemptStatus, Execution
from engine.core.explain import Verdict
from engine.core.groups import Group
from engine.core.nodes import Node, NodeState, StateChange
from engine.core.workflows import Step, Workflow
from engine.durations import format_duration

if TYPE_CHECKING:
    from engine.services.nodes import Inventory

Line = Cell
LABEL = 12


def title(view: NodeView, now: datetime, symbols: Symbols, width: int) -> list[Line]:
    """Name, state and since when; what went wrong, where something did."""
    node = view.node
    since = ago(node.state_changed_at, now)
    first: Line = (
        Piece(" "),
        *cell(node.name, Role.STRONG),
        Piece("   "),
        *state_cell(node.state, symbols),
        Piece(f"  {'just now' if since == 'now' else f'for {since}'}", Role.MUTED),
        *((Piece(f"   {symbols.warning} locked", Role.WARN),) if node.locked else ()),
    )
    if node.identity_conflict:
        first = (*first, Piece(f"   {symbols.warning} which machine is it?", Role.WARN))
    if not view.trouble:
        return [first]
    told = textwrap.wrap(safe(view.trouble), max(20, width - 4)) or [""]
    marks = [f" {symbols.warning} ", *("   " for _ in told[1:])]
    return [first, *((Piece(mark + line, Role.BAD),) for mark, line in zip(marks, told, strict=True))]


def explained(verdict: Verdict | None, view: NodeView, symbols: Symbols, width: int) -> list[Line]:
    """How far the machine came in its boot; nothing where nothing was heard, or where the trouble above says it."""
    if verdict is None or (verdict.last_at is None and verdict.level is Level.FINE):
        return []
    if verdict.cause == "failed" and view.trouble:
        return []
    return verdict_lines(verdict, symbols, width)


def facts(view: NodeView, now: datetime, max_attempts: int, group: Group | None = None) -> list[Line]:
    """What is known of the machine, a fact a line; what is not known is left out. Its group's metadata stand below its
    own, and where both say something the node's holds.
    """
    below = group.metadata if group is not None else {}
    node = view.node
    attempts = f"{node.install_attempts} of {max_attempts}" if node.install_attempts else None
    seen = ago(node.last_seen_at, now)
    listed: Sequence[tuple[str, str | None]] = (
        ("MAC", node.mac_address),
        ("IP", node.ip_address),
        ("group", view.group),
        ("vendor", node.vendor),
        ("model", node.model),
        ("serial", node.serial_number),
        ("UUID", node.system_uuid),
        ("firmware", " ".join(part for part in (node.arch, node.boot_mode) if part)),
        ("tags", ", ".join(node.tags)),
        ("failed tries", attempts),
        ("identity", node.identity_conflict),
        ("last error", None if node.last_install_error == view.trouble else node.last_install_error),
        ("last seen", "never" if not seen else "just now" if seen == "now" else f"{seen} ago"),
        ("known since", clock(node.created_at, now)),
        *((f"meta.{name}", _told(name, value, below)) for name, value in sorted(node.metadata.items())),
        *(
            (f"meta.{name}", f"{_value(value)}  (its group's)")
            for name, value in sorted(below.items())
            if name not in node.metadata
        ),
    )
    return [fact(label, value) for label, value in listed if value]


def _told(name: str, value: object, below: Mapping[str, object]) -> str:
    return f"{_value(value)}  (over its group's {_value(below[name])})" if name in below else _value(value)


def inventory(found: "Inventory | None", now: datetime) -> list[Line]:
    """That there is one."""
    if found is None:
        return []
    since = ago(found.at, now)
    when = "just now" if since == "now" else f"{since} ago"
    return [fact("inventory", f"{len(found.values)} parts, reported {when}; I shows it")]


def fact(label: str, value: str, role: Role = Role.PLAIN) -> Line:
    """A label and its value."""
    return (Piece(f" {fit(safe(label), max(LABEL, cells(safe(label))))} ", Role.MUTED), *cell(value, role))


def group_metadata(group: Group, node: Node) -> list[Line]:
    """The metadata of a node's group, and which of it the node's own stands over."""
    lines = []
    for key, value in sorted(group.metadata.items()):
        note = "  the node's own stands over it" if key in node.metadata else ""
        lines.append((*fact(f"of {group.name}", f"{key}={_value(value)}", Role.MUTED), Piece(note, Role.WARN)))
    return lines


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def heading(text: str, *more: Piece) -> Line:
    """The heading of a section."""
    return (Piece(f" {text}", "heading"), *more)


def execution_heading(execution: Execution | None, now: datetime, symbols: Symbols) -> Line:
    """What runs on the node, or ran last."""
    if execution is None:
        return heading("EXECUTION")
    return (
        *heading("EXECUTION"),
        Piece("  "),
        *cell(execution.workflow_name, Role.STRONG),
        Piece(f"@{execution.workflow_version}   ", Role.MUTED),
        *status_cell(execution.status, symbols),
        Piece("  "),
        *progress_cell(execution, symbols),
        Piece(f"  {lasted(execution, now)}", Role.MUTED),
    )


def steps(execution: Execution | None, workflow: Workflow | None, now: datetime, symbols: Symbols) -> list[Line]:
    """The steps of an execution with what became of each; those still to come as well."""
    if execution is None:
        return [(Piece("   nothing has run here yet; r runs a workflow", Role.MUTED),)]
    if workflow is None:
        listed = {attempt.step_key: attempt.step_name for attempt in execution.attempts}
    else:
        listed = {step.key: step.name for step in workflow.reachable}
    widest = min(30, max((cells(safe(name)) for name in listed.values()), default=0))
    return [_step(safe(name), execution, key, widest, now, symbols) for key, name in listed.items()]


def _step(name: str, execution: Execution, key: str, widest: int, now: datetime, symbols: Symbols) -> Line:
    attempt = execution.latest(key)
    if attempt is None:
        return (Piece(f"   {symbols.separator} ", Role.MUTED), Piece(fit(name, widest, symbols.ellipsis), Role.MUTED))
    role = ATTEMPT_ROLES[attempt.status]
    label = Role.MUTED if attempt.status is AttemptStatus.SKIPPED else Role.PLAIN
    return (
        Piece(f"   {symbols.attempt[attempt.status]} ", role),
        Piece(fit(name, widest, symbols.ellipsis), label),
        Piece(f"  {lasted(attempt, now):>7}  ", Role.MUTED),
        *_said(attempt),
    )


def _said(attempt: Attempt) -> Cell:
    """What there is to say of an attempt beside its status."""
    number = (Piece(f"try {attempt.attempt}  ", Role.WARN),) if attempt.attempt > 1 else ()
    percent = attempt.progress_percent
    progress = (Piece(f"{percent}%  ", Role.PLAIN),) if attempt.is_open and percent is not None else ()
    if attempt.error:
        return (*number, *cell(attempt.error, ATTEMPT_ROLES[attempt.status]))
    return (*number, *progress, *cell(attempt.message, Role.MUTED))


def history(changes: Iterable[StateChange], now: datetime, symbols: Symbols) -> list[Line]:
    """The state log, newest first: when, from what to what, by whom and why."""
    lines = [_change(change, now, symbols) for change in changes]
    return lines or [(Piece("   its state has not changed yet", Role.MUTED),)]


def _change(change: StateChange, now: datetime, symbols: Symbols) -> Line:
    why = change.comment or change.metadata.get("error")
    return (
        Piece(f" {clock(change.created_at, now):>12}  ", Role.MUTED),
        Piece(f"{words(change.from_state)} {symbols.arrow} ", Role.MUTED),
        Piece(words(change.to_state), _role(change.to_state)),
        Piece(f"  {safe(_whose(change.principal))}", Role.PLAIN),
        *((Piece(f"  {safe(str(why))}", Role.MUTED),) if why else ()),
    )


def _whose(principal: str) -> str:
    """Who moved it; of the node itself its address need not be told."""
    return "the node" if principal.partition(":")[0] == "node" else who(principal)


def _role(state: NodeState) -> Role:
    return NODE_ROLES[state]


def workflow_step(step: Step, number: int) -> list[Line]:
    """A step of a workflow: its name and action, and what else is said of it."""
    retry = step.retry
    more = [
        *([f"timeout {format_duration(step.timeout_seconds)}"] if step.timeout_seconds else []),
        *([f"heartbeat {format_duration(step.heartbeat_seconds)}"] if step.heartbeat_seconds else []),
        *([f"{retry.max_attempts} tries, {format_duration(retry.delay)} apart"] if retry.max_attempts > 1 else []),
        *([f"then {words(step.next_state)}"] if step.next_state else []),
        *([f"on failure {step.on_failure}"] if step.on_failure != "fail" else []),
    ]
    first: Line = (
        Piece(f" {number:>2}  ", Role.MUTED),
        *cell(step.name, Role.PLAIN),
        Piece(f"  {safe(step.action)}", Role.ACCENT),
    )
    return [first, (Piece(f"     {', '.join(more)}", Role.MUTED),)] if more else [first]
