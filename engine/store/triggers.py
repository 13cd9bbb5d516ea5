"""How triggers are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update

from engine.core.events import Event, Kind
from engine.core.page import Page
from engine.core.trigger_config import TriggerType, Webhook, config_data, kept_config
from engine.core.triggers import Trigger, path_digest
from engine.errors import Conflict, NotFound
from engine.store.query import filtered, page_of
from engine.store.schema import event, trigger
from engine.store.tx import Tx

_FILTERS = {name: trigger.c[name] for name in ("name", "type", "workflow", "enabled")}
_SORTABLE = {
    **_FILTERS,
    **{
        name: trigger.c[name]
        for name in ("id", "next_at", "last_fired_at", "last_error", "fired", "created_at", "updated_at")
    },
}
_STATE = ("next_at", "cursor", "last_fired_at", "last_execution_id", "last_error", "fired")


def add(tx: Tx, value: Trigger) -> None:
    """Keep a new trigger.

    Raises:
        Conflict: another has its name or its path.
    """
    _refuse_twin(tx, value)
    tx.execute(insert(trigger).values(**_row(value)))


def save(tx: Tx, value: Trigger) -> None:
    """Keep a changed trigger.

    Raises:
        Conflict: another has its name or its path.
    """
    _refuse_twin(tx, value)
    tx.execute(update(trigger).where(trigger.c.id == value.id).values(**_row(value)))


def save_state(tx: Tx, value: Trigger) -> None:
    """Keep what firing changes of a trigger, and nothing that a person sets."""
    state = {name: getattr(value, name) for name in _STATE}
    tx.execute(update(trigger).where(trigger.c.id == value.id).values(**state))


def remove(tx: Tx, trigger_id: str) -> None:
    """Forget a trigger."""
    tx.execute(delete(trigger).where(trigger.c.id == trigger_id))


def get(tx: Tx, reference: str) -> Trigger:
    """The trigger with this id or name.

    Raises:
        NotFound: there is none.
    """
    row = tx.row(select(trigger).where(or_(trigger.c.id == reference, trigger.c.name == reference)))
    if row is None:
        raise NotFound(f"there is no trigger {reference}")
    return _trigger(row)


def known(tx: Tx, trigger_id: str) -> Trigger | None:
    """The trigger with this id, if it is still there."""
    row = tx.row(select(trigger).where(trigger.c.id == trigger_id))
    return None if row is None else _trigger(row)


def find(tx: Tx, page: Page) -> tuple[list[Trigger], int]:
    """A page of the triggers, by name unless sorted otherwise."""
    rows, total = page_of(tx, filtered(select(trigger), page, _FILTERS), page, _SORTABLE, "name")
    return [_trigger(row) for row in rows], total


def by_path(tx: Tx, path: str) -> Trigger | None:
    """The webhook at a path."""
    row = tx.row(select(trigger).where(trigger.c.path_digest == path_digest(path)))
    return None if row is None else _trigger(row)


def next_at(tx: Tx) -> datetime | None:
    """When a schedule fires next; only those that are enabled have such a time."""
    found: datetime | None = tx.execute(select(func.min(trigger.c.next_at))).scalar_one()
    return found


def due(tx: Tx, now: datetime, limit: int = 200) -> list[Trigger]:
    """The schedules that are due, the longest waiting first."""
    query = select(trigger).where(trigger.c.next_at <= now).order_by(trigger.c.next_at, trigger.c.id).limit(limit)
    return [_trigger(row) for row in tx.rows(query)]


def has_listeners(tx: Tx) -> bool:
    """Whether any trigger waits for events; only those that are enabled have a cursor."""
    return tx.execute(select(func.min(trigger.c.cursor))).scalar_one() is not None


def listeners(tx: Tx) -> list[Trigger]:
    """The triggers that wait for events."""
    query = select(trigger).where(trigger.c.cursor.is_not(None)).order_by(trigger.c.cursor, trigger.c.id)
    return [_trigger(row) for row in tx.rows(query)]


def events_of(tx: Tx, kinds: Iterable[Kind], after: int, limit: int) -> list[Event]:
    """The events of some kinds with ids above `after`, oldest first."""
    wanted = event.c.kind.in_([kind.value for kind in kinds])
    rows = tx.rows(select(event).where(event.c.id > after, wanted).order_by(event.c.id).limit(limit))
    return [Event(**{**row, "kind": Kind(row["kind"])}) for row in rows]


def event_by_id(tx: Tx, event_id: int) -> Event | None:
    """One event, if it is still in the log."""
    row = tx.row(select(event).where(event.c.id == event_id))
    return None if row is None else Event(**{**row, "kind": Kind(row["kind"])})


def _refuse_twin(tx: Tx, value: Trigger) -> None:
    others = trigger.c.id != value.id
    if tx.execute(select(trigger.c.id).where(trigger.c.name == value.name, others)).first() is not None:
        raise Conflict(f"there is a trigger {value.name} already")
    digest = _digest(value)
    if digest and tx.execute(select(trigger.c.id).where(trigger.c.path_digest == digest, others)).first() is not None:
        raise Conflict("another trigger has this path already; leave it out to be given one")


def _digest(value: Trigger) -> str | None:
    return path_digest(value.config.path) if isinstance(value.config, Webhook) else None


def _row(value: Trigger) -> dict[str, Any]:
    row = {each.name: getattr(value, each.name) for each in fields(Trigger)}
    more = {"type": value.type.value, "params": dict(value.params), "config": config_data(value.config)}
    return {**row, **more, "path_digest": _digest(value)}


def _trigger(row: Mapping[str, Any]) -> Trigger:
    kind = TriggerType(row["type"])
    values = {name: value for name, value in row.items() if name != "path_digest"}
    return Trigger(**{**values, "type": kind, "config": kept_config(kind, row["config"])})
