"""How the event log is kept."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from engine.core.events import Event, Kind, NewEvent
from engine.core.nodes import NodeState, StateChange, TriggeredBy
from engine.core.page import Page
from engine.store.bulk import Bulk
from engine.store.query import filtered, page_of
from engine.store.schema import event
from engine.store.tx import Tx

_ADD = Bulk(event, ["kind", "at", "principal", "node_id", "execution_id", "step_key", "data"])


class _Rows:
    """Events that a batch writes at its end, in the order in which they came."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []

    def flush(self, connection: Connection) -> None:
        """Write them."""
        _ADD.run(connection, self.rows)


def append(tx: Tx, facts: Iterable[NewEvent]) -> None:
    """Write facts to the log, in order."""
    values = [
        (fact.kind.value, fact.at, fact.principal, fact.node_id, fact.execution_id, fact.step_key, fact.data)
        for fact in facts
    ]
    if values:
        tx.defer("events", _Rows).rows.extend(values)


def after(tx: Tx, cursor: int, limit: int = 1000) -> list[Event]:
    """The events with ids above `cursor`, oldest first."""
    tx.flush()
    query = select(event).where(event.c.id > cursor).order_by(event.c.id).limit(limit)
    return [_event(row) for row in tx.rows(query)]


def cursor(tx: Tx) -> int:
    """The id of the newest event; 0 if there is none."""
    tx.flush()
    return tx.number(select(func.coalesce(func.max(event.c.id), 0)))


def find(tx: Tx, page: Page, after: int = 0) -> tuple[list[Event], int]:
    """A page of the log with ids above `after`, newest first unless sorted otherwise.

    Filters are `kind`, `node_id`, `execution_id`.
    """
    tx.flush()
    columns = {"kind": event.c.kind, "node_id": event.c.node_id, "execution_id": event.c.execution_id}
    sortable = {"id": event.c.id, "at": event.c.at}
    rows, total = page_of(tx, filtered(select(event).where(event.c.id > after), page, columns), page, sortable, "-id")
    return [_event(row) for row in rows], total


def history(tx: Tx, node_id: str, page: Page) -> tuple[list[StateChange], int]:
    """The state log of a node, newest first."""
    tx.flush()
    query = select(event).where(event.c.node_id == node_id, event.c.kind == Kind.NODE_STATE_CHANGED.value)
    rows, total = page_of(tx, query, page, {"id": event.c.id, "created_at": event.c.at}, "-id")
    return [_state_change(_event(row)) for row in rows], total


def newest_of(tx: Tx, node_id: str, kinds: Iterable[Kind]) -> Event | None:
    """The newest event of some kinds about a node."""
    tx.flush()
    mine = (event.c.node_id == node_id) & event.c.kind.in_([kind.value for kind in kinds])
    rows = tx.rows(select(event).where(mine).order_by(event.c.id.desc()).limit(1))
    return next((_event(row) for row in rows), None)


def newest_with(tx: Tx, node_id: str, kinds: Iterable[Kind], name: str, of: int = 50) -> Event | None:
    """The newest event of some kinds about a node whose data has something by a name; looks at the newest `of`."""
    tx.flush()
    mine = (event.c.node_id == node_id) & event.c.kind.in_([kind.value for kind in kinds])
    rows = tx.rows(select(event).where(mine).order_by(event.c.id.desc()).limit(of))
    return next((_event(row) for row in rows if row["data"].get(name)), None)


def _event(row: Mapping[str, Any]) -> Event:
    return Event(**{**row, "kind": Kind(row["kind"])})


def _state_change(fact: Event) -> StateChange:
    data = fact.data
    return StateChange(
        id=fact.id,
        from_state=NodeState(data["from_state"]),
        to_state=NodeState(data["to_state"]),
        triggered_by=TriggeredBy(data["triggered_by"]),
        principal=fact.principal,
        comment=data.get("comment"),
        metadata=data.get("metadata") or {},
        created_at=fact.at,
    )
