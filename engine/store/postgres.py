"""What PostgreSQL does in its own way."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.errors import Unavailable
from engine.store.faults import reason
from engine.store.schema import JSON_AS
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

T = TypeVar("T")

CHANNEL = "pureboot"
BUSY_SECONDS = 10  # how long the writer waits for another one
_ADVICE = {
    "25006": "it takes no writes: is it a standby?",
    "3D000": "restore the database from a backup",
    "42P01": "the database is not what it was when PureBoot began: restore it from a backup",
    "53100": "make room on the disk of the server",
    "55P03": "another program keeps it locked; pg_stat_activity on the server says which",
}
_WRITERS_LOCK = 0x50_55_52_45  # any fixed number; it keeps writers apart, so that event ids follow their commits


_LAST_WRITER = text("SELECT owner FROM writer WHERE id = 1")
_THIS_WRITER = text("UPDATE writer SET owner = :owner WHERE id = 1")
_SAME_WRITER = text("UPDATE writer SET owner = owner WHERE id = 1")
# There is nothing to be flushed: whoever is not told because the server fell looks by himself.
_NOTIFY = text("SELECT set_config('synchronous_commit', 'off', true), pg_notify(:channel, :name)")
_NEW_WRITER = text("INSERT INTO writer (id, owner) VALUES (1, :owner)")

# Beside the lock of the writers, which is one number, there is a second space of locks, which are two.
_MARK = text("SELECT pg_try_advisory_lock_shared(:space, hashtext(:name))")
_IS_FREE = text("SELECT pg_try_advisory_xact_lock(:space, hashtext(:name))")

_PLANNED_ANEW = {"plan_cache_mode": "force_custom_plan"}
"""A plan that was made while a table was small would be kept, and read the whole of it when it is large."""

IDLE_SECONDS = 5  # as all others wait for the writers' lock meanwhile, it must be less than they have patience
"""How long a transaction of a writer may wait for its process, which may be paused, or on a machine that is gone."""


class Postgres:
    """PostgreSQL through asyncpg; the writer thread has an event loop of its own for it."""

    POLL_SECONDS = 1.0
    is_shared = True

    def __init__(self, url: str) -> None:
        self.reader = create_async_engine(
            url,
            pool_size=4,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            connect_args={"server_settings": _PLANNED_ANEW},
            **JSON_AS,
        )
        self._url = url
        self._name = str(uuid.uuid4())
        self._writer: AsyncEngine | None = None
        self._is_new = False
        self.replacements = 0  # the lease of a host, which is not in another store, tells of that
        self._runner: asyncio.Runner | None = None

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
            raise Unavailable(f"the store {shown} cannot be opened: {reason(error)}") from None
        return backend

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` alone, in a transaction that is durable when this returns."""
        if self._runner is None or self._writer is None:
            self._runner = asyncio.Runner()
            # Whatever the server's default is: after the lock each statement has to see what was committed before it.
            self._writer = create_async_engine(
                self._url,
                pool_size=1,
                max_overflow=0,
                isolation_level="READ COMMITTED",
                connect_args={"server_settings": _writers_settings()},
                **JSON_AS,
            )
            event.listen(self._writer.sync_engine, "connect", self._connected)
        return self._runner.run(self._transaction(self._writer, work))

    @staticmethod
    async def _transaction(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        # A connection that broke while nobody used it is found out by using it: to ask each time would take as long as
        # the work of a small transaction. Before the lock nothing has happened, so a new one is tried.
        for is_second_try in (False, True):
            has_begun = False
            try:
                async with engine.begin() as connection:
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITERS_LOCK})
                    has_begun = True
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if has_begun or is_second_try or not error.connection_invalidated:
                    raise
        raise AssertionError("a second try gives a result or raises")

    def _connected(self, _connection: Any, _record: Any) -> None:
        self._is_new = True

    def probe(self, connection: Connection) -> None:
        """Write something that changes nothing."""
        connection.execute(_SAME_WRITER)

    def check_readable(self) -> None:
        """Leave it to the connection."""

    def advice(self, error: Exception) -> str | None:
        """What a person can do about an error of the database."""
        original = getattr(error, "orig", None)
        return _ADVICE.get(str(getattr(original, "sqlstate", None) or ""))

    def others_wrote(self, connection: Connection) -> bool:
        """Whether another process has written since this one: the last to write leaves its name."""
        owner = connection.execute(_LAST_WRITER).scalar()
        was_new, self._is_new = self._is_new, False
        if owner == self._name:
            return was_new  # behind a new connection may be another database of that name, restored from a copy
        connection.execute(_NEW_WRITER if owner is None else _THIS_WRITER, {"owner": self._name})
        return True

    def after_commit(self) -> None:
        """Tell other processes, if they can be told now: they also look by themselves."""
        # In a transaction of its own: a NOTIFY inside the writing one takes a lock over the whole cluster at commit.
        if self._runner is not None and self._writer is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                self._runner.run(self._notify(self._writer, self._name))

    @staticmethod
    async def _notify(engine: AsyncEngine, name: str) -> None:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(_NOTIFY, {"channel": CHANNEL, "name": name})

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
        heard = _Heard(stir, self._name)  # the same object must be given to remove_listener
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
        """Leave it to the leases who hosts."""
        return True

    async def close(self) -> None:
        """Give everything else back."""
        await self.reader.dispose()


def mark(tx: Tx, name: str) -> None:
    """Set a mark of this name, which goes when the connection of the transaction is closed, by whomever."""
    tx.execute(_MARK, {"space": _WRITERS_LOCK, "name": name})  # set again it counts, and all of it goes at once


def is_marked(tx: Tx, name: str) -> bool:
    """Whether another connection has set a mark of this name."""
    return not tx.execute(_IS_FREE, {"space": _WRITERS_LOCK, "name": name}).scalar()


def may_idle(tx: Tx) -> None:
    """Let this transaction wait for its process as long as that likes."""
    tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _writers_settings() -> dict[str, str]:
    return {
        "lock_timeout": f"{int(BUSY_SECONDS * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{int(IDLE_SECONDS * 1000)}ms",
        **_PLANNED_ANEW,
    }


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

    def __init__(self, stir: Callable[[], None], name: str) -> None:
        self._stir = stir
        self._name = name

    def __call__(self, _connection: object, _pid: int, _channel: str, sender: str) -> None:
        if sender != self._name:  # what this process wrote it knows
            self._stir()
