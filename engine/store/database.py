"""The database: `read()` and `write()`. What differs between SQLite and PostgreSQL is in the modules of those names.

`write()` is alone. One writer thread takes whatever has queued up while the last commit ran and carries it out as one
transaction (`BEGIN IMMEDIATE` on SQLite, an advisory lock on PostgreSQL), so ids of events come out in the order of
commits, and a hundred callers share one flush to the disk. A unit of work is a plain function of the transaction: it
reads, decides and writes, and may be run again, so it does nothing else. It raises before it writes; one that raises
after writing costs its neighbours a second try, each unit then in a transaction of its own.

`read()` runs a function of the same kind in a snapshot on the async engine, beside the writer.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from engine.errors import PureBootError, Unavailable

T = TypeVar("T")

MAX_BATCH = 500


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
        except Exception as error:
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
    from engine.store.postgres import Postgres
    from engine.store.sqlite import Sqlite

    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(Sqlite(Path(parsed.database or "")))
    return Database(await Postgres.connect(url))
