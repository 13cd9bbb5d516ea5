"""What is kept of earlier runs, as far as it tells how long the next will take."""

from datetime import datetime

from sqlalchemy import select

from engine.core.estimates import PastRun, StepRun
from engine.core.executions import FAILURES, AttemptStatus, ExecutionStatus
from engine.store.schema import attempt, execution
from engine.store.tx import Tx

PIECE = 20  # runs read at once: the event loop waits while rows become values
MOST_STEPS = 2000  # of a workflow of very many steps fewer runs are read
_DONE = [status.value for status in (AttemptStatus.SUCCEEDED, *sorted(FAILURES))]
_SETTLED = [*_DONE, AttemptStatus.SKIPPED.value]


def past_runs(tx: Tx, workflow_id: str, most: int) -> list[PastRun]:
    """The newest runs of a workflow that succeeded, newest first."""
    query = (
        select(execution.c.id, execution.c.started_at, execution.c.completed_at)
        .where(execution.c.workflow_id == workflow_id, execution.c.status == ExecutionStatus.SUCCEEDED.value)
        .order_by(execution.c.created_at.desc(), execution.c.id)
        .limit(most)
    )
    rows = tx.execute(query).all()
    steps: dict[str, list[StepRun]] = {}
    read = 0
    for at in range(0, len(rows), PIECE):
        if sum(map(len, steps.values())) >= MOST_STEPS:
            break
        steps |= _steps(tx, [row.id for row in rows[at : at + PIECE]])
        read = at + PIECE
    return [
        PastRun(seconds=_seconds(row.started_at, row.completed_at) or 0.0, steps=tuple(steps.get(row.id, ())))
        for row in rows[:read]
    ]


def _steps(tx: Tx, ids: list[str]) -> dict[str, list[StepRun]]:
    query = (
        select(
            *(attempt.c[name] for name in ("execution_id", "step_key", "step_name", "status")),
            *(attempt.c[name] for name in ("started_at", "completed_at", "routes")),
        )
        .where(attempt.c.execution_id.in_(ids), attempt.c.status.in_(_SETTLED), attempt.c.undoes.is_(None))
        .order_by(attempt.c.execution_id, attempt.c.number)
    )
    found: dict[str, list[StepRun]] = {}
    for row in tx.execute(query):
        if row.routes is None:  # it was tried again
            continue
        seconds = _seconds(row.started_at, row.completed_at) if row.status in _DONE else None
        step = StepRun(key=row.step_key, name=row.step_name, seconds=seconds, routes=tuple(row.routes))
        found.setdefault(row.execution_id, []).append(step)
    return found


def _seconds(started: datetime | None, ended: datetime | None) -> float | None:
    return None if started is None or ended is None else max(0.0, (ended - started).total_seconds())
