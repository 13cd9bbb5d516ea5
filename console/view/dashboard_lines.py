"""What the dashboard tells of the nodes' states and of what runs. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from console.view.columns import Column
from console.view.execution_rows import ExecutionView
from console.view.heading import ORDER
from console.view.labels import EMPTY, NODE_ROLES, Cell, Role, Row, Symbols, bar, cell, duration, lasted, words
from console.view.pieces import Piece
from console.view.plots import change, spark, speed
from console.view.rows import step_cell
from console.view.waiting import asking, needs_you_cell
from engine.core.estimates import Eta
from engine.core.executions import ExecutionStatus
from engine.core.nodes import NodeState
from engine.core.traffic import Carrier, Total

BAR = 10
AT_WORK = (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)
RUNNING_COLUMNS = (
    Column(key="node", title="NODE", width=12, flex=2, most=24, keep=99),
    Column(key="workflow", title="WORKFLOW", width=10, flex=2, most=28, keep=60),
    Column(key="step", title="STEP", width=18, flex=4, keep=90),
    Column(key="progress", title="PROGRESS", width=BAR + 5, flex=2, most=32, keep=98),
    Column(key="left", title="LEFT", width=11, keep=95, right=True),
    Column(key="took", title="TOOK", width=7, keep=80, right=True),
)
NOTHING_RUNS = "Nothing runs. Go to the nodes (1), mark some (space), and press r to run a workflow."
_NAME, _COUNT, _CHANGE = 16, 7, 6
_MOST_PLOT = 60


def state_lines(
    counts: Mapping[NodeState, int],
    series: Callable[[NodeState, int], Sequence[int]],
    width: int,
    most: int,
    symbols: Symbols,
) -> list[Cell]:
    """A line for each state that nodes are in, or were in within the hour: how many, how that changed."""
    total = sum(counts.values())
    head = (Piece(" NODES", "heading"), Piece(f"  {total:,}", Role.STRONG), Piece("  in the last hour", Role.MUTED))
    found = [(state, series(state, counts.get(state, 0))) for state in ORDER]
    shown = [(state, values) for state, values in found if any(values)]
    return [head, *(_state_line(state, values, width, symbols) for state, values in shown[:most])]


def _state_line(state: NodeState, values: Sequence[int], width: int, symbols: Symbols) -> Cell:
    count, more = values[-1], values[-1] - values[0]
    room = min(_MOST_PLOT, width - _NAME - _COUNT - _CHANGE - 6)
    role = NODE_ROLES[state]
    return (
        Piece(f"  {symbols.node[state]} {words(state):<{_NAME - 2}}", role if count else Role.MUTED),
        Piece(f"{count:>{_COUNT},}", Role.STRONG if count else Role.MUTED),
        Piece(f"{f'{more:+,}' if more else '':>{_CHANGE}}  ", role if more else Role.MUTED),
        *(change(values, room, symbols, role) if room > 0 else ()),
    )


def traffic_lines(totals: Mapping[Carrier, Total], width: int, symbols: Symbols) -> list[Cell]:
    """How much goes through the doors, in the columns of the states."""
    room = min(_MOST_PLOT, width - _NAME - _COUNT - _CHANGE - 6)
    return [
        (
            Piece(f"  {kind.value.upper():<{_NAME}}"),
            Piece(f"{speed(total.rate) or '-':>{_COUNT + _CHANGE - 1}}  ", Role.STRONG if total.rate else Role.MUTED),
            *(spark(total.series, room, symbols, Role.BUSY) if room > 0 else ()),
        )
        for kind, total in totals.items()
    ]


def running_heading(running: int, pending: int) -> Cell:
    """The line above what runs."""
    told = f"{running:,}" if running else "nothing"
    waits = f"  {pending:,} wait for their turn" if pending else ""
    return (
        Piece(" RUNNING", "heading"),
        Piece(f"  {told}", Role.BUSY if running else Role.MUTED),
        Piece(waits, Role.MUTED),
    )


def running_row(view: ExecutionView, about: Eta | None, now: datetime, symbols: Symbols, width: int) -> Row:
    """A row of what runs, in the order of `RUNNING_COLUMNS`; `width` is what its progress has."""
    execution = view.execution
    paused = execution.status is ExecutionStatus.PAUSED
    role = Role.WARN if paused else Role.BUSY
    mark = needs_you_cell(symbols) if asking(execution) else ()
    step = (*mark, Piece(": ", Role.WARN), *step_cell(execution, symbols)) if mark else step_cell(execution, symbols)
    return (
        cell(view.node or execution.workflow_name, Role.STRONG),
        cell(execution.workflow_name, Role.MUTED),
        (Piece(f"{symbols.execution[execution.status]} paused  ", Role.WARN), *step) if paused else step,
        (*bar(execution.progress_percent, max(1, width - 5), symbols, role), Piece(f"{execution.progress_percent:4}%")),
        left_cell(about),
        cell(lasted(execution, now), Role.MUTED),
    )


def left_cell(about: Eta | None) -> Cell:
    """How long it still takes, in coarse words that stand still: `~4m`; empty where nobody can tell."""
    if about is None:
        return EMPTY
    if about.is_late:
        return (Piece("is late", Role.WARN),)
    return (Piece(f"about {_coarse(about.seconds)}", Role.PLAIN),)


def _coarse(seconds: float) -> str:
    """To a tenth of it or so, for nobody knows better."""
    if seconds < 60:
        return f"{max(5, -(-int(seconds) // 5) * 5)}s"
    if seconds < 3600:
        return f"{round(seconds / 60)}m"
    return duration(seconds).replace(" 00m", "").replace(" ", "")
