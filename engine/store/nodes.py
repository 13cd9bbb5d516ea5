"""How nodes are kept."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from engine.core.changing import changed
from engine.core.nodes import Node, NodeState, parse_mac
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound
from engine.store.bulk import Bulk
from engine.store.query import filtered, page_of
from engine.store.schema import node, node_tag
from engine.store.tx import Tx

PIECE = 200  # how many are read at once: the event loop waits while rows become values
_NOUN = "node"
_MACS = "id of the node with a MAC address"
_GET = select(node).where(node.c.id == bindparam("its_id"))
_TAGS = select(node_tag.c.tag).where(node_tag.c.node_id == bindparam("its_id")).order_by(node_tag.c.tag)
_SAVE = update(node).where(node.c.id == bindparam("its_id"))
_BY_MAC = select(node).where(node.c.mac_address == bindparam("its_mac"))
_ALIKE = (
    select(node)
    .where(
        or_(
            node.c.system_uuid.in_(bindparam("its_uuids", expanding=True)),
            node.c.serial_number == bindparam("its_serial"),
        )
    )
    .order_by(node.c.created_at, node.c.id)
    .limit(bindparam("most"))
)
_SAVE_SEEN = Bulk(node, ["id", "last_seen_at"], key="id")
_COLUMNS = [field.name for field in fields(Node) if field.name != "tags"]
_FILTERS = {
    name: node.c[name]
    for name in (
        "state",
        "group_id",
        "hostname",
        "mac_address",
        "ip_address",
        "vendor",
        "model",
        "serial_number",
        "system_uuid",
        "arch",
        "boot_mode",
        "workflow_id",
        "locked",
    )
}
_SORTABLE = {
    name: node.c[name]
    for name in (
        *_FILTERS,
        "id",
        "install_attempts",
        "state_changed_at",
        "last_seen_at",
        "created_at",
        "updated_at",
    )
}


class _Seen:
    """When nodes were heard that a batch heard, written at its end: of each the last."""

    def __init__(self) -> None:
        self.at: dict[str, datetime] = {}

    def flush(self, connection: Connection) -> None:
        """Write it."""
        _SAVE_SEEN.run(connection, list(self.at.items()))


def add(tx: Tx, value: Node) -> None:
    """Keep a new node.

    Raises:
        Conflict: another node has its MAC address.
    """
    known = by_mac(tx, value.mac_address)
    if known is not None:
        raise Conflict(f"there is a node with the MAC address {value.mac_address} already: {known.name} ({known.id})")
    tx.execute(insert(node), _row(value))
    _add_tags(tx, value.id, value.tags)
    _remember(tx, value)


def save(tx: Tx, value: Node) -> None:
    """Keep a changed node; its tags have a function of their own."""
    before = (tx.memory(_NOUN) or {}).get(value.id)
    _forget(tx, value.id)
    tx.defer("nodes", _Seen).at.pop(value.id, None)  # the value has it
    tx.execute(_SAVE, {"its_id": value.id, **_row(value)})
    if before is not None and before.tags == value.tags:
        _remember(tx, value)


def save_tags(tx: Tx, value: Node) -> None:
    """Keep a node's tags."""
    _forget(tx, value.id)
    tx.execute(delete(node_tag).where(node_tag.c.node_id == value.id))
    _add_tags(tx, value.id, value.tags)


def seen(tx: Tx, value: Node, at: datetime) -> Node:
    """Note that a node was heard, which is no fact of the log; gives the node with it."""
    heard = changed(value, last_seen_at=at)
    tx.defer("nodes", _Seen).at[value.id] = at
    _remember(tx, heard)
    return heard


def get(tx: Tx, reference: str) -> Node:
    """The node with this id or else MAC address or else (if only one has it) hostname.

    In this order: a hostname is what a machine says of itself, and must not hide another node.

    Raises:
        NotFound: there is none.
        Conflict: several have this hostname.
    """
    ways = [node.c.id == reference]
    with suppress(Invalid):
        ways.append(node.c.mac_address == parse_mac(reference))
    for way in (*ways, node.c.hostname == reference):
        found = _many(tx, tx.rows(select(node).where(way).limit(2)))
        if len(found) > 1:
            raise Conflict(f"several nodes are called {reference}; name one by its MAC address or id")
        if found:
            return found[0]
    raise NotFound(f"there is no node {reference}")


def get_by_id(tx: Tx, node_id: str) -> Node:
    """The node with this id, from the writer's memory if it is there.

    Raises:
        NotFound: there is none.
    """
    known = tx.memory(_NOUN)
    found = known.get(node_id) if known is not None else None
    if found is None:
        row = tx.row(_GET, {"its_id": node_id})
        if row is None:
            raise NotFound(f"there is no node {node_id}")
        found = _loaded(tx, row)
    return found


def _loaded(tx: Tx, row: Mapping[str, Any]) -> Node:
    """A row as a value, from now on in the writer's memory."""
    found = _node(tx, row, tx.execute(_TAGS, {"its_id": row["id"]}).scalars())
    _remember(tx, found)
    return found


def _remember(tx: Tx, value: Node) -> None:
    known = tx.memory(_NOUN)
    if known is not None:
        known[value.id] = value


def _forget(tx: Tx, node_id: str) -> None:
    known = tx.memory(_NOUN)
    if known is not None:
        known.pop(node_id, None)


def by_mac(tx: Tx, mac_address: str) -> Node | None:
    """The node with this MAC address (in the form of `parse_mac`), from the writer's memory if it is there."""
    known = tx.memory(_MACS)
    node_id: str | None = known.get(mac_address) if known is not None else None
    if node_id is not None and (found := get_by_id(tx, node_id)).mac_address == mac_address:
        return found
    row = tx.row(_BY_MAC, {"its_mac": mac_address})
    if row is None:
        return None
    if known is not None:
        known[mac_address] = row["id"]
    return _loaded(tx, row)


def alike(tx: Tx, uuids: Sequence[str], serial: str | None, limit: int = 10) -> list[Node]:
    """Nodes with one of these UUIDs or this serial number, as they are written, oldest first."""
    if not uuids and not serial:
        return []
    return _many(tx, tx.rows(_ALIKE, {"its_uuids": list(uuids), "its_serial": serial or None, "most": limit}))


def by_ids(tx: Tx, ids: Iterable[str]) -> list[Node]:
    """The nodes with these ids; those that do not exist are left out."""
    wanted = list(ids)
    parts = (wanted[at : at + PIECE] for at in range(0, len(wanted), PIECE))
    return [value for part in parts for value in _many(tx, tx.rows(select(node).where(node.c.id.in_(part))))]


def everything(tx: Tx) -> list[Node]:
    """Every node, in no order that means anything."""
    found: list[Node] = []
    after = ""
    while piece := _many(tx, tx.rows(select(node).where(node.c.id > after).order_by(node.c.id).limit(PIECE))):
        found += piece
        after = piece[-1].id
    return found


def find(tx: Tx, page: Page) -> tuple[list[Node], int]:
    """A page of the nodes, by name unless sorted otherwise; filters are the node's fields and `tag`."""
    query = filtered(select(node), page, _FILTERS)
    tags = page.filters.get("tag")
    if tags:
        query = query.where(node.c.id.in_(select(node_tag.c.node_id).where(node_tag.c.tag.in_(tags))))
    rows, total = page_of(tx, query, page, _SORTABLE, "hostname,mac_address")
    return _many(tx, rows), total


def count_by_state(tx: Tx) -> dict[NodeState, int]:
    """How many nodes stand in each state."""
    query = select(node.c.state, func.count().label("count")).group_by(node.c.state)
    return {NodeState(row["state"]): row["count"] for row in tx.rows(query)}


def in_state(tx: Tx, state: NodeState) -> int:
    """How many nodes stand in a state."""
    return tx.number(select(func.count()).select_from(node).where(node.c.state == state))


def in_group(tx: Tx, group_id: str) -> int:
    """How many nodes a group has."""
    return tx.number(select(func.count()).select_from(node).where(node.c.group_id == group_id))


def _add_tags(tx: Tx, node_id: str, tags: Sequence[str]) -> None:
    if tags:
        tx.execute(insert(node_tag), [{"node_id": node_id, "tag": tag} for tag in tags])


def _row(value: Node) -> dict[str, Any]:
    row = {name: getattr(value, name) for name in _COLUMNS}
    return {**row, "state": value.state.value, "metadata": dict(value.metadata)}


def _many(tx: Tx, listed: Sequence[Mapping[str, Any]]) -> list[Node]:
    tags: dict[str, list[str]] = {row["id"]: [] for row in listed}
    for at in range(0, len(listed), PIECE):
        ids = [row["id"] for row in listed[at : at + PIECE]]
        query = select(node_tag).where(node_tag.c.node_id.in_(ids)).order_by(node_tag.c.tag)
        for row in tx.rows(query):
            tags[row["node_id"]].append(row["tag"])
    return [_node(tx, row, tags[row["id"]]) for row in listed]


def _node(tx: Tx, row: Mapping[str, Any], tags: Iterable[str]) -> Node:
    """A row as a value, with what the batch has still to write of it."""
    waiting = tx.waiting("nodes")
    heard = waiting.at.get(row["id"]) if isinstance(waiting, _Seen) else None
    value = Node(**{**row, "state": NodeState(row["state"]), "tags": tuple(tags)})
    return value if heard is None else changed(value, last_seen_at=heard)
