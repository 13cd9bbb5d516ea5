"""How open consoles are kept: columns that are renewed, and no events."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from engine.core.consoles import ConsoleSession
from engine.store.schema import console_session
from engine.store.tx import Tx

_NAMES = ("id", "name", "place", "looks_at", "is_remote", "is_read_only", "since", "seen_at")


def put(tx: Tx, value: ConsoleSession) -> None:
    """Keep a console, or what it says of itself now; since when it is open stays as it was."""
    fresh = {name: getattr(value, name) for name in _NAMES}
    mine = update(console_session).where(console_session.c.id == value.id)
    changed = tx.execute(mine.values({name: fresh[name] for name in _NAMES if name not in ("id", "since")}))
    if changed.rowcount == 0:
        tx.execute(insert(console_session).values(fresh))


def remove(tx: Tx, session_id: str, name: str) -> None:
    """Forget a console of somebody's."""
    tx.execute(delete(console_session).where(console_session.c.id == session_id, console_session.c.name == name))


def owner(tx: Tx, session_id: str) -> str | None:
    """Whose console this is; None if there is none of this id."""
    found = tx.execute(select(console_session.c.name).where(console_session.c.id == session_id)).first()
    return None if found is None else str(found.name)


def forget(tx: Tx, seen_before: datetime) -> None:
    """Forget those that were silent since a time."""
    tx.execute(delete(console_session).where(console_session.c.seen_at < seen_before))


def find(tx: Tx, seen_after: datetime) -> list[ConsoleSession]:
    """Those that were heard after a time, the longest open first."""
    query = select(*[console_session.c[name] for name in _NAMES]).where(console_session.c.seen_at >= seen_after)
    rows = tx.rows(query.order_by(console_session.c.since, console_session.c.id))
    return [ConsoleSession(**row) for row in rows]
