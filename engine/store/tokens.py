"""How admin tokens are kept: only their digests."""

from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update

from engine.core.page import Page
from engine.core.tokens import Role, Token
from engine.errors import Conflict, NotFound
from engine.store.query import page_of
from engine.store.schema import token
from engine.store.tx import Tx

_SHOWN = [token.c[name] for name in ("id", "name", "role", "created_at", "expires_at", "last_used_at")]
_SORTABLE = {name: token.c[name] for name in ("id", "name", "role", "created_at", "expires_at", "last_used_at")}


def add(tx: Tx, value: Token, digest: str) -> None:
    """Keep a new token.

    Raises:
        Conflict: there is a token of this name.
    """
    if tx.execute(select(token.c.id).where(token.c.name == value.name)).first() is not None:
        raise Conflict(f"there is a token {value.name} already; revoke it first or choose another name")
    tx.execute(
        insert(token).values(
            id=value.id,
            name=value.name,
            role=value.role.value,
            digest=digest,
            created_at=value.created_at,
            expires_at=value.expires_at,
        )
    )


def by_digest(tx: Tx, digest: str) -> Token | None:
    """The token with this digest."""
    row = tx.row(select(*_SHOWN).where(token.c.digest == digest))
    return None if row is None else Token(**{**row, "role": Role(row["role"])})


def used(tx: Tx, token_id: str, at: datetime) -> None:
    """Note when a token was last used."""
    tx.execute(update(token).where(token.c.id == token_id).values(last_used_at=at))


def remove(tx: Tx, reference: str) -> str:
    """Forget the token with this id or name; gives its name.

    Raises:
        NotFound: there is none.
    """
    row = tx.execute(
        select(token.c.id, token.c.name).where(or_(token.c.id == reference, token.c.name == reference))
    ).first()
    if row is None:
        raise NotFound(f"there is no token {reference}")
    tx.execute(delete(token).where(token.c.id == row.id))
    return str(row.name)


def find(tx: Tx, page: Page) -> tuple[list[Token], int]:
    """A page of the tokens, by name unless sorted otherwise."""
    rows, total = page_of(tx, select(*_SHOWN), page, _SORTABLE, "name")
    return [Token(**{**row, "role": Role(row["role"])}) for row in rows], total


def count(tx: Tx) -> int:
    """How many tokens there are."""
    return tx.number(select(func.count()).select_from(token))
