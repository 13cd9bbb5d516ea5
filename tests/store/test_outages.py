"""While the store cannot be used: clear errors, nothing lost, and on again afterwards; on both databases."""

import asyncio
import contextlib
import resource
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.core.events import Kind, NewEvent
from engine.core.executions import ExecutionStatus
from engine.errors import Unavailable
from engine.store import events, sqlite
from engine.store.database import open_database
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, PATIENCE, begun, ended, published, statuses

FACT = NewEvent(kind=Kind.NODE_UPDATED, at=ManualClock().now())
STEPS = "name: w\nsteps: [{key: a, action: core.delay, with: {duration: 1m}}, {key: b, action: core.echo}]"


@contextlib.asynccontextmanager
async def outage(url: str) -> AsyncIterator[None]:
    """While entered, nobody can write the store, and who is connected to a server has lost it."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    import asyncpg

    server, _, name = url.replace("+asyncpg", "").rpartition("/")
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        yield
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    finally:
        await connection.close()


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a locked SQLite store for a moment only."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.5)


@pytest.mark.usefixtures("short_patience")
async def test_who_writes_meanwhile_is_told_and_nobody_waits_for_the_others_turns(store_url: str) -> None:
    database = await open_database(store_url)
    loop = asyncio.get_running_loop()
    try:
        await database.write(lambda tx: events.append(tx, [FACT]))
        async with outage(store_url):
            asked = loop.time()
            writes = (database.write(lambda tx: events.append(tx, [FACT])) for _ in range(50))
            refused = await asyncio.gather(*writes, return_exceptions=True)
            assert {type(each) for each in refused} == {Unavailable}
            assert "the store cannot be used now: " in str(refused[0])
            assert loop.time() - asked < 5
        await database.write(lambda tx: events.append(tx, [FACT]))
        assert len(await database.read(lambda tx: events.after(tx, 0))) == 2
    finally:
        await database.close()


async def test_who_reads_from_a_server_that_is_gone_is_told(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    try:
        async with outage(postgres_url):
            with pytest.raises(Unavailable, match="the store cannot be used now: "):
                await database.read(events.cursor)
        assert await database.read(events.cursor) == 0
    finally:
        await database.close()


@pytest.mark.usefixtures("short_patience")
async def test_the_engine_goes_on_where_it_was(store_url: str, opener: Opener, clock: ManualClock) -> None:
    async with opener(store_url, clock=clock) as pureboot:
        await published(pureboot, STEPS)
        execution = await pureboot.executions.start("w", by=ADA)
        await begun(pureboot, execution, "a")
        async with outage(store_url):
            clock.advance(60)  # its result cannot be stored now
            with pytest.raises(Unavailable):
                await pureboot.executions.start("w", by=ADA)
        done = await ended(pureboot, execution)
        assert done.status is ExecutionStatus.SUCCEEDED
        assert statuses(done) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]
        assert pureboot.engine_runs


async def test_a_host_whose_server_lost_it_is_host_again_or_leaves_it_to_another(
    postgres_url: str, opener: Opener
) -> None:
    async with opener(postgres_url) as first, opener(postgres_url) as second:
        for _ in range(2):
            async with outage(postgres_url):
                pass
            async with asyncio.timeout(PATIENCE):
                await published(first, STEPS.replace("1m", "0.1s"))
                execution = await second.executions.start("w", by=ADA)
                assert (await ended(second, execution)).status is ExecutionStatus.SUCCEEDED
                while first.engine_runs is second.engine_runs:  # noqa: ASYNC110 - neither tells the other
                    await asyncio.sleep(0.05)
            assert (first.is_host, second.is_host) == (first.engine_runs, second.engine_runs)


@pytest.mark.usefixtures("short_patience")
async def test_a_guest_still_waits_for_its_turn_after_an_outage(store_url: str, opener: Opener) -> None:
    async with contextlib.AsyncExitStack() as stack:
        host = contextlib.AsyncExitStack()
        await host.enter_async_context(opener(store_url))
        guest = await stack.enter_async_context(opener(store_url))
        async with outage(store_url):
            await asyncio.sleep(2.5)  # longer than its turn to ask
        await host.aclose()
        async with asyncio.timeout(PATIENCE):
            await guest.hosting()
        assert guest.engine_runs


@contextlib.contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """While entered, no file of this process can grow much beyond the store's size now."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 64 * 1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_is_told_and_what_was_acknowledged_stays(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url) as pureboot:
        await published(pureboot, STEPS.replace("1m", "0.1s"))
        execution = await pureboot.executions.start("w", by=ADA)
        noted = 0
        with full_disk(Path(sqlite_url.removeprefix("sqlite:///"))):
            with pytest.raises(Unavailable, match="the store cannot be used now: "):  # noqa: PT012 - which one is unknown
                for _ in range(10_000):
                    await pureboot.note(Kind.NODE_UPDATED, text="x" * 4000)
                    noted += 1
            await asyncio.sleep(0.5)  # the engine wants to write, and cannot
            assert [each.kind for each in await pureboot.events_after(0)].count(Kind.NODE_UPDATED) == noted
        assert (await ended(pureboot, execution)).status is ExecutionStatus.SUCCEEDED
        await pureboot.note(Kind.NODE_UPDATED)
        assert [each.kind for each in await pureboot.events_after(0)].count(Kind.NODE_UPDATED) == noted + 1
