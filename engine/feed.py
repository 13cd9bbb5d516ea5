"""Following the event log: the only place that waits for change.

Whoever needs to know (screen, engine, API clients) remembers the id of the last event it has seen and asks for what
came after. A commit of this process wakes everybody at once, one of another process through what the database has for
that.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from engine.core.events import Event
from engine.store import events, logs
from engine.store.database import Database
from engine.store.logs import LogChunk


class Feed:
    """The live event log of an open store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stirs = 0
        self._outside_stirs = 0
        self._on_outside: list[Callable[[], None]] = []
        self._waiting: set[asyncio.Future[None]] = set()
        self._outside = contextlib.AsyncExitStack()
        database.on_commit(self.stir)
        database.on_doubt(self._stir_outside)

    async def open(self) -> None:
        """Begin to notice what other processes write."""
        await self._outside.enter_async_context(self._database.backend.outside_changes(self._stir_outside))

    async def close(self) -> None:
        """Stop noticing."""
        await self._outside.aclose()

    def stir(self) -> None:
        """Say that something may have been written."""
        self._stirs += 1
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def on_outside(self, call: Callable[[], None]) -> None:
        """Have `call` called when another process may have written something."""
        self._on_outside.append(call)

    def _stir_outside(self) -> None:
        self._outside_stirs += 1
        for call in self._on_outside:
            call()
        self.stir()

    @property
    def outside_stirs(self) -> int:
        """How often another process may have written something; to be given to `changed_outside`."""
        return self._outside_stirs

    async def changed_outside(self, seen: int) -> None:
        """Wait until another process may have written something since `outside_stirs` was `seen`."""
        while self._outside_stirs == seen:
            await self.changed(self._stirs)

    @property
    def stirs(self) -> int:
        """How often something may have been written; to be given to `changed`."""
        return self._stirs

    async def changed(self, seen: int) -> int:
        """Wait until something may have been written since `stirs` was `seen`; gives the new number."""
        if self._stirs == seen:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)
        return self._stirs

    async def cursor(self) -> int:
        """The id of the newest event."""
        return await self._database.read(events.cursor)

    async def follow(self, after: int) -> AsyncIterator[list[Event]]:
        """Yield the events with ids above `after` as they are written, in order, none missing, none twice.

        A batch may be empty: something that is no event changed, such as a progress or a last-seen time.
        """
        while True:
            seen = self._stirs
            batch = await self._database.read(lambda tx, last=after: events.after(tx, last))  # type: ignore[misc]
            if batch:
                after = batch[-1].id
            yield batch
            if not batch:
                await self.changed(seen)

    async def follow_log(
        self, execution_id: str, *, attempt_id: str | None = None, after: int = 0
    ) -> AsyncIterator[list[LogChunk]]:
        """Yield the pieces of an execution's log (or of one attempt's) as they arrive; never an empty batch."""
        while True:
            seen = self._stirs
            batch = await self._database.read(
                lambda tx, last=after: logs.pieces(tx, execution_id, attempt_id=attempt_id, after=last)  # type: ignore[misc]
            )
            if batch:
                after = batch[-1].id
                yield batch
            else:
                await self.changed(seen)
