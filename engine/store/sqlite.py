"""What SQLite does in its own way."""

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from engine.errors import Unavailable
from engine.store.schema import JSON_AS

T = TypeVar("T")

BUSY_SECONDS = 10
# The pages that a thousand executions at once touch stay in memory (12 MB), and are written back to the file seldom.
_WRITERS = ("cache_size=-12000", "wal_autocheckpoint=4000")


class Sqlite:
    """SQLite: WAL, every commit flushed, one writing connection in the writer thread, reads beside it."""

    POLL_SECONDS = 0.2
    is_shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        _writable(path)
        self._engine: Engine = create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0, **JSON_AS)
        _prepare(self._engine, "BEGIN IMMEDIATE")
        self.reader = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=4, **JSON_AS)
        _prepare(self.reader.sync_engine, "BEGIN", read_only=True)
        self._lock_file: IO[str] | None = None
        self._seen: object = None
        self._others_wrote = False
        self._commits = 0

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` alone, in a transaction that is durable when this returns."""
        with self._engine.begin() as connection:
            return work(connection)

    def others_wrote(self, connection: Connection) -> bool:
        """Whether another connection has written since this one's last transaction: 2 µs to ask."""
        version = connection.connection.driver_connection.execute("PRAGMA data_version").fetchone()  # type: ignore[union-attr]
        seen, self._seen = self._seen, version
        if version == seen:
            return False
        self._others_wrote = True
        return True

    def after_commit(self) -> None:
        """Other processes look at SQLite's data version themselves."""

    def close_writer(self) -> None:
        """Give the writer's connection back."""
        self._engine.dispose()

    @contextlib.asynccontextmanager
    async def outside_changes(self, stir: Callable[[], None]) -> AsyncIterator[None]:
        """While entered, call `stir` when another process may have committed."""
        watch = asyncio.create_task(self._watch(stir), name="store-watch")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, stir: Callable[[], None]) -> None:
        # Asking takes about 2 µs; the number changes when another connection, of this or another process, committed.
        # It never waits: the event loop would wait as well.
        with contextlib.closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as connection:
            seen = None
            while True:
                with contextlib.suppress(sqlite3.Error):  # a disk that fails is for readers and writers to tell
                    (version,) = connection.execute("PRAGMA data_version").fetchone()
                    if version != seen:
                        seen = version
                        stir()
                await asyncio.sleep(self.POLL_SECONDS)

    async def lock_host(self) -> bool:
        """Become the one process that hosts this store; False if another does.

        Raises:
            Unavailable: there can be no lock file.
        """
        if self._lock_file is not None:
            return True
        path = self._path.with_name(self._path.name + ".lock")
        try:
            handle = path.open("a")
        except OSError as error:
            raise Unavailable(f"the lock file {path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            if isinstance(error, BlockingIOError):
                return False
            raise Unavailable(f"the lock file {path} cannot be locked: {error.strerror}") from None
        self._lock_file = handle
        return True

    async def close(self) -> None:
        """Give everything else back."""
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
            *(("query_only=ON",) if read_only else _WRITERS),
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
