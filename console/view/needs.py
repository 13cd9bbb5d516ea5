"""What needs a person now: each thing as a row, with the key for what is likely to be done about it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from console.view.columns import Column
from console.view.labels import Cell, Role, Row, Symbols, ago, cell, safe
from console.view.pieces import Piece
from console.view.rows import NodeView
from console.view.waiting import asking, question
from engine.core.dead_letters import DeadLetter, LetterKind
from engine.core.executions import AttemptStatus, Execution, ExecutionStatus
from engine.core.nodes import NodeState

COLUMNS = (
    Column(key="kind", title="NEEDS", width=13, keep=100),
    Column(key="who", title="NODE", width=12, flex=1, most=24, keep=99),
    Column(key="what", title="WHY", width=20, flex=6, keep=98),
    Column(key="since", title="SINCE", width=5, keep=90, right=True),
    Column(key="deed", title="KEY", width=10, keep=95),
)
NOTHING = "Nothing needs a person: what runs goes by itself."


class NeedKind(IntEnum):
    """Why a person is needed, what is most urgent first."""

    STORE = 0
    APPROVAL = 1
    LETTER = 2
    FAILED = 3
    STUCK = 4
    PAUSED = 5
    WAITS = 6


_WORDS = {
    NeedKind.STORE: ("store", Role.BAD, "l log"),
    NeedKind.APPROVAL: ("approve", Role.WARN, "a approve"),
    NeedKind.LETTER: ("dead letter", Role.BAD, "r replay"),
    NeedKind.FAILED: ("failed", Role.BAD, "r retry"),
    NeedKind.STUCK: ("hangs", Role.BAD, "t trace"),
    NeedKind.PAUSED: ("paused", Role.WARN, "p resume"),
    NeedKind.WAITS: ("waits", Role.MUTED, "enter"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that needs a person. `who` is the node's name, or what else it is about; `what` is why."""

    kind: NeedKind
    key: str
    who: str = ""
    what: str = ""
    since: datetime | None = None
    node_id: str | None = None
    execution_id: str | None = None
    letter_id: str | None = None

    @property
    def rank(self) -> tuple[object, ...]:
        """What it is sorted by: the urgent first; what waits longest first, but what has failed last first."""
        moment = self.since.timestamp() if self.since is not None else 0.0
        is_news = self.kind in (NeedKind.LETTER, NeedKind.FAILED, NeedKind.STUCK)
        return (self.kind, -moment if is_news else moment, self.key)


def of_store(trouble: str) -> Need:
    """The store cannot be written."""
    return Need(kind=NeedKind.STORE, key="store", who="the store", what=trouble.removeprefix("the store "))


def of_approvals(execution: Execution, node: str) -> list[Need]:
    """What an execution asks a person."""
    return [
        Need(
            kind=NeedKind.APPROVAL,
            key=f"approval:{attempt.id}",
            who=node or execution.workflow_name,
            what=f"{attempt.step_name}: {question(attempt)}" if question(attempt) else attempt.step_name,
            since=attempt.started_at or attempt.created_at,
            node_id=execution.node_id,
            execution_id=execution.id,
        )
        for attempt in asking(execution)
    ]


def of_letter(letter: DeadLetter, node: str) -> Need:
    """Something that cannot go on by itself."""
    workflow = str(letter.payload.get("workflow") or "")
    is_start = letter.kind is LetterKind.TRIGGER
    return Need(
        kind=NeedKind.LETTER,
        key=f"letter:{letter.id}",
        who=node or workflow or "a trigger",
        what=f"{f'{workflow} ' if node else ''}not started: {letter.reason}" if is_start else letter.reason,
        since=letter.created_at,
        node_id=letter.node_id,
        execution_id=letter.execution_id,
        letter_id=letter.id,
    )


def of_failed(view: NodeView) -> Need:
    """A node whose installation, or newest execution, has failed."""
    execution = view.execution
    failed = execution if execution is not None and execution.status is ExecutionStatus.FAILED else None
    since = (failed.completed_at if failed is not None else None) or view.node.state_changed_at
    return Need(
        kind=NeedKind.FAILED,
        key=f"failed:{view.node.id}",
        who=view.node.name,
        what=view.reason,
        since=since,
        node_id=view.node.id,
        execution_id=failed.id if failed is not None else None,
    )


def has_failed(view: NodeView) -> bool:
    """Whether a node waits for a person to look at what failed."""
    return bool(view.trouble) and view.live is None and view.node.state is not NodeState.RETIRED


def of_stuck(view: NodeView, why: str) -> Need:
    """A machine that hangs, as its boot trace tells."""
    execution = view.live
    return Need(
        kind=NeedKind.STUCK,
        key=f"stuck:{view.node.id}",
        who=view.node.name,
        what=why,
        since=view.node.last_seen_at,
        node_id=view.node.id,
        execution_id=execution.id if execution is not None else None,
    )


def is_held(execution: Execution) -> bool:
    """Whether somebody paused it, or it waits for its turn."""
    if execution.status is ExecutionStatus.PAUSED:
        return True
    return execution.status is ExecutionStatus.PENDING and bool(execution.waits_for)


def of_held(executions: Iterable[tuple[Execution, str]]) -> list[Need]:
    """What was paused, each; and what waits for its turn, in one for each reason. Each execution with its node."""
    found: list[Need] = []
    waiting: dict[str, list[tuple[Execution, str]]] = {}
    for execution, node in executions:
        if execution.status is ExecutionStatus.PAUSED:
            found.append(_paused(execution, node))
        else:
            waiting.setdefault(execution.waits_for or "", []).append((execution, node))
    return found + [_waiting(reason, listed) for reason, listed in waiting.items()]


def _paused(execution: Execution, node: str) -> Need:
    at = [attempt.step_name for attempt in execution.attempts if attempt.status is AttemptStatus.RUNNING]
    return Need(
        kind=NeedKind.PAUSED,
        key=f"paused:{execution.id}",
        who=node or execution.workflow_name,
        what=f"{execution.workflow_name}@{execution.workflow_version}{f', at {at[0]}' if at else ''}",
        since=execution.paused_at,
        node_id=execution.node_id,
        execution_id=execution.id,
    )


def _waiting(reason: str, listed: Sequence[tuple[Execution, str]]) -> Need:
    first, node = min(listed, key=lambda each: each[0].created_at)
    alone = len(listed) == 1
    return Need(
        kind=NeedKind.WAITS,
        key=f"waits:{reason}",
        who=(node or first.workflow_name) if alone else f"{len(listed):,} runs",
        what=f"for {reason}",
        since=first.created_at,
        node_id=first.node_id if alone else None,
        execution_id=first.id if alone else None,
    )


def row(need: Need, now: datetime, symbols: Symbols) -> Row:
    """A row, in the order of `COLUMNS`."""
    word, role, deed = _WORDS[need.kind]
    calm = need.kind in (NeedKind.PAUSED, NeedKind.WAITS)
    return (
        (Piece(f"{_symbol(need.kind, symbols)} {word}", role),),
        cell(need.who, Role.PLAIN if calm else Role.STRONG),
        cell(need.what, Role.MUTED if calm else Role.PLAIN),
        cell(ago(need.since, now), Role.MUTED),
        _deed(deed),
    )


def _deed(text: str) -> Cell:
    key, _, word = text.partition(" ")
    return (Piece(f" {key}", Role.ACCENT), Piece(f" {word}" if word else "", Role.MUTED))


def _symbol(kind: NeedKind, symbols: Symbols) -> str:
    match kind:
        case NeedKind.APPROVAL:
            return symbols.person
        case NeedKind.FAILED | NeedKind.LETTER:
            return symbols.execution[ExecutionStatus.FAILED]
        case NeedKind.PAUSED:
            return symbols.execution[ExecutionStatus.PAUSED]
        case NeedKind.WAITS:
            return symbols.execution[ExecutionStatus.PENDING]
        case _:
            return symbols.warning


def heading(needs: Sequence[Need], is_whole: bool) -> Cell:
    """The line above them; `is_whole` is whether all nodes have been looked at already."""
    urgent = sum(need.kind <= NeedKind.STUCK for need in needs)
    if not is_whole:
        return (Piece(" NEEDS YOU", "heading"), Piece("  looking", Role.MUTED))
    if not urgent:
        return (Piece(" NEEDS YOU", "heading"), Piece("  nothing", Role.GOOD))
    kinds = [(kind, sum(need.kind is kind for need in needs)) for kind in NeedKind if kind <= NeedKind.STUCK]
    told = ", ".join(f"{count:,} {_plural(kind, count)}" for kind, count in kinds if count)
    return (Piece(" NEEDS YOU", "heading"), Piece(f"  {urgent:,}", Role.WARN), Piece(f"  {safe(told)}", Role.MUTED))


def _plural(kind: NeedKind, count: int) -> str:
    words = {
        NeedKind.STORE: "trouble with the store",
        NeedKind.APPROVAL: "to approve",
        NeedKind.LETTER: "dead letter" if count == 1 else "dead letters",
        NeedKind.FAILED: "failed",
        NeedKind.STUCK: "hang" if count > 1 else "hangs",
    }
    return words[kind]
