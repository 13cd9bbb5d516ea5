"""How secrets are kept: sealed, with a mark of their state that every change renews."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, text, update

from engine.core.page import Page
from engine.core.secrets import Secret
from engine.core.trigger_config import TriggerType, Webhook, config_data
from engine.errors import NotFound
from engine.store.query import page_of
from engine.store.schema import agent, secret, secret_state, trigger
from engine.store.tx import Tx

_SHOWN = [secret.c[name] for name in ("name", "created_at", "updated_at", "updated_by")]
_SORTABLE = {column.name: column for column in _SHOWN}
_NOUN = "secret_state"
"""What the writer's memory calls the state; it has one key, None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Another `rev` after each change, by whichever process; `key_id` is the key that seals here."""

    rev: str
    key_id: str


def state(tx: Tx) -> State | None:
    """The state; None while nothing was ever sealed. A process that writes alone does not ask the store for it."""
    memory = tx.memory(_NOUN)
    if memory is not None and None in memory:
        known: State | None = memory[None]
        return known
    row = tx.row(select(secret_state.c.rev, secret_state.c.key_id))
    found = None if row is None else State(**row)
    if memory is not None:
        memory[None] = found
    return found


def set_state(tx: Tx, value: State) -> None:
    """Keep a changed state."""
    row = {"rev": value.rev, "key_id": value.key_id}
    if tx.execute(update(secret_state).values(row)).rowcount == 0:
        tx.execute(insert(secret_state).values(id=1, **row))
    memory = tx.memory(_NOUN)
    if memory is not None:
        memory[None] = value


def sealed(tx: Tx) -> dict[str, str]:
    """All secrets as they are kept, by name."""
    return {row["name"]: row["sealed"] for row in tx.rows(select(secret.c.name, secret.c.sealed))}


def find(tx: Tx, page: Page) -> tuple[list[Secret], int]:
    """A page of the secrets, by name unless sorted otherwise."""
    rows, total = page_of(tx, select(*_SHOWN), page, _SORTABLE, "name")
    return [Secret(**row) for row in rows], total


def known(tx: Tx, name: str) -> Secret | None:
    """The secret of a name."""
    row = tx.row(select(*_SHOWN).where(secret.c.name == name))
    return None if row is None else Secret(**row)


def is_anything_sealed(tx: Tx) -> bool:
    """Whether there are secrets, or webhooks or agents with one."""
    for query in (select(secret.c.name), select(agent.c.id).where(agent.c.sealed.is_not(None))):
        if tx.execute(query.limit(1)).first() is not None:
            return True
    return any(hook.sealed for _, hook in webhooks(tx))


def webhooks(tx: Tx) -> list[tuple[str, Webhook]]:
    """The configs of all webhooks, by the trigger's id."""
    query = select(trigger.c.id, trigger.c.config).where(trigger.c.type == TriggerType.WEBHOOK.value)
    return [(row["id"], Webhook(**row["config"])) for row in tx.rows(query)]


def keep_webhook(tx: Tx, trigger_id: str, config: Webhook) -> None:
    """Keep a webhook's config whose secret was sealed anew."""
    tx.execute(update(trigger).where(trigger.c.id == trigger_id).values(config=config_data(config)))


def keep(tx: Tx, value: Secret, sealed_value: str) -> None:
    """Keep a new secret, or a new value of one."""
    row = {"sealed": sealed_value, "updated_at": value.updated_at, "updated_by": value.updated_by}
    if tx.execute(update(secret).where(secret.c.name == value.name).values(row)).rowcount == 0:
        tx.execute(insert(secret).values(name=value.name, created_at=value.created_at, **row))


def reseal(tx: Tx, values: Mapping[str, str]) -> None:
    """Keep values that were sealed anew, and nothing else of them."""
    for name, value in values.items():
        tx.execute(update(secret).where(secret.c.name == name).values(sealed=value))


def remove(tx: Tx, name: str) -> None:
    """Forget a secret.

    Raises:
        NotFound: there is none of this name.
    """
    if known(tx, name) is None:
        raise NotFound(f"there is no secret {name}")
    tx.execute(delete(secret).where(secret.c.name == name))


def overwrite_freed(tx: Tx) -> None:
    """Have SQLite overwrite what this connection frees from now on: what lay open is not to stay in the file. The
    space that PostgreSQL frees is overwritten by its own time.
    """
    connection: Any = tx.connection
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete = ON"))
