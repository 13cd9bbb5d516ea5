"""How groups are kept."""

from dataclasses import fields
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from engine.core.groups import Group
from engine.core.page import Page
from engine.errors import Conflict, NotFound
from engine.store.query import filtered, page_of
from engine.store.schema import node_group
from engine.store.tx import Tx

_SORTABLE = {name: node_group.c[name] for name in ("id", "name", "created_at", "updated_at", "workflow_id")}


def add(tx: Tx, value: Group) -> None:
    """Keep a new group.

    Raises:
        Conflict: another group has its name.
    """
    _refuse_name(tx, value)
    tx.execute(insert(node_group).values(**_row(value)))


def save(tx: Tx, value: Group) -> None:
    """Keep a changed group.

    Raises:
        Conflict: another group has its name.
    """
    _refuse_name(tx, value)
    tx.execute(update(node_group).where(node_group.c.id == value.id).values(**_row(value)))


def remove(tx: Tx, group_id: str) -> None:
    """Forget a group."""
    tx.execute(delete(node_group).where(node_group.c.id == group_id))


def get(tx: Tx, reference: str) -> Group:
    """The group with this id or name.

    Raises:
        NotFound: there is none.
    """
    query = select(node_group).where(or_(node_group.c.id == reference, node_group.c.name == reference))
    row = tx.row(query)
    if row is None:
        raise NotFound(f"there is no group {reference}")
    return Group(**row)


def find(tx: Tx, page: Page) -> tuple[list[Group], int]:
    """A page of the groups, by name unless sorted otherwise."""
    rows, total = page_of(tx, filtered(select(node_group), page, _SORTABLE), page, _SORTABLE, "name")
    return [Group(**row) for row in rows], total


def _refuse_name(tx: Tx, value: Group) -> None:
    query = select(node_group.c.id).where(node_group.c.name == value.name, node_group.c.id != value.id)
    if tx.execute(query).first() is not None:
        raise Conflict(f"there is a group {value.name} already")


def _row(value: Group) -> dict[str, Any]:
    row = {field.name: getattr(value, field.name) for field in fields(Group)}
    return {**row, "metadata": dict(value.metadata)}
