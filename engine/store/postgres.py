"""What PostgreSQL does in its own way."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.errors import Unavailable
from engine.store.database import translated

_log = logging.getLogger(__name__)

T = TypeVar("T")

CHANNEL = "pureboot"
# Any fixed numbers do. The first keeps writers apart, so that event ids follow the order of commits.
_WRITERS_LOCK = 0x50_55_52_45
_HOST_LOCK = 0x50_55_52_46


class Postgres:
    """PostgreSQL through asyncpg; the writer thread has an event loop of its own for it."""

    POLL_SECONDS = 1.0

    def __init__(self, url: str) -> None:
        self.reader = create_async_engine(url, pool_size=4, pool_pre_ping=True, isolation_level="REPEATABLE READ")
        self._url = url
        self._writer: AsyncEngine | None = None
        self._runner: asyncio.Runner | None = None
        self._host: Any = None

    @classmethod
    async def connect(cls, url: str) -> "Postgres":
        """Open the server's database and see that it answers."""
        try:
            backend = cls(url)
            async with backend.reader.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except ModuleNotFoundError:
            raise Unavailable("PostgreSQL needs asyncpg: install pureboot[postgres]") from None
        except (SQLAlchemyError, OSError) as error:
            shown = make_url(url).render_as_string(hide_password=True)
            raise Unavailable(f"the store {shown} cannot be opened: {_reason(error)}") from None
        return backend

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` alone, in a transaction that is durable when this returns."""
        if self._runner is None or self._writer is None:
            self._runner = asyncio.Runner()
            # Whatever the server's default is: after the lock each statement has to see what was committed before it.
            self._writer = create_async_engine(
                self._url, pool_size=1, max_overflow=0, pool_pre_ping=True, isolation_level="READ COMMITTED"
            )
        return self._runner.run(self._transaction(self._writer, work))

    @staticmethod
    async def _transaction(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITERS_LOCK})
            return await connection.run_sync(work)

    def after_commit(self) -> None:
        """Tell other processes, if they can be told now: they also look by themselves."""
        # In a transaction of its own: a NOTIFY inside the writing one takes a lock over the whole cluster at commit.
        if self._runner is not None and self._writer is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                self._runner.run(self._notify(self._writer))

    @staticmethod
    async def _notify(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(f"NOTIFY {CHANNEL}"))

    def close_writer(self) -> None:
        """Give the writer's connection back."""
        if self._runner is not None and self._writer is not None:
            self._runner.run(self._writer.dispose())
            self._runner.close()

    @contextlib.asynccontextmanager
    async def outside_changes(self, stir: Callable[[], None]) -> AsyncIterator[None]:
        """While entered, call `stir` when another process may have committed."""
        listening = asyncio.create_task(self._listen(stir), name="store-listen")
        net = asyncio.create_task(self._net(stir), name="store-watch")
        try:
            yield
        finally:
            for task in (listening, net):
                task.cancel()
            await asyncio.gather(listening, net, return_exceptions=True)

    async def _listen(self, stir: Callable[[], None]) -> None:
        heard = _Heard(stir)  # the same object must be given to remove_listener
        while True:
            with contextlib.suppress(SQLAlchemyError, OSError):
                async with self._raw() as connection:
                    await connection.add_listener(CHANNEL, heard)
                    try:
                        await _closed(connection)
                    finally:
                        if not connection.is_closed():
                            await connection.remove_listener(CHANNEL, heard)
            await asyncio.sleep(self.POLL_SECONDS)

    async def _net(self, stir: Callable[[], None]) -> None:
        while True:  # a lost notification costs a second, never more
            await asyncio.sleep(self.POLL_SECONDS)
            stir()

    @contextlib.asynccontextmanager
    async def _raw(self) -> AsyncIterator[Any]:
        async with self.reader.connect() as connection:
            raw = await connection.get_raw_connection()
            yield raw.driver_connection

    async def lock_host(self) -> bool:
        """Become the one process that hosts this store; False if another does.

        Raises:
            Unavailable: the server cannot be asked now.
        """
        try:
            connection = await self.reader.connect()
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            got = await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _HOST_LOCK})
        except (SQLAlchemyError, OSError) as error:
            raise translated(error) from error
        if not got:
            await connection.close()
            return False
        self._host = connection
        return True

    async def host_lost(self) -> None:
        """Return when the connection that holds the lock is gone: the server has given the lock back by then."""
        raw = await self._host.get_raw_connection()
        await _closed(raw.driver_connection)
        _log.warning("the server closed the connection by which this process hosted the store")
        await self._let_go()

    async def _let_go(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                await host.close()

    async def close(self) -> None:
        """Give everything else back."""
        await self._let_go()
        await self.reader.dispose()


async def _closed(connection: Any) -> None:
    """Return when a connection of asyncpg's is closed, by whomever."""
    gone = asyncio.Event()

    def note(_: object) -> None:
        gone.set()

    connection.add_termination_listener(note)
    try:
        if not connection.is_closed():
            await gone.wait()
    finally:
        connection.remove_termination_listener(note)


class _Heard:
    """What asyncpg calls for each notification."""

    def __init__(self, stir: Callable[[], None]) -> None:
        self._stir = stir

    def __call__(self, *_: object) -> None:
        self._stir()


def _reason(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip() or type(original).__name__
