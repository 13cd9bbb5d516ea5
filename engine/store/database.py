"""The database: `read()` and `write()`, and everything that differs between SQLite and PostgreSQL.

`write()` is alone. One writer thread takes whatever has queued up while the last commit ran and carries it out as one
transaction (`BEGIN IMMEDIATE` on SQLite, an advisory lock on PostgreSQL), so ids of events come out in the order of
commits, and a hundred callers share one flush to the disk. A unit of work is a plain function of the transaction: it
reads, decides and writes, and may be run again, so it does nothing else. It raises before it writes; one that raises
after writing costs its neighbours a second try, each unit then in a transaction of its own.

`read()` runs a function of the same kind in a snapshot on the async engine, beside the writer.
"""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from engine.errors import PureBootError, Unavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_BATCH = 500
BUSY_SECONDS = 10
# Any fixed number: it keeps writers of one PostgreSQL database apart, so that event ids follow the order of commits.
_WRITERS_LOCK = 0x50_55_52_45
_HOST_LOCK = 0x50_55_52_46
CHANNEL = "pureboot"


class Tx:
    """A transaction as the store's functions see it; it knows whether anything was written."""

    __slots__ = ("_connection", "wrote")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.wrote = False

    @property
    def connection(self) -> Connection:
        """The connection itself, for migrations; who writes through it says so by asking for it."""
        self.wrote = True
        return self._connection

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run one statement of SQLAlchemy Core."""
        if getattr(statement, "is_dml", False):
            self.wrote = True
        return self._connection.execute(statement, parameters)

    def rows(self, statement: Executable) -> list[dict[str, Any]]:
        """All rows of a statement, by column."""
        return [{str(key): value for key, value in row.items()} for row in self.execute(statement).mappings()]

    def row(self, statement: Executable) -> dict[str, Any] | None:
        """The first row of a statement, by column."""
        found = self.execute(statement).mappings().first()
        return None if found is None else {str(key): value for key, value in found.items()}

    def number(self, statement: Executable) -> int:
        """The one number a statement yields."""
        return int(self.execute(statement).scalar_one())


Work = Callable[[Tx], T]


@dataclass(slots=True)
class _Item:
    work: Work[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Backend(Protocol):
    """What a kind of database does in its own way."""

    reader: AsyncEngine

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` alone, in a transaction that is durable when this returns. Called in the writer thread only."""

    def after_commit(self) -> None:
        """Tell other processes. Called in the writer thread."""

    def close_writer(self) -> None:
        """Give the writer's connection back. Called in the writer thread, last."""

    def outside_changes(self, stir: Callable[[], None]) -> contextlib.AbstractAsyncContextManager[None]:
        """While entered, call `stir` when another process may have committed."""

    async def lock_host(self) -> bool:
        """Become the one process that runs this store's engine and servers; False if another is."""

    async def close(self) -> None:
        """Give everything else back."""


class Database:
    """One open store."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._run, name="pureboot-writer", daemon=True)
        self._on_commit: list[Callable[[], None]] = []
        self._closed = False
        self._writer.start()

    def on_commit(self, call: Callable[[], None]) -> None:
        """Have `call` called in the event loop after each commit of this process."""
        self._on_commit.append(call)

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a snapshot of its own.

        Raises:
            Unavailable: the store cannot be read now.
        """
        try:
            async with self.backend.reader.connect() as connection:
                return await connection.run_sync(lambda sync: work(Tx(sync)))
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    async def write(self, work: Work[T]) -> T:
        """Run `work` alone; when this returns, what it wrote is on the disk.

        Raises:
            Unavailable: the store cannot be written now; nothing of `work` happened.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Item(work, future))
        return await future

    async def close(self) -> None:
        """Finish what is queued, then give the connections back."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        await self.backend.close()

    def _run(self) -> None:
        open_for_work = True
        while open_for_work:
            batch, open_for_work = self._next_batch()
            if batch:
                self._commit(batch)
                self._loop.call_soon_threadsafe(self._resolve, batch)
        self.backend.close_writer()

    def _next_batch(self) -> tuple[list[_Item], bool]:
        batch: list[_Item] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == MAX_BATCH:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[_Item]) -> None:
        try:
            self.backend.transaction(lambda connection: _carry_out(connection, batch))
        except BaseException as error:  # whatever it is, somebody waits for the answer
            if len(batch) > 1:
                # One of them spoilt the transaction: run each alone, so that only that one is told.
                for item in batch:
                    self._commit([item])
                return
            batch[0].error = _translated(error)
            return
        self.backend.after_commit()

    def _resolve(self, batch: list[_Item]) -> None:
        for item in batch:
            if item.future.done():
                continue
            if item.error is not None:
                item.future.set_exception(item.error)
            else:
                item.future.set_result(item.result)
        for call in self._on_commit:
            call()


def _carry_out(connection: Connection, batch: list[_Item]) -> None:
    for item in batch:
        tx = Tx(connection)
        item.error = None
        try:
            item.result = item.work(tx)
        except Exception as error:
            if tx.wrote or isinstance(error, SQLAlchemyError):
                raise
            item.error = error


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, PureBootError | IntegrityError) or not isinstance(error, SQLAlchemyError):
        return error
    return _unavailable(error)


def _unavailable(error: SQLAlchemyError) -> Exception:
    if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
        reason = str(error.orig).strip() or type(error.orig).__name__
        return Unavailable(f"the store cannot be used now: {reason}")
    return error


async def open_database(url: str) -> Database:
    """Open the database at `url` (`sqlite:///…` or `postgresql+asyncpg://…`).

    Raises:
        Unavailable: it cannot be opened; the message says why and what to do.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_Sqlite(Path(parsed.database or "")))
    return Database(await _Postgres.connect(url))


class _Sqlite:
    """SQLite: WAL, every commit flushed, one writing connection in the writer thread, reads beside it."""

    POLL_SECONDS = 0.2

    def __init__(self, path: Path) -> None:
        self._path = path
        _writable(path)
        self._engine: Engine = create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0)
        _prepare(self._engine, "BEGIN IMMEDIATE")
        self.reader = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=4)
        _prepare(self.reader.sync_engine, "BEGIN", read_only=True)
        self._lock_file: Any = None

    def transaction(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    def after_commit(self) -> None:
        """Other processes look at SQLite's data version themselves."""

    def close_writer(self) -> None:
        self._engine.dispose()

    @contextlib.asynccontextmanager
    async def outside_changes(self, stir: Callable[[], None]) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._watch(stir), name="store-watch")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, stir: Callable[[], None]) -> None:
        # Asking takes about 2 µs; the number changes when another connection, of this or another process, committed.
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            seen = None
            while True:
                (version,) = connection.execute("PRAGMA data_version").fetchone()
                if version != seen:
                    seen = version
                    stir()
                await asyncio.sleep(self.POLL_SECONDS)

    async def lock_host(self) -> bool:
        import fcntl

        handle = self._path.with_name(self._path.name + ".lock").open("a")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._lock_file = handle
        return True

    async def close(self) -> None:
        await self.reader.dispose()
        if self._lock_file is not None:
            self._lock_file.close()


def _writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except (OSError, sqlite3.Error) as error:
        advice = "choose a folder that this user may write with database.url (PUREBOOT_DATABASE__URL)"
        raise Unavailable(f"the store {path} cannot be opened for writing: {error}; {advice}") from None


def _prepare(engine: Engine, begin: str, *, read_only: bool = False) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own begin comes too late and is never IMMEDIATE
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
            *(("query_only=ON",) if read_only else ()),
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


class _Postgres:
    """PostgreSQL through asyncpg; the writer thread has an event loop of its own for it."""

    POLL_SECONDS = 1.0

    def __init__(self, url: str) -> None:
        self.reader = create_async_engine(url, pool_size=4, pool_pre_ping=True, isolation_level="REPEATABLE READ")
        self._url = url
        self._writer: AsyncEngine | None = None
        self._runner: asyncio.Runner | None = None
        self._host: Any = None

    @classmethod
    async def connect(cls, url: str) -> "_Postgres":
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
        # In a transaction of its own: a NOTIFY inside the writing one takes a lock over the whole cluster at commit.
        if self._runner is not None and self._writer is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                self._runner.run(self._notify(self._writer))

    @staticmethod
    async def _notify(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(f"NOTIFY {CHANNEL}"))

    def close_writer(self) -> None:
        if self._runner is not None and self._writer is not None:
            self._runner.run(self._writer.dispose())
            self._runner.close()

    @contextlib.asynccontextmanager
    async def outside_changes(self, stir: Callable[[], None]) -> AsyncIterator[None]:
        async with self._raw() as connection:
            heard = lambda *_: stir()  # noqa: E731 - the same object must be given to remove_listener
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
        connection = await self.reader.connect()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        got = await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _HOST_LOCK})
        if not got:
            await connection.close()
            return False
        self._host = connection
        return True

    async def close(self) -> None:
        if self._host is not None:
            await self._host.close()
        await self.reader.dispose()


def _reason(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return str(original).strip() or type(original).__name__
