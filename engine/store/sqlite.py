"""What SQLite does in its own way."""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import create_async_engine

from engine.errors import Unavailable
from engine.store.schema import JSON_AS
from engine.store.storefile import Check, Found, StoreFile, last_event

T = TypeVar("T")

BUSY_SECONDS = 10
_IMPATIENT_SECONDS = 1.0
_SETTLED_SECONDS = 5.0  # after its commit another process may still be about its checkpoint

_LOOK = "PureBoot looks at what is there now"
_DAMAGED = "the file is damaged: see `pureboot db check`, stop PureBoot and restore a backup"
_DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR)
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another program keeps it locked; wait until it is done, or see which one it is with `fuser`",
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_IOERR: "its disk is full or fails: make room, look at the system's log, and see `pureboot db check`",
    sqlite3.SQLITE_READONLY: "let PureBoot write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "let PureBoot write the file and its folder",
}
# The pages that a thousand executions at once touch stay in memory (12 MB), and are written back to the file seldom.
_WRITERS = ("cache_size=-12000", "wal_autocheckpoint=4000")


class Sqlite:
    """SQLite: WAL, every commit flushed, one writing connection in the writer thread, reads beside it.

    While no file is at the path, or another that is no store, nothing is read or written; once one is there, all
    connections go over to it.
    """

    POLL_SECONDS = 0.2
    is_shared = False

    def __init__(self, path: Path) -> None:
        self._path = path
        _writable(path)
        self._file = StoreFile(path)
        self._file.take()
        self._loop = asyncio.get_running_loop()
        self._engine: Engine = create_engine(
            _url("sqlite", path), pool_size=1, max_overflow=0, connect_args={"cached_statements": 256}, **JSON_AS
        )
        self._prepare(self._engine, "BEGIN IMMEDIATE")
        event.listen(self._engine, "connect", self._took_writer)
        self.reader = create_async_engine(_url("sqlite+aiosqlite", path), pool_size=4, **JSON_AS)
        self._prepare(self.reader.sync_engine, "BEGIN", read_only=True)
        self.replacements = 0
        self._writer: sqlite3.Connection | None = None
        self._watcher: sqlite3.Connection | None = None
        self._is_letting_go = False
        self._is_impatient = False
        self._is_damaged = False
        self._lock_file: IO[str] | None = None
        self._seen: object = None
        self._last = 0
        self._others_wrote_at = -_SETTLED_SECONDS
        self._others = 0  # how often others wrote between two transactions of this process
        self._own = 0  # and how many those were

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` alone, in a transaction that is durable when this returns."""
        found = self._file.look()
        if found is not Found.OURS:
            self._cope(found)
        if self._is_damaged:
            self._forget()
        try:
            with self._engine.begin() as connection:
                result = work(connection)
            self._own += 1
        except DatabaseError as error:
            self._is_damaged = _code(error) in _DAMAGES
            self._be_patient(_code(error) != sqlite3.SQLITE_BUSY)
            raise
        if not self._file.took_note():
            raise Unavailable(f"the store file {self._path} was replaced or removed as PureBoot wrote to it; {_LOOK}")
        if self._is_impatient:
            self._be_patient(True)
        return result

    def probe(self, connection: Connection) -> None:
        """Write something that changes nothing."""
        raw: Any = connection.connection.driver_connection
        ((number,),) = raw.execute("PRAGMA user_version").fetchall()
        raw.execute(f"PRAGMA user_version = {number}")

    def others_wrote(self, connection: Connection) -> bool:
        """Whether another connection has written since this one's last transaction: 2 µs to ask."""
        raw: Any = connection.connection.driver_connection
        seen, self._seen = self._seen, raw.execute("PRAGMA data_version").fetchone()
        if self._seen != seen and seen is not None:
            self._others_wrote_at = time.monotonic()
            self._others += 1
        return bool(self._seen != seen)

    def after_commit(self) -> None:
        """Other processes look at SQLite's data version themselves."""

    def check_readable(self) -> None:
        """See that there is something to read.

        Raises:
            Unavailable: the file that is open is the store no more.
        """
        if self._is_letting_go or not self._file.is_ours():
            raise Unavailable(f"the store file {self._path} was replaced or removed while PureBoot ran; {_LOOK}")

    def advice(self, error: Exception) -> str | None:
        """What a person can do about an error of the database."""
        code = _code(error)
        return None if code is None else _ADVICE.get(code)

    def _be_patient(self, patient: bool) -> None:
        """Wait long for who holds the store locked; who goes on holding it is asked again and again, for a moment."""
        self._is_impatient = not patient
        if self._writer is not None:
            seconds = BUSY_SECONDS if patient else min(BUSY_SECONDS, _IMPATIENT_SECONDS)
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")

    def _took_writer(self, connection: Any, _record: Any) -> None:
        self._writer = connection
        self._file.took_log()

    def _cope(self, found: Found) -> None:
        """Come to terms with a file that is not as this process left it. In the writer thread, in no transaction.

        Raises:
            Unavailable: it cannot be used, or it could not until now: who asks has to ask again.
        """
        what = "removed" if found is Found.NOTHING else "replaced"
        told = f"the store file {self._path} was {what} while PureBoot ran"
        if found is Found.NOTHING:
            advice = "move it back, or put a backup there"
            held = (
                "" if self._writer is None else f"; until PureBoot stops, Linux shows it under /proc/{os.getpid()}/fd"
            )
            raise Unavailable(f"{told}: {advice}{held}")
        if found is Found.WRITTEN_OVER:
            self._look_inside()
            return
        try:
            with self._file.alone():
                self._let_readers_go()
                last = self._let_writer_finish()
                if found is Found.ANOTHER:
                    self._file.drop_log()
                self._file.judge(Check.PAGES)
                if found is Found.ANOTHER:
                    self._number_on(last)
                self._go_over()
        except (Unavailable, OSError, sqlite3.Error) as error:
            raise Unavailable(f"{told}: {error}; move it back, or put a backup there") from error
        finally:
            self._is_letting_go = False
        if found is Found.ANOTHER:
            self.replacements += 1
        else:
            told = f"the write-ahead log of the store {self._path} was removed while PureBoot ran; all of it was saved"
        raise Unavailable(f"{told}; PureBoot goes on with the one that is there now")

    def _look_inside(self) -> None:
        """Somebody has written to the file itself. Another's checkpoint does no harm, and follows its commit; a file
        that was copied over it is read together with the log, so every page and index is looked at.

        Raises:
            Unavailable: it is damaged, or holds less than before.
        """
        told = f"the store file {self._path} was written over while PureBoot ran"
        try:
            if self._writer is None:
                return
            self._writer.execute("PRAGMA shrink_memory")  # pages that it remembers may be those of yesterday
            is_near = self._others_commit(self._writer)
            last = self._file.judge(Check.GLANCE if is_near else Check.PAGES_AND_INDEXES)
        except (Unavailable, sqlite3.Error) as error:
            advice = f"stop PureBoot, remove {self._path.name}-wal and {self._path.name}-shm, and restore a backup"
            raise Unavailable(f"{told}: {error}; {advice}") from error
        self._forget()
        if last < self._last:
            self._number_on(self._last)
            self.replacements += 1
            raise Unavailable(f"{told}; PureBoot goes on with what it holds now")

    def _others_commit(self, writer: sqlite3.Connection) -> bool:
        """Whether another connection has committed just now: its checkpoint may still be under way."""
        is_new = writer.execute("PRAGMA data_version").fetchone() != self._seen
        return is_new or time.monotonic() - self._others_wrote_at < _SETTLED_SECONDS

    def _forget(self) -> None:
        """Drop the pages that connections remember."""
        if self._writer is not None:
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("PRAGMA shrink_memory")
        self._is_damaged = False
        self._seen = None
        try:
            self._let_readers_go()
        finally:
            self._is_letting_go = False
        self._file.took_note()

    def _let_readers_go(self) -> None:
        """Close all connections but the writer's: two files must never be open over one index."""
        self._is_letting_go = True
        self._in_loop(self._close_readers())

    def _in_loop(self, work: Coroutine[Any, Any, None]) -> None:
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            done.result(BUSY_SECONDS)
        except TimeoutError:
            done.cancel()
            raise Unavailable("it is still being read") from None

    async def _close_readers(self) -> None:
        pool: Any = self.reader.sync_engine.pool
        while pool.checkedout():  # noqa: ASYNC110 - reads are short, and nobody tells of their end
            await asyncio.sleep(0.01)
        await self.reader.dispose()
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None

    def _let_writer_finish(self) -> int:
        """Bring what is in the log into the file it belongs to; gives the last id of an event there."""
        if self._writer is None:
            return 0
        self._be_patient(False)
        (busy, *_) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Unavailable("what was written last cannot be saved while another program reads the one before")
        last: int = last_event(self._writer)
        return last

    def _number_on(self, last: int) -> None:
        """Let ids of events go on from where they were: who follows them misses none."""
        with contextlib.closing(sqlite3.connect(self._file.uri, uri=True)) as connection:
            if last_event(connection) < last:
                connection.execute("DELETE FROM sqlite_sequence WHERE name = 'event'")
                connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?)", (last,))
                connection.commit()

    def _go_over(self) -> None:
        self._engine.dispose()
        self._writer, self._seen = None, None
        self._file.take()

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
        # For this connection a commit of this process is one of another. While the process itself writes, its writer is
        # asked who wrote; a change for which it has nothing to say is looked at again once it is quiet.
        seen: object = None
        own, others = -1, -1
        try:
            while True:
                with contextlib.suppress(sqlite3.Error):  # a disk that fails is for readers and writers to tell
                    version = self._version()
                    if version != seen:
                        # never less: what was copied over the file may be seen here before the writer looks
                        self._last = max(self._last, self._last_event())
                        if self._own == own or self._others != others or seen is None:
                            seen, others = version, self._others
                            stir()
                        own = self._own
                await asyncio.sleep(self.POLL_SECONDS)
        finally:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None

    def _version(self) -> object:
        """What changes when another connection, of this or another process, commits, or another file is there: 4 µs."""
        if self._is_letting_go or not self._file.is_ours():
            return "not ours"
        if self._watcher is None:  # it never waits: the event loop would wait as well
            self._watcher = sqlite3.connect(self._file.uri, uri=True, timeout=0, isolation_level=None)
        return self._watcher.execute("PRAGMA data_version").fetchone()

    def _last_event(self) -> int:
        return self._last if self._watcher is None else last_event(self._watcher)

    async def lock_host(self) -> bool:
        """Become the one process that hosts this store; False if another does.

        Raises:
            Unavailable: there can be no lock file.
        """
        path = self._path.with_name(self._path.name + ".lock")
        if self._lock_file is not None:
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), os.fstat(self._lock_file.fileno())):
                    return True
            self._lock_file.close()  # somebody removed it: another process may have locked one of its own
            self._lock_file = None
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

    def _prepare(self, engine: Engine, begin: str, *, read_only: bool = False) -> None:
        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            # Before anything is read: a log that belongs to the file before must not be opened over another.
            try:
                self.check_readable()
                _set_up(connection, read_only=read_only)
            except BaseException:
                connection.close()
                raise

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

    async def close(self) -> None:
        """Give everything else back."""
        await self.reader.dispose()
        if self._lock_file is not None:
            self._lock_file.close()


def _url(driver: str, path: Path) -> URL:
    """Opens a file that is there, and makes none: one that was removed must not come back empty."""
    return URL.create(driver, database=path.absolute().as_uri(), query={"mode": "rw", "uri": "true"})


def _writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except (OSError, sqlite3.Error) as error:
        full = isinstance(error, sqlite3.Error) and _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
        elsewhere = "choose a folder that this user may write with database.url (PUREBOOT_DATABASE__URL)"
        advice = f"is there space left on the disk of {path.parent}, and is it sound?" if full else elsewhere
        raise Unavailable(f"the store {path} cannot be opened for writing: {error}; {advice}") from None


def _set_up(connection: Any, *, read_only: bool) -> None:
    connection.isolation_level = None  # the driver's own begin comes too late and is never IMMEDIATE
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={int(BUSY_SECONDS * 1000)}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        *(("query_only=ON",) if read_only else ()),
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _code(error: BaseException) -> int | None:
    """SQLite's code of an error of its own."""
    code: int | None = getattr(getattr(error, "orig", None) or error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the rest says where SQLite met it
