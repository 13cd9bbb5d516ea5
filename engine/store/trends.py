"""What the log tells of how it was, by few rows: times are found by halving the ids, which grow with them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select

from engine.core.events import Kind
from engine.core.nodes import NodeState
from engine.core.trends import Move
from engine.store import events
from engine.store.schema import event
from engine.store.tx import Tx

PIECE = 500  # rows at once: the event loop waits while they become values
_CAME = (Kind.NODE_CREATED.value, Kind.NODE_DISCOVERED.value)
_MOVES = (*_CAME, Kind.NODE_STATE_CHANGED.value)


def first_since(tx: Tx, moment: datetime) -> int:
    """The least id of which all events that have it or a larger one are not older than a moment."""
    low, high = 0, events.cursor(tx) + 1
    while low < high:
        middle = (low + high) // 2
        row = tx.row(select(event.c.id, event.c.at).where(event.c.id >= middle).order_by(event.c.id).limit(1))
        if row is None or row["at"] >= moment:
            high = middle
        else:
            low = row["id"] + 1
    return low


def at_of(tx: Tx, first: int) -> datetime | None:
    """When the first event happened that has an id or a larger one."""
    row = tx.row(select(event.c.at).where(event.c.id >= first).order_by(event.c.id).limit(1))
    return None if row is None else row["at"]


def moves(tx: Tx, first: int, most: int) -> list[Move]:
    """The newest moves of nodes from an id on, newest first."""
    found: list[Move] = []
    below = events.cursor(tx) + 1
    while len(found) < most:
        query = select(event.c.id, event.c.at, event.c.kind, event.c.data)
        query = query.where(event.c.id >= first, event.c.id < below, event.c.kind.in_(_MOVES))
        rows = tx.rows(query.order_by(event.c.id.desc()).limit(PIECE))
        found += [_move(row["at"], row["kind"], row["data"]) for row in rows]
        if len(rows) < PIECE:
            break
        below = rows[-1]["id"]
    return found[:most]


def _move(at: datetime, kind: str, data: Any) -> Move:
    if kind in _CAME:
        return Move(at=at, from_state=None, to_state=NodeState.DISCOVERED)
    return Move(at=at, from_state=NodeState(data["from_state"]), to_state=NodeState(data["to_state"]))


def counted(tx: Tx, kinds: Iterable[Kind], edges: Sequence[int]) -> list[int]:
    """How many events of some kinds there are from each id to before the next."""
    wanted = [kind.value for kind in kinds]
    query = select(func.count()).select_from(event).where(event.c.kind.in_(wanted))
    return [
        tx.number(query.where(event.c.id >= begin, event.c.id < end)) if begin < end else 0
        for begin, end in pairwise(edges)
    ]
