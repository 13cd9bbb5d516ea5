"""The consoles that are open on a store: who, where from, and what they look at."""

from engine.core.consoles import LEASE, ConsoleSession, check_id, told
from engine.errors import Conflict
from engine.services.context import Context
from engine.store import consoles as store
from engine.store.tx import Tx

_MOST = 1000


class Consoles:
    """Open consoles. `by` is the principal whose console it is. A console that says nothing for `LEASE` is gone."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def renew(
        self,
        session_id: str,
        *,
        by: str,
        place: str = "",
        looks_at: str = "",
        is_remote: bool = False,
        is_read_only: bool = False,
    ) -> list[ConsoleSession]:
        """Say that a console is open still, and what it shows now; gives all that are open, the oldest first.

        Raises:
            Invalid: the id cannot be one.
            Conflict: it is the id of somebody else's console, or there are far too many of them.
        """
        check_id(session_id)
        now = self._context.now()
        value = ConsoleSession(
            id=session_id,
            name=told(by),
            place=told(place),
            looks_at=told(looks_at),
            is_remote=is_remote,
            is_read_only=is_read_only,
            since=now,
            seen_at=now,
        )

        def work(tx: Tx) -> list[ConsoleSession]:
            owner = store.owner(tx, session_id)
            if owner not in (None, value.name):
                raise Conflict("this is somebody else's console")
            if owner is None and len(store.find(tx, now - LEASE)) >= _MOST:
                raise Conflict(f"{_MOST} consoles are open; one more is not told to the others")
            store.forget(tx, now - LEASE)
            store.put(tx, value)
            return store.find(tx, now - LEASE)

        return await self._context.database.write(work)

    async def leave(self, session_id: str, *, by: str) -> None:
        """Say that a console is closed."""
        await self._context.database.write(lambda tx: store.remove(tx, session_id, told(by)))

    async def find(self) -> list[ConsoleSession]:
        """All that are open, the oldest first."""
        now = self._context.now()
        return await self._context.database.read(lambda tx: store.find(tx, now - LEASE))
