"""The database: `read()` and `write()`. What differs between SQLite and PostgreSQL is in the modules of those names.

`write()` is alone. One writer thread takes whatever has queued up while the last commit ran and carries it out as one
transaction (`BEGIN IMMEDIATE` on SQLite, an advisory lock on PostgreSQL), so ids of events come out in the order of
commits, and a hundred callers share one flush to the disk. A unit of work is a plain function of the transaction: it
reads, decides and writes, and may be run again, so it does nothing else. It raises before it writes; one that raises
after writing costs its neighbours a second try, each unit then in a transaction of its own. When the store itself
cannot be used, all of them are told at once.

`read()` runs a function of the same kind in a snapshot on the async engine, beside the writer.
"""

import asyncio
import logging
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from engine.core.kept import Shelf
from engine.errors import Unavailable
from engine.store.backend import Backend
from engine.store.faults import is_lost, translated
from engine.store.outage import Outage
from engine.store.tx import Batch, Marked, Memory, Tx, Work

_log = logging.getLogger(__name__)

T = TypeVar("T")

_FAULTS = (SQLAlchemyError, OSError, UnicodeError, OverflowError)
MAX_BATCH = 200  # more make no commit much cheaper, but whoever comes next waits longer
# The pool of readers has 4 connections and opens 10 more; some are for others. Whoever has to wait does so before it,
# for as long as it takes: a store that many read at once is not one that cannot be read.
_READS_AT_ONCE = 12
_TOLD_AT_ONCE = 25  # a turn of the event loop of some 2 ms
_SHELF_BYTES = 16 * 1024 * 1024
_SHARE_SECONDS = 0.003  # how long the writer works before it lets the event loop have its turn
_BREAK_SECONDS = 0.0001  # as long as a thread needs to wake
PROBE_SECONDS = 1.0  # how often a store that cannot be written is tried while nobody writes


@dataclass(slots=True)
class _Item:
    work: Work[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    told: list[Any] = field(default_factory=list)


class Database:
    """One open store."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._loop = asyncio.get_running_loop()
        # The writer and the event loop hand Python's lock to and fro; with the usual 5 ms a commit waits for it.
        sys.setswitchinterval(min(sys.getswitchinterval(), 0.0005))
        self._room = asyncio.Semaphore(_READS_AT_ONCE)
        self._asked: list[_Item] = []
        self._queue: queue.SimpleQueue[list[_Item] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._run, name="pureboot-writer", daemon=True)
        self._on_commit: list[Callable[[], None]] = []
        self._on_told: list[Callable[[list[Any]], None]] = []
        self._on_doubt: list[Callable[[], None]] = []
        self._memory = Memory()
        self._library = Marked()
        self._shelf: Shelf[Any] = Shelf(most_bytes=_SHELF_BYTES, weigh=_weight)
        self._remembers = False
        self.trouble: str | None = None
        """Why the last transaction could not be carried out; None while the store can be written."""
        self._unwritten = Outage("written")
        self._unread = Outage("read")
        self._is_unread = False
        self._replacements = 0
        self._is_another = asyncio.Event()
        self._closed = False
        self._done: deque[_Item] = deque()
        self._is_telling = False
        self._reads: set[asyncio.Task[Any]] = set()
        self._writer.start()

    def on_commit(self, call: Callable[[], None]) -> None:
        """Have `call` called in the event loop after each commit of this process."""
        self._on_commit.append(call)

    def remember(self) -> None:
        """Keep in memory from now on what is read and written; the store has the tables of this version."""
        self._remembers = True

    def on_told(self, call: Callable[[list[Any]], None]) -> None:
        """Have `call` called in the event loop with what the transactions of this process leave word of."""
        self._on_told.append(call)

    def knows(self, noun: str, key: Any) -> bool:
        """Whether the writer has a value in its memory now, as it was when it was last asked for or written."""
        return self._memory.has(noun, key)

    def on_doubt(self, call: Callable[[], None]) -> None:
        """Have `call` called in the event loop when a transaction failed: it may have been carried out all the same."""
        self._on_doubt.append(call)

    async def settle(self) -> None:
        """Return when all that was asked for before is done, and everybody has been told."""
        await self.write(lambda _: None)

    def off_told(self, call: Callable[[list[Any]], None]) -> None:
        """Take an `on_told` back."""
        self._on_told.remove(call)

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a snapshot of its own.

        Raises:
            Unavailable: the store cannot be read now.
            Invalid: a value it was asked with cannot be in the store.
        """
        # Who asked may be stopped meanwhile. The read is let come to its end: one that is broken off while its
        # connection opens would leave that open, with nobody to close it.
        reading = asyncio.create_task(self._read(work), name="store-read")
        self._reads.add(reading)
        reading.add_done_callback(self._reads.discard)
        return await asyncio.shield(reading)

    async def _read(self, work: Work[T]) -> T:
        was_unread = self._is_unread
        try:
            self.backend.check_readable()
            async with self._room, self.backend.reader.connect() as connection:
                result = await connection.run_sync(lambda sync: work(Tx(sync, self._shelf, marked=self._library)))
        except (*_FAULTS, Unavailable) as error:
            told = self._advised(error)
            if isinstance(told, Unavailable) and self._remembers:
                self._is_unread = True
                self._unread.goes_on(told.message)
                self._look()
            raise told from error
        if was_unread and self._is_unread:  # one that began before may still succeed
            self._is_unread = False
            self._unread.is_over()
        return result

    async def write(self, work: Work[T]) -> T:
        """Run `work` alone; when this returns, what it wrote is on the disk.

        Raises:
            Unavailable: the store cannot be written now; nothing of `work` happened, unless the connection to a server
                broke just as it committed: then nobody knows.
            Invalid: a value in it cannot be stored.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._ask(_Item(work, future))
        return await future

    def _ask(self, item: _Item) -> None:
        """Give the writer something to do when this turn of the event loop ends: whoever else asks in it comes along,
        and the two do not fight over Python's lock meanwhile.
        """
        if not self._asked:
            self._loop.call_soon(self._hand_over)
        self._asked.append(item)

    def _hand_over(self) -> None:
        asked, self._asked = self._asked, []
        self._queue.put(asked)

    async def close(self) -> None:
        """Finish what is queued, then give the connections back."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        while self._done:  # noqa: ASYNC110 - the turns in which they are told are all there is to wait for
            await asyncio.sleep(0)
        await asyncio.gather(*self._reads, return_exceptions=True)
        await self.backend.close()

    def _run(self) -> None:
        asked: deque[_Item] = deque()
        open_for_work = True
        while open_for_work or asked:
            if open_for_work:
                open_for_work = self._take(asked)
            batch = [asked.popleft() for _ in range(min(MAX_BATCH, len(asked)))]
            if batch:
                has_committed = self._commit(batch)
                self._loop.call_soon_threadsafe(self._resolve, batch)
                if has_committed:
                    self._tell_others()
        self.backend.close_writer()

    def _tell_others(self) -> None:
        try:
            self.backend.after_commit()
        except Exception:
            _log.exception("others could not be told of a commit")

    def _take(self, asked: deque[_Item]) -> bool:
        """Take what waits, if nothing does the next that comes; False if nothing will any more."""
        try:
            more = self._next(wait=not asked)
            while more is not None:
                asked.extend(more)
                more = self._next(wait=False)
        except queue.Empty:
            return True
        return False

    def _next(self, *, wait: bool) -> list[_Item] | None:
        if not wait:
            return self._queue.get_nowait()
        try:
            return self._queue.get(timeout=PROBE_SECONDS if self.trouble and self._remembers else None)
        except queue.Empty:
            self._probe()
            raise

    def _commit(self, batch: list[_Item]) -> bool:
        """Carry out a batch; False if none of it was."""
        spoilt = False

        def carry_out(connection: Connection) -> None:
            nonlocal spoilt
            if not self._remembers or self.backend.others_wrote(connection):
                self._memory.clear()
            spoilt = True
            _carry_out(Batch(connection, self._memory, self._shelf), batch)
            spoilt = False

        try:
            self.backend.transaction(carry_out)
            if self.trouble is not None:
                self._goes_on()
        except Exception as error:
            self._memory.clear()
            if spoilt and len(batch) > 1 and not is_lost(error):
                # One of them spoilt the transaction: run each alone, so that only that one is told.
                return sum(self._commit([item]) for item in batch) > 0
            # It could not begin or commit, which is nobody's fault: a second try, one after another, would take each
            # the whole patience with a locked store, and might do again what a broken connection did commit.
            told = self._advised(error)
            if isinstance(told, Unavailable):
                self._stops(told)
            for item in batch:
                item.error = told
            self._loop.call_soon_threadsafe(self._doubt)
            return False
        return True

    def _stops(self, why: Unavailable) -> None:
        self.trouble = why.message
        self._unwritten.goes_on(why.message)

    def _goes_on(self) -> None:
        self.trouble = None
        self._unwritten.is_over()
        if self._replacements != self.backend.replacements:
            self._replacements = self.backend.replacements
            self._shelf.clear()
            self._library = Marked()
            self._loop.call_soon_threadsafe(self._is_another.set)
        self._loop.call_soon_threadsafe(self._doubt)

    def _probe(self) -> None:
        """See whether the store can be written again."""
        try:
            self.backend.transaction(self.backend.probe)
        except Exception as error:
            told = self._advised(error)
            self._stops(told if isinstance(told, Unavailable) else Unavailable(str(told)))
        else:
            self._goes_on()

    def _look(self) -> None:
        """Have the writer find out about what a reader met."""
        if self.trouble is None and not self._closed:
            nobody: asyncio.Future[None] = self._loop.create_future()
            nobody.cancel()
            self._ask(_Item(lambda tx: self.backend.probe(tx.connection), nobody))

    async def another(self) -> None:
        """Return when another store was found in the place of the one that was open."""
        await self._is_another.wait()
        self._is_another.clear()

    def _advised(self, error: Exception) -> Exception:
        told = translated(error)
        advice = self.backend.advice(error) if isinstance(told, Unavailable) else None
        return told if advice is None else Unavailable(f"{told}; {advice}")

    def _doubt(self) -> None:
        for call in self._on_doubt:
            call()

    def _resolve(self, batch: list[_Item]) -> None:
        self._done.extend(batch)
        if not self._is_telling:
            self._tell()
        for call in self._on_commit:
            call()

    def _tell(self) -> None:
        """Tell of some that are done, in their order; the rest in further turns of the event loop, which is not to
        stand still while a whole batch goes on with what it waited for.
        """
        told: list[Any] = []
        for _ in range(min(_TOLD_AT_ONCE, len(self._done))):
            item = self._done.popleft()
            if item.error is None:
                told += item.told
            if item.future.done():
                continue
            if item.error is not None:
                item.future.set_exception(item.error)
            else:
                item.future.set_result(item.result)
        self._is_telling = bool(self._done)
        if self._is_telling:
            self._loop.call_soon(self._tell)
        if told:
            for tell in self._on_told:
                tell(told)


def _weight(_key: str, value: Any) -> int:
    """About how many bytes a version of a document takes."""
    return 2_000 + 4 * len(value.content)


def _carry_out(batch: Batch, items: list[_Item]) -> None:
    due = time.perf_counter() + _SHARE_SECONDS
    for item in items:
        # A statement of SQLite's gives Python's lock away for some microseconds: too short for the event loop to get
        # hold of it, but its waiting begins anew each time. So it is given a real chance now and then.
        if time.perf_counter() > due:
            time.sleep(_BREAK_SECONDS)
            due = time.perf_counter() + _SHARE_SECONDS
        tx = Tx(batch.connection, batch.shelf, batch)
        item.error = None
        item.told = tx.told
        try:
            item.result = item.work(tx)
        except Exception as error:
            if tx.wrote or isinstance(error, SQLAlchemyError):
                raise
            item.error = translated(error)
    batch.flush()


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
