"""What an execution waits for that others have to give: a person's decision, its turn, the end of another. Pure."""

from console.view.labels import Cell, Role, Symbols, cell, status_cell
from console.view.pieces import Piece
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer

NEEDS_YOU = "needs you"


def is_asking(attempt: Attempt) -> bool:
    """Whether an attempt waits for a person to approve or reject it."""
    return attempt.performer is Performer.PERSON and attempt.status is AttemptStatus.RUNNING


def asking(execution: Execution) -> tuple[Attempt, ...]:
    """The attempts that wait for a person; none of an execution that has ended."""
    if execution.ended:
        return ()
    return tuple(attempt for attempt in execution.attempts if is_asking(attempt))


def question(attempt: Attempt) -> str:
    """What the person is asked; empty where the step says nothing."""
    return str(attempt.config.get("message") or "")


def waits(execution: Execution) -> str:
    """What it waits for before it begins, as `waits: a place …`; empty if for nothing."""
    if execution.status is not ExecutionStatus.PENDING or not execution.waits_for:
        return ""
    return f"waits: {execution.waits_for}"


def standing_cell(execution: Execution, symbols: Symbols) -> Cell:
    """Its status, or that it runs and needs a person."""
    if execution.status is ExecutionStatus.RUNNING and asking(execution):
        return needs_you_cell(symbols)
    return status_cell(execution.status, symbols)


def needs_you_cell(symbols: Symbols) -> Cell:
    """The mark of what waits for a person."""
    return (Piece(f"{symbols.person} {NEEDS_YOU}", Role.WARN),)


def waits_cell(execution: Execution) -> Cell:
    """Why it has not begun."""
    return cell(waits(execution), Role.WARN)
