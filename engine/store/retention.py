"""How the past is forgotten: what may go, and its removal in small pieces.

What may go is read first, as ids; each removal asks again before it writes, since a person may have let an execution
go on meanwhile. An execution may go when it has ended, while nobody waits for it: no execution above or below it
lives, and no dead letter of it is open.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.sql import ColumnElement

from engine.core.events import PROGRESS
from engine.core.executions import ENDED, LIVE
from engine.core.retention import Cut
from engine.store.schema import artifact, attempt, attempt_log, dead_letter, event, execution
from engine.store.tx import Tx

_LIVE = [status.value for status in LIVE]
_ended_at = func.coalesce(execution.c.completed_at, execution.c.created_at)
_relative = execution.alias("relative")
_FREE = and_(
    execution.c.status.in_([status.value for status in ENDED]),
    ~exists().where(
        _relative.c.status.in_(_LIVE),
        or_(_relative.c.id == execution.c.parent_id, _relative.c.parent_id == execution.c.id),
    ),
    ~exists().where(dead_letter.c.execution_id == execution.c.id, dead_letter.c.resolved_at.is_(None)),
)
_PROGRESS = [kind.value for kind in PROGRESS]


def executions_to_go(tx: Tx, cut: Cut) -> list[tuple[str, int]]:
    """The ids of the executions that go, oldest first, each with how many attempts it has."""
    beyond: list[ColumnElement[bool]] = []
    if cut.executions is not None:
        beyond.append(_ended_at < cut.executions)
    if cut.keep is not None:
        ended = select(execution.c.id).where(execution.c.status.not_in(_LIVE))
        newest_first = ended.order_by(_ended_at.desc(), execution.c.id)
        beyond.append(execution.c.id.in_(newest_first.offset(cut.keep)))
    if not beyond:
        return []
    attempts = select(func.count()).where(attempt.c.execution_id == execution.c.id).scalar_subquery()
    query = (
        select(execution.c.id, attempts.label("attempts"))
        .where(_FREE, or_(*beyond))
        .order_by(_ended_at, execution.c.id)
    )
    return [(row["id"], row["attempts"]) for row in tx.rows(query)]


def logs_to_go(tx: Tx, before: datetime) -> list[str]:
    """The ids of the executions that ended before a time and still have logs."""
    logs = exists().where(attempt_log.c.execution_id == execution.c.id)
    return list(tx.execute(select(execution.c.id).where(_FREE, _ended_at < before, logs)).scalars())


def count_logs(tx: Tx, execution_ids: Sequence[str]) -> int:
    """How many pieces of log some executions have."""
    mine = attempt_log.c.execution_id.in_(execution_ids)
    return tx.number(select(func.count()).select_from(attempt_log).where(mine))


def events_to_go(tx: Tx, before: datetime, after: int, limit: int) -> list[int]:
    """The ids above `after` of events that may be forgotten and happened before a time; never that of the newest."""
    newest = select(func.max(event.c.id)).scalar_subquery()
    old = and_(event.c.kind.in_(_PROGRESS), event.c.at < before, event.c.id > after, event.c.id < newest)
    return list(tx.execute(select(event.c.id).where(old).order_by(event.c.id).limit(limit)).scalars())


def remove_logs(tx: Tx, execution_ids: Sequence[str], limit: int) -> int:
    """Forget pieces of the logs of those executions that may still go; gives how many."""
    tx.flush()
    free = select(execution.c.id).where(execution.c.id.in_(execution_ids), _FREE)
    first = select(attempt_log.c.id).where(attempt_log.c.execution_id.in_(free)).limit(limit)
    return tx.execute(delete(attempt_log).where(attempt_log.c.id.in_(first))).rowcount


def remove_executions(tx: Tx, execution_ids: Sequence[str]) -> tuple[int, int, int]:
    """Forget those executions that may still go; gives how many, with how many attempts and pieces of log."""
    tx.flush()
    free = list(tx.execute(select(execution.c.id).where(execution.c.id.in_(execution_ids), _FREE)).scalars())
    if not free:
        return 0, 0, 0
    tx.execute(delete(artifact).where(artifact.c.execution_id.in_(free)))
    logs = tx.execute(delete(attempt_log).where(attempt_log.c.execution_id.in_(free))).rowcount
    attempts = tx.execute(delete(attempt).where(attempt.c.execution_id.in_(free))).rowcount
    return tx.execute(delete(execution).where(execution.c.id.in_(free))).rowcount, attempts, logs


def remove_events(tx: Tx, ids: Sequence[int]) -> int:
    """Forget events; gives how many there were."""
    tx.flush()
    return tx.execute(delete(event).where(event.c.id.in_(ids))).rowcount
