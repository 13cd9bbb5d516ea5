"""How executions and their attempts are kept."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from engine.core.changing import changed
from engine.core.executions import LIVE, Attempt, AttemptStatus, Execution, ExecutionStatus, Failure, Performer
from engine.core.page import Page
from engine.errors import NotFound
from engine.store import live
from engine.store.execution_changes import ATTEMPT_COLUMNS, COLUMNS, Changes, Heard
from engine.store.query import filtered, page_of
from engine.store.schema import attempt, engine_host, execution
from engine.store.tx import Tx

# How many executions with their attempts are read at once: the event loop waits while rows become values.
PIECE = 50
_NOUN = "execution"

# What every transition needs is stated once, with its values apart: making a statement costs more than running it.
_GET = select(execution).where(execution.c.id == bindparam("its_id"))
_ATTEMPTS = select(attempt).where(attempt.c.execution_id == bindparam("its_id")).order_by(attempt.c.number)
_LIVE = [status.value for status in LIVE]
_FILTERS = {
    "status": execution.c.status,
    "workflow": execution.c.workflow_name,
    "workflow_id": execution.c.workflow_id,
    "node_id": execution.c.node_id,
    "parent_id": execution.c.parent_id,
    "trigger": execution.c.trigger,
    "request_id": execution.c.request_id,
}
_SORTABLE = _FILTERS | {
    name: execution.c[name]
    for name in ("id", "created_at", "started_at", "completed_at", "workflow_name", "progress_percent")
}


def add(tx: Tx, value: Execution, token_digest: str, wake_at: datetime | None = None) -> None:
    """Keep a new execution."""
    _keep(tx, None, value, wake_at, token_digest)


def save(tx: Tx, value: Execution, wake_at: datetime | None) -> None:
    """Keep a changed execution, which was read in this transaction."""
    known = tx.memory(_NOUN)
    before = known.get(value.id) if known is not None else None
    _keep(tx, before or _read(tx, value.id), value, wake_at, None)


def _keep(
    tx: Tx, before: Execution | None, value: Execution, wake_at: datetime | None, token_digest: str | None
) -> None:
    tx.defer("executions", Changes).add(before, value, wake_at, token_digest)
    live.forget(tx, before, value)
    known = tx.memory(_NOUN)
    if known is not None:
        if value.ended:
            known.pop(value.id, None)
        else:
            known[value.id] = value


def set_wake(tx: Tx, execution_id: str, wake_at: datetime | None) -> None:
    """Note when an execution has to be planned next."""
    tx.defer("executions", Changes).wake(execution_id, wake_at)


def heard(tx: Tx, value: Attempt, at: datetime) -> None:
    """Note a sign of life, which is no fact of the log."""
    tx.defer("heard", Heard).add(value.id, at)
    known = tx.memory(_NOUN)
    whole = known.get(value.execution_id) if known is not None else None
    if known is not None and whole is not None:
        attempts = tuple(changed(each, heard_at=at) if each.id == value.id else each for each in whole.attempts)
        known[whole.id] = changed(whole, attempts=attempts)


def get(tx: Tx, execution_id: str) -> Execution:
    """The execution with this id, with its attempts.

    Raises:
        NotFound: there is none.
    """
    known = tx.memory(_NOUN)
    found = known.get(execution_id) if known is not None else None
    if found is None:
        found = _read(tx, execution_id)
        if found is None:
            raise NotFound(f"there is no execution {execution_id}")
        if known is not None and not found.ended:
            known[execution_id] = found
    return found


def _read(tx: Tx, execution_id: str) -> Execution | None:
    tx.flush()
    row = tx.row(_GET, {"its_id": execution_id})
    if row is None:
        return None
    return _execution(row, [_attempt(each) for each in tx.rows(_ATTEMPTS, {"its_id": execution_id})])


def parent_of(tx: Tx, execution_id: str) -> str | None:
    """The id of the execution whose step started this one."""
    return tx.execute(select(execution.c.parent_id).where(execution.c.id == execution_id)).scalar()


def children(tx: Tx, execution_id: str) -> list[Execution]:
    """The executions that steps of an execution started, oldest first."""
    tx.flush()
    query = select(execution).where(execution.c.parent_id == execution_id).order_by(execution.c.created_at)
    return _many(tx, tx.rows(query))


def by_token(tx: Tx, token_digest: str) -> Execution | None:
    """The execution whose capability token has this digest."""
    return _first(tx, execution.c.token_digest == token_digest)


def by_request(tx: Tx, workflow_id: str, request_id: str) -> Execution | None:
    """The execution that a request for a workflow started before."""
    return _first(tx, execution.c.workflow_id == workflow_id, execution.c.request_id == request_id)


def live_on(tx: Tx, node_id: str) -> Execution | None:
    """The execution that has not ended yet on a node."""
    found = live.id_on(tx, node_id)
    return get(tx, found) if found else None


def find(
    tx: Tx, page: Page, since: datetime | None = None, until: datetime | None = None
) -> tuple[list[Execution], int]:
    """A page of the executions with their attempts, newest first unless sorted otherwise."""
    tx.flush()
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
    tx.flush()
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
    tx.flush()
    query = select(execution.c.id).where(execution.c.wake_at <= now).order_by(execution.c.wake_at).limit(limit)
    return list(tx.execute(query).scalars())


def to_claim(tx: Tx, owner: str, limit: int = 200) -> list[str]:
    """The ids of executions with attempts that an engine is to perform and that no living host has taken."""
    tx.flush()
    query = (
        select(attempt.c.execution_id)
        .where(
            attempt.c.status == AttemptStatus.RUNNING.value,
            attempt.c.performer == Performer.ENGINE.value,
            attempt.c.taken_by.is_(None) | attempt.c.taken_by.not_in(select(engine_host.c.id)),
        )
        .order_by(attempt.c.created_at)
        .limit(limit)
    )
    return list(dict.fromkeys(tx.execute(query).scalars()))


def taken_by(tx: Tx, owner: str) -> list[tuple[str, str]]:
    """The attempts that `owner` has taken and that run: (execution id, attempt id)."""
    tx.flush()
    mine = (attempt.c.status == AttemptStatus.RUNNING.value) & (attempt.c.performer == Performer.ENGINE.value)
    query = select(attempt.c.execution_id, attempt.c.id).where(mine, attempt.c.taken_by == owner)
    return [(row.execution_id, row.id) for row in tx.execute(query)]


def waiting(tx: Tx, limit: int = 1000) -> list[tuple[str, str]]:
    """Those that wait for their turn, longest first: (id, id of the workflow)."""
    tx.flush()
    query = (
        select(execution.c.id, execution.c.workflow_id)
        .where(execution.c.status == ExecutionStatus.PENDING.value)
        .order_by(execution.c.created_at, execution.c.id)
        .limit(limit)
    )
    return [(row.id, row.workflow_id) for row in tx.execute(query)]


def is_anyone_waiting(tx: Tx) -> bool:
    """Whether any execution waits for its turn."""
    return bool(waiting(tx, limit=1))


def count_waiting(tx: Tx, key: str, before: datetime, but: str) -> int:
    """How many wait with a concurrency key that were made before a time."""
    tx.flush()
    earlier = (execution.c.status == ExecutionStatus.PENDING.value) & (execution.c.concurrency_key == key)
    query = select(func.count()).select_from(execution)
    return tx.number(query.where(earlier, execution.c.created_at <= before, execution.c.id != but))


def count_at_work(tx: Tx, key: str | None = None) -> int:
    """How many executions that no other waits for run or are paused, in all or with a concurrency key."""
    tx.flush()
    at_work = execution.c.status.in_((ExecutionStatus.RUNNING.value, ExecutionStatus.PAUSED.value))
    query = select(func.count()).select_from(execution).where(at_work, execution.c.parent_id.is_(None))
    return tx.number(query if key is None else query.where(execution.c.concurrency_key == key))


def count_begun(tx: Tx, since: datetime) -> int:
    """How many executions that no other waits for began since a time."""
    tx.flush()
    query = select(func.count()).select_from(execution).where(execution.c.parent_id.is_(None))
    return tx.number(query.where(execution.c.started_at > since))


def first_begun(tx: Tx, since: datetime) -> datetime | None:
    """When the first of the executions began that began since a time."""
    tx.flush()
    query = select(execution.c.started_at).where(execution.c.parent_id.is_(None), execution.c.started_at > since)
    return tx.execute(query.order_by(execution.c.started_at).limit(1)).scalar()


def _first(tx: Tx, *conditions: Any) -> Execution | None:
    tx.flush()
    row = tx.row(select(execution).where(*conditions).limit(1))
    return None if row is None else _many(tx, [row])[0]


def _many(tx: Tx, listed: Sequence[Mapping[str, Any]]) -> list[Execution]:
    attempts: dict[str, list[Attempt]] = {row["id"]: [] for row in listed}
    ids = list(attempts)
    for at in range(0, len(ids), PIECE):
        query = select(attempt).where(attempt.c.execution_id.in_(ids[at : at + PIECE]))
        for row in tx.rows(query.order_by(attempt.c.execution_id, attempt.c.number)):
            attempts[row["execution_id"]].append(_attempt(row))
    return [_execution(row, attempts[row["id"]]) for row in listed]


def _execution(row: Mapping[str, Any], attempts: Sequence[Attempt]) -> Execution:
    values = {name: row[name] for name in COLUMNS}
    return Execution(**{**values, "status": ExecutionStatus(row["status"]), "attempts": tuple(attempts)})


def _attempt(row: Mapping[str, Any]) -> Attempt:
    values = {name: row[name] for name in ATTEMPT_COLUMNS}
    values["status"] = AttemptStatus(row["status"])
    values["performer"] = Performer(row["performer"])
    values["failure"] = None if row["failure"] is None else Failure(row["failure"])
    values["routes"] = None if row["routes"] is None else tuple(row["routes"])
    return Attempt(**values)
