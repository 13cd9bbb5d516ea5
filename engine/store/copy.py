"""Copying a whole store to another database, of the other kind or the same.

Nobody may host the source, and nobody can write to it meanwhile. Before the target comes to be, every table is read
back from it, and its rows are counted and summed up in the same way on both sides.
"""

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import Table, insert, make_url, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import Conflict, Invalid, NotFound, Unavailable
from engine.store import hosts, migrate, postgres
from engine.store.database import Database, open_database
from engine.store.faults import translated
from engine.store.fresh import empty_store, shown, sqlite_path
from engine.store.schema import console_session, engine_host, metadata, writer
from engine.store.tx import Tx

TABLES = tuple(table for table in metadata.sorted_tables if table not in (engine_host, writer, console_session))
"""All tables, those first that others refer to; without what is about the processes that use a store."""

_ROWS = 200  # read and written at once
_SQLITE = "sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A table that was copied; the checksum is of all its rows, in whatever order."""

    HIDDEN: ClassVar = frozenset({"counter"})

    table: str
    rows: int
    checksum: str
    counter: int = 0


async def copy(source_url: str, target_url: str) -> tuple[Copied, ...]:
    """Copy all of a store to another database, which must be empty (SQLite: not there); gives what was copied.

    Raises:
        NotFound: there is no source.
        Conflict: the target is the source, or there is something already.
        Invalid: a value of the source cannot be in the target.
        Unavailable: the source is in use or of another revision, or one of the two cannot be used.
    """
    if _place(source_url) == _place(target_url):
        raise Conflict("a store cannot be copied onto itself; give another place")
    path = sqlite_path(source_url)
    if path is not None and not path.is_file():
        raise NotFound(f"there is no store {path}")
    source = await open_database(source_url)
    try:
        await _refuse_revision(source, shown(source_url))
        async with (
            _held(source, shown(source_url)),
            source.backend.reader.connect() as connection,
            empty_store(target_url) as target,
        ):
            return await _copy_all(connection, target)
    except (SQLAlchemyError, OSError) as error:
        raise translated(error) from error
    finally:
        await source.close()


def _place(url: str) -> object:
    path = sqlite_path(url)
    parsed = make_url(url)
    return path.resolve() if path is not None else (parsed.host, parsed.port or 5432, parsed.database)


async def _refuse_revision(source: Database, name: str) -> None:
    at = await migrate.revision(source)
    if at is None:
        raise NotFound(f"there is no store in {name}: the database is empty")
    if at != migrate.HEAD:
        advice = "run `pureboot db upgrade` first" if at < migrate.HEAD else "copy it with the PureBoot it belongs to"
        raise Unavailable(f"the store {name} is of revision {at}, this PureBoot is for {migrate.HEAD}: {advice}")


@contextlib.asynccontextmanager
async def _held(source: Database, name: str) -> AsyncIterator[None]:
    """Let nobody host the store or write to it meanwhile.

    Raises:
        Unavailable: somebody hosts it.
    """
    if not source.backend.is_shared and not await source.backend.lock_host():
        raise Unavailable(f"a running PureBoot hosts the store {name}: stop it first")
    loop = asyncio.get_running_loop()
    held, released = asyncio.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        if source.backend.is_shared:
            _refuse_hosts(tx, name)
            postgres.may_idle(tx)
        loop.call_soon_threadsafe(held.set)
        released.wait()

    holding = asyncio.create_task(source.write(hold), name="hold-source")
    waiting = asyncio.create_task(held.wait(), name="source-held")
    try:
        await asyncio.wait({holding, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if holding.done():
            holding.result()
        yield
    finally:
        released.set()
        waiting.cancel()
        await asyncio.gather(holding, waiting, return_exceptions=True)


def _refuse_hosts(tx: Tx, name: str) -> None:
    living = [host for host in hosts.find(tx) if not hosts.is_gone(tx, host)]
    if living:
        names = ", ".join(host.name for host in living)
        until = max(host.lease_until for host in living)
        raise Unavailable(
            f"a running PureBoot hosts the store {name} ({names}): stop it first; "
            f"one that was killed counts as running until {until:%H:%M:%S} UTC"
        )


async def _copy_all(source: AsyncConnection, target: AsyncConnection) -> tuple[Copied, ...]:
    done = []
    for table in TABLES:
        copied = await _copy_table(source, target, table)
        there = await _summed(target, table)
        if (there.rows, there.checksum) != (copied.rows, copied.checksum):
            raise Unavailable(
                f"the table {table.name} is not the same after copying ({copied.rows} rows there, {there.rows} here); "
                "nothing was kept"
            )
        if copied.counter:
            await _set_counter(target, table, copied.counter)
        done.append(copied)
    return tuple(done)


async def _copy_table(source: AsyncConnection, target: AsyncConnection, table: Table) -> Copied:
    total = _Sum()
    async for rows in _rows(source, table):
        total.add(rows)
        try:
            await target.execute(insert(table), [dict(row._mapping) for row in rows])
        except SQLAlchemyError as error:
            told = translated(error)
            if isinstance(told, Invalid):
                raise Invalid(f"{table.name}: {told}") from error
            raise
    return total.of(table, await _counter(source, table))


async def _summed(connection: AsyncConnection, table: Table) -> Copied:
    total = _Sum()
    async for rows in _rows(connection, table):
        total.add(rows)
    return total.of(table)


async def _rows(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[Any]]:
    result = await connection.stream(select(table))
    async for rows in result.partitions(_ROWS):
        yield rows


class _Sum:
    """How many rows a table has and a checksum of them: the sum of the rows' digests, so the order does not matter."""

    def __init__(self) -> None:
        self._rows = 0
        self._sum = 0

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Count rows in."""
        for row in rows:
            written = json.dumps(list(row), ensure_ascii=False, default=_moment).encode()
            digest = hashlib.blake2b(written, digest_size=16).digest()
            self._sum = (self._sum + int.from_bytes(digest)) % 2**128
            self._rows += 1

    def of(self, table: Table, counter: int = 0) -> Copied:
        """What was counted."""
        return Copied(table=table.name, rows=self._rows, checksum=f"{self._sum:032x}", counter=counter)


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


async def _counter(connection: AsyncConnection, table: Table) -> int:
    """The last id that a table which counts its rows has given: more than the largest there is, if that was pruned."""
    if table.autoincrement_column is None:
        return 0
    if connection.dialect.name == _SQLITE:
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int((await connection.execute(query, {"name": table.name})).scalar() or 0)
    sequence = await _sequence(connection, table)
    last, is_called = (await connection.execute(text(f"SELECT last_value, is_called FROM {sequence}"))).one()  # noqa: S608
    return int(last) if is_called else 0


async def _set_counter(connection: AsyncConnection, table: Table, value: int) -> None:
    if connection.dialect.name == _SQLITE:
        for statement in (
            "DELETE FROM sqlite_sequence WHERE name = :name",
            "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :value)",
        ):
            await connection.execute(text(statement), {"name": table.name, "value": value})
        return
    sequence = await _sequence(connection, table)
    await connection.execute(
        text("SELECT setval(CAST(:sequence AS regclass), :value)"), {"sequence": sequence, "value": value}
    )


async def _sequence(connection: AsyncConnection, table: Table) -> str:
    query = text("SELECT pg_get_serial_sequence(:table, 'id')")
    return str((await connection.execute(query, {"table": table.name})).scalar_one())
