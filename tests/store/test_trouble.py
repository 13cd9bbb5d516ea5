"""What becomes of a store, or of a server's database, under a running PureBoot: told, refused, on again."""

import asyncio
import contextlib
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.events import Kind
from engine.core.executions import ExecutionStatus
from engine.errors import Unavailable
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.store.trouble import Slow, Stream, checkpointed, holds, in_file, in_store, lines, locked, path_of
from tests.story import ADA, begun, ended, published, statuses

STEPS = "name: w\nsteps: [{key: a, action: core.delay, with: {duration: 1m}}, {key: b, action: core.echo}]"


@pytest.mark.usefixtures("short_patience")
async def test_what_is_under_way_is_performed_once_and_nothing_begins_that_cannot_be_kept(
    store_url: str, tmp_path: Path
) -> None:
    slow = Slow()
    async with slow.opened(store_url, tmp_path) as pureboot:
        execution = await pureboot.executions.start("slow", by=ADA)
        await holds(lambda: pureboot.working == 1)
        async with locked(store_url):
            slow.go()
            with pytest.raises(Unavailable):
                await pureboot.executions.start("slow", by=ADA)
            await asyncio.sleep(2.5)  # the result is tried again meanwhile
            assert pureboot.trouble is not None
            assert len(slow.began) == 1
            assert pureboot.working == 1
        done = await ended(pureboot, execution)
        assert statuses(done) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]
        assert slow.began == [each.idempotency_key for each in done.attempts]


async def test_damage_is_told_with_what_to_do_and_over_when_it_is_mended(
    sqlite_url: str, opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(sqlite_url)
    async with opener(sqlite_url) as pureboot:
        async with Stream(pureboot).running() as stream:
            await stream.more(200)
        await checkpointed(path)
        content = path.read_bytes()
        _overwrite(path, b"\xa5" * len(content))
        async with Stream(pureboot).running() as others:
            await others.refusal("was written over while PureBoot ran")
            await asyncio.sleep(2.5)  # it is tried again each second meanwhile
            assert pureboot.engine_runs
            assert not others.acknowledged
        assert "restore a backup" in str(pureboot.trouble)
        _overwrite(path, content)
        await holds(lambda: pureboot.trouble is None)
        async with Stream(pureboot).running() as more:
            await more.more()
        assert stream.acknowledged <= await in_store(pureboot)
    assert stream.acknowledged | more.acknowledged <= in_file(path)
    assert 2 <= len(lines(caplog)) <= 6


def _overwrite(path: Path, content: bytes) -> None:
    """In another process: closing the file here would give back the locks that PureBoot has on it."""
    script = "import sys; open(sys.argv[1], 'r+b').write(sys.stdin.buffer.read())"
    subprocess.run([sys.executable, "-c", script, path], input=content, check=True)


async def test_a_log_that_was_removed_loses_nothing(
    sqlite_url: str, opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(sqlite_url)
    async with opener(sqlite_url) as pureboot, Stream(pureboot).running() as stream:
        await stream.more()
        path.with_name(f"{path.name}-wal").unlink()
        path.with_name(f"{path.name}-shm").unlink()
        await holds(lambda: any("the write-ahead log of the store" in each for each in lines(caplog)))
        await stream.more()
        acknowledged = set(stream.acknowledged)
        assert acknowledged <= await in_store(pureboot)
    assert stream.acknowledged <= in_file(path)


@pytest.mark.usefixtures("short_patience")
async def test_a_locked_store_is_told_once_and_its_end_is_noticed_by_itself(
    store_url: str, opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with opener(store_url) as pureboot:
        caplog.clear()
        async with locked(store_url):
            for _ in range(2):
                with pytest.raises(Unavailable, match="another program keeps it locked"):
                    await pureboot.note(Kind.NODE_UPDATED)
            assert "another program keeps it locked" in str(pureboot.trouble)
            await asyncio.sleep(2.5)  # it is tried again each second meanwhile
            assert pureboot.trouble is not None
        await holds(lambda: pureboot.trouble is None)
        begins, ends = [each for each in lines(caplog) if " written" in each]
        assert begins.startswith("the store cannot be written; it is tried again each second: ")
        assert ends.startswith("the store can be written again, after ")
        assert not [each for each in caplog.records if each.name.startswith("engine.runtime")]


async def test_a_backup_that_reads_hinders_no_writer(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opener(sqlite_url) as pureboot, Stream(pureboot).running() as stream:
        await stream.more()
        with contextlib.closing(sqlite3.connect(path_of(sqlite_url), isolation_level=None)) as other:
            other.execute("BEGIN")
            before = other.execute("SELECT count(*) FROM event").fetchone()
            await stream.more(500)
            assert other.execute("SELECT count(*) FROM event").fetchone() == before
            other.execute("COMMIT")
            await asyncio.to_thread(_vacuum_into, path_of(sqlite_url), tmp_path / "copy.db")
        await stream.more()
        assert not stream.refused
        assert pureboot.trouble is None


def _vacuum_into(path: Path, to: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(to),))


async def _administer(url: str, *statements: str) -> None:
    import asyncpg

    server = url.replace("+asyncpg", "").rpartition("/")[0]
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_database_that_was_dropped_is_told_and_one_restored_is_gone_over_to(
    postgres_url: str, opener: Opener, clock: ManualClock
) -> None:
    name = postgres_url.rpartition("/")[2]
    async with opener(postgres_url, clock=clock) as pureboot, Stream(pureboot).running() as stream:
        await published(pureboot, STEPS)
        execution = await begun(pureboot, await pureboot.executions.start("w", by=ADA), "a")
        await stream.more()
        await _administer(
            postgres_url,
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            f"CREATE DATABASE copy_{name} TEMPLATE {name}",
            f"DROP DATABASE {name} WITH (FORCE)",
        )
        await stream.refusal("restore the database from a backup")
        await _administer(postgres_url, f"CREATE DATABASE {name}")
        await stream.refusal("the database is not what it was when PureBoot began")
        await _administer(
            postgres_url,
            f"DROP DATABASE {name} WITH (FORCE)",
            f"CREATE DATABASE {name} TEMPLATE copy_{name}",
            f"DROP DATABASE copy_{name}",
        )
        await stream.more()
        clock.advance(60)
        done = await ended(pureboot, execution)
        assert done.status is ExecutionStatus.SUCCEEDED
        acknowledged = set(stream.acknowledged)
        assert acknowledged <= await in_store(pureboot)
        assert pureboot.trouble is None
