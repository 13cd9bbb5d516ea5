"""Who may ask: admin tokens and what they allow."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from engine.clock import new_id
from engine.core.events import Kind, NewEvent
from engine.core.names import parse_name
from engine.core.page import Page
from engine.core.tokens import Role, Token, digest, new_admin_token
from engine.errors import Invalid, Problem
from engine.services.context import Context
from engine.store import events, tokens
from engine.store.tx import Tx

# A token's last use is a column for people; it need not be true to the second, nor cost a write a request.
_USE_NOTED_EVERY = timedelta(minutes=1)


class Issued(NamedTuple):
    """A new token: what is kept of it, and the token itself, which is shown only now."""

    token: Token
    secret: str


class Access:
    """Admin tokens. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def authenticate(self, secret: str) -> Token | None:
        """The token this is, if it is one and has not expired."""
        found = await self._context.database.read(lambda tx: tokens.by_digest(tx, digest(secret)))
        now = self._context.now()
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return None
        if found.last_used_at is None or now - found.last_used_at > _USE_NOTED_EVERY:
            await self._context.database.write(lambda tx: tokens.used(tx, found.id, now))
        return found

    async def create(
        self,
        name: str,
        role: str = Role.ADMIN.value,
        *,
        by: str,
        expires_in: float | None = None,
        expires_at: datetime | None = None,
    ) -> Issued:
        """Make a token; `expires_in` is in seconds, and `expires_at` a time of the caller's.

        Raises:
            Invalid: the name or role is wrong.
            Conflict: there is a token of this name.
        """
        parse_name(name)
        if role not in set(Role):
            raise Invalid([Problem(path="role", message=f"{role!r} is no role; one of {', '.join(Role)}")])
        now = self._context.now()
        secret = new_admin_token()
        if expires_in is not None:
            expires_at = now + timedelta(seconds=expires_in)
        token = Token(
            id=new_id(),
            name=name,
            role=Role(role),
            created_at=now,
            expires_at=expires_at and expires_at.astimezone(UTC),
        )

        def work(tx: Tx) -> None:
            tokens.add(tx, token, digest(secret))
            fact = NewEvent(kind=Kind.TOKEN_CREATED, at=now, principal=by, data={"name": name, "role": role})
            events.append(tx, [fact])

        await self._context.database.write(work)
        return Issued(token, secret)

    async def revoke(self, reference: str, *, by: str) -> None:
        """End a token's use.

        Raises:
            NotFound: there is no such token.
        """

        def work(tx: Tx) -> None:
            name = tokens.remove(tx, reference)
            events.append(
                tx, [NewEvent(kind=Kind.TOKEN_REVOKED, at=self._context.now(), principal=by, data={"name": name})]
            )

        await self._context.database.write(work)

    async def find(self, page: Page) -> tuple[list[Token], int]:
        """A page of the tokens, and how many there are."""
        return await self._context.database.read(lambda tx: tokens.find(tx, page))
