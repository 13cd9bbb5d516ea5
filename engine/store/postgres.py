"""What PostgreSQL does in its own way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.errors import Unavailable

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
            self._writer = create_async_engine(self._url, pool_size=1, max_overflow=0, pool_pre_ping=True)
        return self._runner.run(self._transaction(self._writer, work))

    @staticmethod
    async def _transaction(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITERS_LOCK})
            return await connection.run_sync(work)

    def after_commit(self) -> None:
        """Tell other processes."""
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
        async with self._raw() as connection:
            heard = _Heard(stir)  # the same object must be given to remove_listener
            await connection.add_listener(CHANNEL, heard)
            net = asyncio.create_task(self._net(stir), name="store-watch")
            try:
                yield
            finally:
                net.cancel()
                await asyncio.gather(net, return_exceptions=True)
                await connection.remove_listener(CHANNEL, heard)

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
        """Become the one process that hosts this store; False if another does."""
        connection = await self.reader.connect()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        got = await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _HOST_LOCK})
        if not got:
            await connection.close()
            return False
        self._host = connection
        return True

    async def close(self) -> None:
        """Give everything else back."""
        if self._host is not None:
            await self._host.close()
        await self.reader.dispose()


class _Heard:
    """What asyncpg calls for each notification."""

    def __init__(self, stir: Callable[[], None]) -> None:
        self._stir = stir

    def __call__(self, *_: object) -> None:
        self._stir()


def _reason(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip() or type(original).__name__
