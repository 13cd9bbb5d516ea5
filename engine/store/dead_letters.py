"""How dead letters are kept."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, insert, select, update

from engine.core.dead_letters import DeadLetter, LetterKind, Resolution
from engine.core.page import Page
from engine.core.shape import as_data
from engine.errors import NotFound
from engine.store.query import filtered, page_of
from engine.store.schema import dead_letter
from engine.store.tx import Tx

_FILTERS = {
    name: dead_letter.c[name]
    for name in ("id", "kind", "execution_id", "trigger_id", "node_id", "step_key", "resolution")
}
_SORTABLE = _FILTERS | {"created_at": dead_letter.c.created_at, "resolved_at": dead_letter.c.resolved_at}
_OPEN = dead_letter.c.resolved_at.is_(None)


def add(tx: Tx, value: DeadLetter) -> None:
    """Keep a new letter."""
    tx.execute(insert(dead_letter), _row(value))


def resolve(tx: Tx, value: DeadLetter) -> None:
    """Keep what became of a letter."""
    row = _row(value)
    changed = {name: row[name] for name in ("execution_id", "resolved_at", "resolved_by", "resolution", "comment")}
    tx.execute(update(dead_letter).where(dead_letter.c.id == value.id).values(changed))


def get(tx: Tx, letter_id: str) -> DeadLetter:
    """The letter with this id.

    Raises:
        NotFound: there is none.
    """
    row = tx.row(select(dead_letter).where(dead_letter.c.id == letter_id))
    if row is None:
        raise NotFound(f"there is no dead letter {letter_id}")
    return _letter(row)


def open_of(tx: Tx, execution_id: str) -> list[DeadLetter]:
    """The open letters of an execution."""
    query = select(dead_letter).where(dead_letter.c.execution_id == execution_id, _OPEN)
    return [_letter(row) for row in tx.rows(query.order_by(dead_letter.c.created_at))]


def find(tx: Tx, page: Page) -> tuple[list[DeadLetter], int]:
    """A page of the letters, newest first unless sorted otherwise; only open ones unless `resolved` says otherwise."""
    query = filtered(select(dead_letter), page, _FILTERS)
    wanted = set(page.filters.get("resolved", ("false",)))
    if wanted == {"false"}:
        query = query.where(_OPEN)
    elif wanted == {"true"}:
        query = query.where(~_OPEN)
    rows, total = page_of(tx, query, page, _SORTABLE, "-created_at,id")
    return [_letter(row) for row in rows], total


def count_open(tx: Tx) -> int:
    """How many letters wait for a person."""
    return tx.number(select(func.count()).select_from(dead_letter).where(_OPEN))


def _row(value: DeadLetter) -> dict[str, Any]:
    row = {column.name: getattr(value, column.name) for column in dead_letter.columns}
    return {
        **row,
        "kind": value.kind.value,
        "payload": as_data(value.payload),
        "resolution": None if value.resolution is None else value.resolution.value,
    }


def _letter(row: Mapping[str, Any]) -> DeadLetter:
    resolution = row["resolution"]
    return DeadLetter(
        **{
            **row,
            "kind": LetterKind(row["kind"]),
            "resolution": None if resolution is None else Resolution(resolution),
        }
    )
