"""How executions, their attempts and their logs are kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from engine.core.executions import (
    LIVE,
    Attempt,
    AttemptStatus,
    Execution,
    ExecutionStatus,
    Performer,
)
from engine.core.page import Page
from engine.core.shape import as_data
from engine.errors import NotFound
from engine.store.database import Tx
from engine.store.query import filtered, page_of
from engine.store.schema import attempt, attempt_log, execution

# How many executions with their attempts are read at once: the event loop waits while rows become values.
PIECE = 50
MAX_LOG = 8 * 1024 * 1024  # characters of log an attempt may have

_COLUMNS = [field.name for field in fields(Execution) if field.name != "attempts"]
_ATTEMPT_COLUMNS = [field.name for field in fields(Attempt)]
# What every transition needs is stated once, with its values apart: making a statement costs more than running it.
_GET = select(execution).where(execution.c.id == bindparam("its_id"))
_SAVE = update(execution).where(execution.c.id == bindparam("its_id"))
_ATTEMPTS = select(attempt).where(attempt.c.execution_id == bindparam("its_id")).order_by(attempt.c.number)
_ADD_ATTEMPT = insert(attempt)
_SAVE_ATTEMPT = update(attempt).where(attempt.c.id == bindparam("its_id"))
_GROW_LOG = (
    update(attempt)
    .where(attempt.c.id == bindparam("its_id"), attempt.c.log_size <= MAX_LOG)
    .values(log_size=attempt.c.log_size + bindparam("more"))
    .returning(attempt.c.log_size)
)
_ADD_LOG = insert(attempt_log)
_LIVE = [status.value for status in LIVE]
_FILTERS = {
    "status": execution.c.status,
    "workflow": execution.c.workflow_name,
    "workflow_id": execution.c.workflow_id,
    "node_id": execution.c.node_id,
    "trigger": execution.c.trigger,
    "request_id": execution.c.request_id,
}
_SORTABLE = _FILTERS | {
    name: execution.c[name]
    for name in ("id", "created_at", "started_at", "completed_at", "workflow_name", "progress_percent")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """A piece of an attempt's log. Ids grow in the order of commits, over all attempts."""

    id: int
    execution_id: str
    attempt_id: str
    at: datetime
    text: str


def add(tx: Tx, value: Execution, token_digest: str) -> None:
    """Keep a new execution, which has no attempts yet."""
    tx.execute(insert(execution), {"token_digest": token_digest, **_row(value)})


def save(tx: Tx, before: Execution, value: Execution, wake_at: datetime | None) -> None:
    """Keep a changed execution: its own row, and of its attempts those that are new or changed."""
    tx.execute(_SAVE, {"its_id": value.id, "wake_at": wake_at, **_row(value)})
    known = {each.id: each for each in before.attempts}
    for number, each in enumerate(value.attempts):
        if each.id not in known:
            tx.execute(_ADD_ATTEMPT, {"number": number, **_attempt_row(each)})
        elif each != known[each.id]:
            tx.execute(_SAVE_ATTEMPT, {"its_id": each.id, **_attempt_row(each)})


def set_wake(tx: Tx, execution_id: str, wake_at: datetime | None) -> None:
    """Note when an execution has to be planned next."""
    tx.execute(_SAVE, {"its_id": execution_id, "wake_at": wake_at})


def heard(tx: Tx, attempt_id: str, at: datetime) -> None:
    """Note a sign of life, which is no fact of the log."""
    tx.execute(_SAVE_ATTEMPT, {"its_id": attempt_id, "heard_at": at})


def get(tx: Tx, execution_id: str) -> Execution:
    """The execution with this id, with its attempts.

    Raises:
        NotFound: there is none.
    """
    row = tx.row(_GET, {"its_id": execution_id})
    if row is None:
        raise NotFound(f"there is no execution {execution_id}")
    return _execution(row, [_attempt(each) for each in tx.rows(_ATTEMPTS, {"its_id": execution_id})])


def by_token(tx: Tx, token_digest: str) -> Execution | None:
    """The execution whose capability token has this digest."""
    return _first(tx, execution.c.token_digest == token_digest)


def by_request(tx: Tx, workflow_id: str, request_id: str) -> Execution | None:
    """The execution that a request for a workflow started before."""
    return _first(tx, execution.c.workflow_id == workflow_id, execution.c.request_id == request_id)


def live_on(tx: Tx, node_id: str) -> Execution | None:
    """The execution that has not ended yet on a node."""
    return _first(tx, execution.c.node_id == node_id, execution.c.status.in_(_LIVE), execution.c.parent_id.is_(None))


def find(
    tx: Tx, page: Page, since: datetime | None = None, until: datetime | None = None
) -> tuple[list[Execution], int]:
    """A page of the executions with their attempts, newest first unless sorted otherwise."""
    query = filtered(select(execution), page, _FILTERS)
    if since is not None:
        query = query.where(execution.c.created_at >= since)
    if until is not None:
        query = query.where(execution.c.created_at < until)
    rows, total = page_of(tx, query, page, _SORTABLE, "-created_at,id")
    return _many(tx, rows), total


def by_ids(tx: Tx, ids: Iterable[str]) -> list[Execution]:
    """The executions with these ids; those that do not exist are left out."""
    wanted = list(ids)
    found: list[Execution] = []
    for at in range(0, len(wanted), PIECE):
        query = select(execution).where(execution.c.id.in_(wanted[at : at + PIECE]))
        found += _many(tx, tx.rows(query))
    return found


def live_and_newest(tx: Tx, newest: int) -> list[str]:
    """The ids of the newest executions and of every one that has not ended."""
    recent = select(execution.c.id).order_by(execution.c.created_at.desc(), execution.c.id).limit(newest)
    live = select(execution.c.id).where(execution.c.status.in_(_LIVE))
    return list(dict.fromkeys([*tx.execute(recent).scalars(), *tx.execute(live).scalars()]))


def count_live(tx: Tx, workflow_id: str) -> int:
    """How many executions of a workflow have not ended."""
    mine = (execution.c.workflow_id == workflow_id) & execution.c.status.in_(_LIVE)
    return tx.number(select(func.count()).select_from(execution).where(mine))


def count_by_status(tx: Tx) -> dict[ExecutionStatus, int]:
    """How many executions stand in each status."""
    query = select(execution.c.status, func.count().label("count")).group_by(execution.c.status)
    return {ExecutionStatus(row["status"]): row["count"] for row in tx.rows(query)}


def next_wake(tx: Tx) -> datetime | None:
    """When the next execution has to be planned although nothing happens."""
    return tx.execute(
        select(execution.c.wake_at).where(execution.c.wake_at.is_not(None)).order_by(execution.c.wake_at).limit(1)
    ).scalar()


def due(tx: Tx, now: datetime, limit: int = 200) -> list[str]:
    """The ids of the executions that have to be planned now."""
    query = select(execution.c.id).where(execution.c.wake_at <= now).order_by(execution.c.wake_at).limit(limit)
    return list(tx.execute(query).scalars())


def to_claim(tx: Tx, owner: str, limit: int = 200) -> list[str]:
    """The ids of the running attempts that an engine performs and that `owner` has not taken."""
    query = (
        select(attempt.c.id)
        .where(
            attempt.c.status == AttemptStatus.RUNNING.value,
            attempt.c.performer == Performer.ENGINE.value,
            attempt.c.taken_by.is_(None) | (attempt.c.taken_by != owner),
        )
        .order_by(attempt.c.created_at)
        .limit(limit)
    )
    return list(tx.execute(query).scalars())


def claim(tx: Tx, attempt_ids: Sequence[str], owner: str, now: datetime) -> list[Attempt]:
    """Take attempts that still run; gives those that were won."""
    if not attempt_ids:
        return []
    statement = (
        update(attempt)
        .where(attempt.c.id.in_(attempt_ids), attempt.c.status == AttemptStatus.RUNNING.value)
        .values(taken_by=owner, heard_at=now)
        .returning(attempt)
    )
    return [_attempt(row) for row in tx.rows(statement)]


def release(tx: Tx, owner: str, keep: Iterable[str]) -> None:
    """Give back what `owner` has taken and does not know of."""
    mine = (attempt.c.status == AttemptStatus.RUNNING.value) & (attempt.c.taken_by == owner)
    taken = set(tx.execute(select(attempt.c.id).where(mine)).scalars())
    for attempt_id in taken.difference(keep):
        tx.execute(_SAVE_ATTEMPT, {"its_id": attempt_id, "taken_by": None})


def append_log(tx: Tx, value: Attempt, at: datetime, text: str) -> None:
    """Add to an attempt's log; beyond `MAX_LOG` characters only that there was more."""
    size = tx.execute(_GROW_LOG, {"its_id": value.id, "more": len(text)}).scalar()
    if size is None:
        return
    if size > MAX_LOG:
        kept = text[: max(0, MAX_LOG - (size - len(text)))]
        text = f"{kept}\n[the log is cut here: it passed {MAX_LOG} characters]\n"
    tx.execute(_ADD_LOG, {"execution_id": value.execution_id, "attempt_id": value.id, "at": at, "text": text})


def log(
    tx: Tx, execution_id: str, *, attempt_id: str | None = None, after: int = 0, limit: int = 1000
) -> list[LogChunk]:
    """The pieces of an execution's log (or of one attempt's) with ids above `after`, oldest first."""
    query = select(attempt_log).where(attempt_log.c.execution_id == execution_id, attempt_log.c.id > after)
    if attempt_id is not None:
        query = query.where(attempt_log.c.attempt_id == attempt_id)
    return [LogChunk(**row) for row in tx.rows(query.order_by(attempt_log.c.id).limit(limit))]


def _first(tx: Tx, *conditions: Any) -> Execution | None:
    row = tx.row(select(execution).where(*conditions).limit(1))
    return None if row is None else _many(tx, [row])[0]


def _row(value: Execution) -> dict[str, Any]:
    row = {name: getattr(value, name) for name in _COLUMNS}
    return {**row, "status": value.status.value, "params": as_data(value.params)}


def _attempt_row(value: Attempt) -> dict[str, Any]:
    row = {name: getattr(value, name) for name in _ATTEMPT_COLUMNS}
    return {
        **row,
        "status": value.status.value,
        "performer": value.performer.value,
        "config": as_data(value.config),
        "output": as_data(value.output),
        "routes": None if value.routes is None else list(value.routes),
    }


def _many(tx: Tx, listed: Sequence[Mapping[str, Any]]) -> list[Execution]:
    attempts: dict[str, list[Attempt]] = {row["id"]: [] for row in listed}
    ids = list(attempts)
    for at in range(0, len(ids), PIECE):
        query = select(attempt).where(attempt.c.execution_id.in_(ids[at : at + PIECE]))
        for row in tx.rows(query.order_by(attempt.c.execution_id, attempt.c.number)):
            attempts[row["execution_id"]].append(_attempt(row))
    return [_execution(row, attempts[row["id"]]) for row in listed]


def _execution(row: Mapping[str, Any], attempts: Sequence[Attempt]) -> Execution:
    values = {name: row[name] for name in _COLUMNS}
    return Execution(**{**values, "status": ExecutionStatus(row["status"]), "attempts": tuple(attempts)})


def _attempt(row: Mapping[str, Any]) -> Attempt:
    values = {name: row[name] for name in _ATTEMPT_COLUMNS}
    values["status"] = AttemptStatus(row["status"])
    values["performer"] = Performer(row["performer"])
    values["routes"] = None if row["routes"] is None else tuple(row["routes"])
    return Attempt(**values)
