"""How the processes are kept that perform steps.

Times are the database's own, so that hosts whose clocks differ agree on who is gone. A lease begins when it is written;
whether one is over is asked for the moment at which the asking transaction began: who waits for its turn to write must
not take the others for dead that wait for theirs.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from engine.core.hosts import Host
from engine.store import postgres
from engine.store.schema import engine_host
from engine.store.tx import Tx

_NOUN = "host"
"""What the writer's memory calls whether a host lives, by the host's id."""


class _Clock(FunctionElement[datetime]):
    type = engine_host.c.seen_at.type
    inherit_cache = True


@compiles(_Clock)
def _clock(*_: object, **__: object) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(_Clock, "postgresql")
def _postgres_clock(*_: object, **__: object) -> str:
    return "clock_timestamp()"


def now(tx: Tx) -> datetime:
    """What time it is for the database."""
    moment: datetime = tx.execute(select(_Clock())).scalar_one()
    return moment


def began(tx: Tx) -> datetime:
    """What time it was for the database when this transaction began."""
    moment: datetime = tx.execute(select(func.current_timestamp(type_=engine_host.c.seen_at.type))).scalar_one()
    return moment


def add(tx: Tx, host_id: str, name: str, version: str, lease: timedelta) -> Host:
    """Make a process a host for so long."""
    at = now(tx)
    value = Host(id=host_id, name=name, version=version, started_at=at, seen_at=at, lease_until=at + lease)
    tx.execute(insert(engine_host), _row(value))
    _forget(tx, host_id)
    return value


def renew(tx: Tx, host_id: str, lease: timedelta) -> bool:
    """Extend a host's lease; False if it is no host any more."""
    at = now(tx)
    mine = update(engine_host).where(engine_host.c.id == host_id)
    return tx.execute(mine.values(seen_at=at, lease_until=at + lease)).rowcount == 1


def remove(tx: Tx, host_id: str) -> None:
    """Let a process be a host no more."""
    tx.execute(delete(engine_host).where(engine_host.c.id == host_id))
    _forget(tx, host_id)


def mark(tx: Tx, host_id: str) -> None:
    """Mark a host as alive for as long as the connection of its writer is (PostgreSQL)."""
    postgres.mark(tx, host_id)


def is_gone(tx: Tx, host: Host) -> bool:
    """Whether a host's lease is over, or its renewal is overdue and its mark gone (PostgreSQL)."""
    at = began(tx)
    if at > host.lease_until:
        return True
    return at > host.overdue_at and not postgres.is_marked(tx, host.id)


def find(tx: Tx) -> list[Host]:
    """All hosts, oldest first."""
    return [Host(**row) for row in tx.rows(select(engine_host).order_by(engine_host.c.started_at, engine_host.c.id))]


def ids(tx: Tx) -> frozenset[str]:
    """The ids of all hosts."""
    return frozenset(tx.execute(select(engine_host.c.id)).scalars())


def is_living(tx: Tx, host_id: str) -> bool:
    """Whether a host is one still; the writer remembers the answer until others write."""
    known = tx.memory(_NOUN)
    if known is None:
        return host_id in ids(tx)
    if host_id not in known:
        known[host_id] = host_id in ids(tx)
    return bool(known[host_id])


def _row(value: Host) -> dict[str, Any]:
    return {name: getattr(value, name) for name in ("id", "name", "version", "started_at", "seen_at", "lease_until")}


def _forget(tx: Tx, host_id: str) -> None:
    if (known := tx.memory(_NOUN)) is not None:
        known.pop(host_id, None)
