"""The rows of executions: what each says of itself in each column. Pure.

As of the nodes: columns, the row of a value, the fields it is searched by, and what it is sorted by.
"""

from dataclasses import dataclass
from datetime import datetime

from console.view import filtering
from console.view.columns import Column
from console.view.eta_lines import eta_cell
from console.view.filtering import Fields
from console.view.labels import (
    EMPTY,
    Cell,
    Role,
    Row,
    Symbols,
    cell,
    clock,
    lasted,
)
from console.view.listing import SortKey, natural
from console.view.pieces import Piece
from console.view.rows import BAR, progress_cell, reason, step_cell
from console.view.waiting import NEEDS_YOU, asking, standing_cell, waits
from engine.core.estimates import Eta
from engine.core.executions import Execution, ExecutionStatus

EXECUTION_COLUMNS = (
    Column(key="status", title="STATUS", width=11, keep=100),
    Column(key="workflow", title="WORKFLOW", width=14, flex=2, most=32, keep=99),
    Column(key="node", title="NODE", width=12, flex=2, most=24, keep=98),
    Column(key="step", title="STEP", width=16, flex=4, keep=90),
    Column(key="progress", title="PROGRESS", width=BAR + 5, keep=95),
    Column(key="started", title="STARTED", width=12, keep=50),
    Column(key="duration", title="TOOK", width=7, keep=94, right=True),
    Column(key="left", title="LEFT", width=5, keep=85, right=True),
)
EXECUTION_SORTS = ("attention", "started", "status", "workflow", "node")
EXECUTION_FIELDS = (
    *("status", "workflow", "version", "node", "step", "waits", "error", "by", "trigger", "parent", "id"),
    "since",
    "until",
)
_STATUS_ORDER = (
    ExecutionStatus.PAUSED,
    ExecutionStatus.RUNNING,
    ExecutionStatus.PENDING,
    ExecutionStatus.FAILED,
    ExecutionStatus.CANCELLED,
    ExecutionStatus.SUCCEEDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionView:
    """An execution with the name of its node, and those above it that started it, the first of all first; and when it
    will be done, where earlier runs tell.
    """

    execution: Execution
    node: str = ""
    above: tuple[Execution, ...] = ()
    eta: Eta | None = None

    @property
    def depth(self) -> int:
        """How far its row is indented: it stands below what started it, where that is known."""
        return len(self.above) or int(self.execution.parent_id is not None)

    @property
    def family(self) -> SortKey:
        """What keeps an execution below the one that started it, while families stand newest first."""
        first, *below = (*self.above, self.execution)
        return (-first.created_at.timestamp(), first.id, tuple((each.created_at, each.id) for each in below))


def execution_row(view: ExecutionView, now: datetime, symbols: Symbols) -> Row:
    """An execution's row, in the order of `EXECUTION_COLUMNS`."""
    execution = view.execution
    failed = execution.status is ExecutionStatus.FAILED
    what = cell(reason(execution) if failed else execution.error, Role.BAD if failed else Role.MUTED)
    return (
        standing_cell(execution, symbols),
        (
            *_indent(view, symbols),
            *cell(execution.workflow_name, Role.MUTED if execution.ended else Role.PLAIN),
            Piece(f"@{execution.workflow_version}", Role.MUTED),
        ),
        cell(view.node, Role.PLAIN if execution.ended else Role.STRONG),
        what if execution.ended else step_cell(execution, symbols),
        _execution_progress(execution, symbols),
        cell(clock(execution.started_at, now), Role.MUTED),
        cell(lasted(execution, now), Role.MUTED if execution.ended else Role.PLAIN),
        eta_cell(view.eta),
    )


def _indent(view: ExecutionView, symbols: Symbols) -> Cell:
    """Shows that another execution started it."""
    return (Piece(f"{' ' * (view.depth - 1)}{symbols.child} ", Role.MUTED),) if view.depth else EMPTY


def _execution_progress(execution: Execution, symbols: Symbols) -> Cell:
    """A bar while it runs; of one that ended before its end, how far it came."""
    if not execution.ended:
        return progress_cell(execution, symbols)
    if execution.status is ExecutionStatus.SUCCEEDED:
        return EMPTY
    return (Piece(" " * BAR), Piece(f"{execution.progress_percent:4}%", Role.MUTED))


def execution_fields(view: ExecutionView) -> Fields:
    """What an execution is searched by."""
    execution = view.execution
    values = {
        "status": execution.status.value,
        "workflow": execution.workflow_name,
        "version": execution.workflow_version,
        "node": view.node,
        "step": " ".join(attempt.step_name for attempt in execution.attempts if attempt.is_open),
        "waits": NEEDS_YOU if asking(execution) else waits(execution),
        "error": execution.error,
        "by": execution.principal,
        "trigger": execution.trigger,
        "parent": execution.parent_id,
        "id": execution.id,
    }
    found = {name: value.lower() for name, value in values.items() if value}
    return {**found, filtering.SINCE: filtering.moment((execution.started_at or execution.created_at).timestamp())}


def execution_sort_key(view: ExecutionView, sort: str) -> SortKey:
    """What an execution is sorted by: what needs a person first, then what runs, then the newest."""
    execution = view.execution
    newest = view.family
    match sort:
        case "attention":
            return (execution.ended, not asking(execution), *newest)
        case "status":
            return (_STATUS_ORDER.index(execution.status), *newest)
        case "workflow":
            return (natural(execution.workflow_name), *newest)
        case "node":
            return (natural(view.node), *newest)
        case _:
            return newest
