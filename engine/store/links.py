"""How links are kept."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from engine.core.links import Link
from engine.core.page import Page
from engine.core.shape import as_data
from engine.store.query import filtered, page_of
from engine.store.schema import execution, resource_link
from engine.store.tx import Tx

_FILTERS = {
    name: resource_link.c[name]
    for name in ("system", "kind", "key", "external_id", "node_id", "execution_id", "attempt_id")
}
_SORTABLE = _FILTERS | {"id": resource_link.c.id, "created_at": resource_link.c.created_at}


def add(tx: Tx, value: Link) -> None:
    """Keep a new link."""
    tx.execute(insert(resource_link), _row(value))


def _row(value: Link) -> dict[str, Any]:
    row = {column.name: getattr(value, column.name) for column in resource_link.columns}
    return {**row, "data": as_data(value.data)}


def known(tx: Tx, system: str, kind: str, key: str) -> Link | None:
    """The link to a thing, if somebody has made it."""
    named = (resource_link.c.system == system) & (resource_link.c.kind == kind) & (resource_link.c.key == key)
    row = tx.row(select(resource_link).where(named))
    return None if row is None else _link(row)


def find(tx: Tx, page: Page) -> tuple[list[Link], int]:
    """A page of the links, newest first unless sorted otherwise."""
    rows, total = page_of(tx, filtered(select(resource_link), page, _FILTERS), page, _SORTABLE, "-created_at,id")
    return [_link(row) for row in rows], total


def node_of(tx: Tx, execution_id: str) -> str | None:
    """The id of the node that an execution is for."""
    tx.flush()
    return tx.execute(select(execution.c.node_id).where(execution.c.id == execution_id)).scalar()


def _link(row: Mapping[str, Any]) -> Link:
    return Link(**row)
