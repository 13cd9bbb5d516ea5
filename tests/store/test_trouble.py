"""What becomes of a store's file, or of a server's database, under a running PureBoot: told, refused, on again."""

import asyncio
import contextlib
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Action, Call, Outcome, Parameters, Registry
from engine.app import PureBoot
from engine.core.events import Kind, NewEvent
from engine.core.executions import ExecutionStatus, Performer
from engine.errors import Unavailable
from engine.store import events, postgres, sqlite
from engine.store.tx import Tx
from tests.clock import ManualClock
from tests.conftest import Opener, settings_for
from tests.story import ADA, PATIENCE, begun, ended, published, statuses

STEPS = "name: w\nsteps: [{key: a, action: core.delay, with: {duration: 1m}}, {key: b, action: core.echo}]"


class Stream:
    """Notes one number after another, several at once; `acknowledged` are those of which the store said so."""

    def __init__(self, pureboot: PureBoot) -> None:
        self._pureboot = pureboot
        self._number = 0
        self.acknowledged: set[int] = set()
        self.refused: list[str] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Stream"]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run()) for _ in range(4)]
            yield self
            for task in tasks:
                task.cancel()

    async def _run(self) -> None:
        while True:
            self._number += 1
            number = self._number
            try:
                await self._pureboot.note(Kind.NODE_UPDATED, number=number, text="x" * 200)
                self.acknowledged.add(number)
            except Unavailable as error:
                self.refused.append(str(error))
                await asyncio.sleep(0.05)

    async def more(self, count: int = 40) -> None:
        """Return when so many more were acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.acknowledged) < wanted:  # noqa: ASYNC110 - a stream of writes tells nobody
                await asyncio.sleep(0.01)

    async def refusal(self, words: str) -> None:
        """Return when a write was refused with these words."""
        async with asyncio.timeout(PATIENCE):
            while not any(words in each for each in self.refused):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def holds(found: Callable[[], bool]) -> None:
    """Return when something has come true."""
    async with asyncio.timeout(PATIENCE):
        while not found():  # noqa: ASYNC110 - the writer thread tells nobody
            await asyncio.sleep(0.01)


async def in_store(pureboot: PureBoot) -> set[int]:
    found = await pureboot.events_after(0, 100_000)
    return {each.data["number"] for each in found if "number" in each.data}


def in_file(path: Path) -> set[int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT json_extract(data, '$.number') FROM event WHERE kind = 'node.updated'"
        return {number for (number,) in connection.execute(query)}


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def backup(path: Path, to: Path) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as one, contextlib.closing(sqlite3.connect(to)) as other:
        one.backup(other)
    return to


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "engine.store.outage"]


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a locked store for a moment only."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.5)
    monkeypatch.setattr(postgres, "BUSY_SECONDS", 0.5)


async def test_a_file_that_was_replaced_is_noticed_and_no_acknowledged_row_is_lost(
    sqlite_url: str, opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(sqlite_url)
    copy = backup(path, path.with_name("backup.db"))
    async with opener(sqlite_url) as pureboot, Stream(pureboot).running() as stream:
        await stream.more()
        last = await pureboot.feed.cursor()
        os.link(path, path.with_name("old.db"))
        copy.rename(path)
        whole = f"the store file {path} was replaced while PureBoot ran; PureBoot goes on with the one"
        await holds(lambda: any(whole in each for each in lines(caplog)))
        await stream.more()
        await holds(lambda: pureboot.trouble is None)
        new = await in_store(pureboot)
        assert new
        assert min(each.id for each in await pureboot.events_after(0) if "number" in each.data) > last
    assert stream.acknowledged <= in_file(path.with_name("old.db")) | in_file(path)
    assert not in_file(path.with_name("old.db")) & in_file(path)
    told = lines(caplog)
    assert len(set(told)) == len(told)  # each reason once, however often it was met
    assert len([each for each in told if each.startswith("the store can be written again, after ")]) == 1
    reads = [each for each in told if " be read" in each]  # if anybody read meanwhile
    assert len([each for each in reads if each.startswith("the store can be read again, after ")]) == bool(reads)


async def test_what_was_committed_to_a_file_that_went_meanwhile_is_not_acknowledged(
    sqlite_url: str, opener: Opener
) -> None:
    path = path_of(sqlite_url)
    async with opener(sqlite_url) as pureboot:

        def work(tx: Tx) -> None:
            fact = NewEvent(kind=Kind.NODE_UPDATED, at=pureboot.context.now(), data={"number": 1})
            events.append(tx, [fact])
            path.rename(path.with_name("away.db"))

        with pytest.raises(Unavailable, match="was replaced or removed as PureBoot wrote to it"):
            await pureboot.context.database.write(work)
        path.with_name("away.db").rename(path)
        await holds(lambda: pureboot.trouble is None)
        assert await in_store(pureboot) == {1}  # it was in doubt


class Slow:
    """An action that ends when it is let go; it counts how often it began, by idempotency key."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self._let_go = asyncio.Event()

    def go(self) -> None:
        self._let_go.set()

    async def run(self, call: Call) -> Outcome:
        self.began.append(call.idempotency_key)
        await self._let_go.wait()
        return Outcome(output={"by": call.idempotency_key})

    @contextlib.asynccontextmanager
    async def opened(self, url: str, folder: Path) -> AsyncIterator[PureBoot]:
        """A PureBoot that has the action, and the workflow `slow` of two such steps."""
        parts = {"performer": Performer.ENGINE, "parameters": Parameters, "run": self.run}
        actions = Registry((*BUILTIN, Action(name="test.slow", summary="", **parts)))  # type: ignore[arg-type]
        async with PureBoot(settings_for(url, folder), actions=actions) as pureboot:
            await published(pureboot, "name: slow\nsteps: [{key: a, action: test.slow}, {key: b, action: test.slow}]")
            yield pureboot


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


async def test_what_is_under_way_is_taken_up_again_in_a_restored_store(sqlite_url: str, tmp_path: Path) -> None:
    """There it was taken by a host that is gone, like after a crash: it is repeated under the same key."""
    slow = Slow()
    path = path_of(sqlite_url)
    async with slow.opened(sqlite_url, tmp_path) as pureboot:
        execution = await pureboot.executions.start("slow", by=ADA)
        await holds(lambda: pureboot.working == 1)
        backup(path, path.with_name("backup.db")).rename(path)
        await holds(lambda: len(slow.began) == 2)
        slow.go()
        done = await ended(pureboot, execution)
        assert statuses(done) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]
        first, second = (each.idempotency_key for each in done.attempts)
        assert slow.began == [first, first, second]
        assert len(await pureboot.hosts()) == 1


async def test_a_file_that_was_moved_away_is_refused_until_it_is_back(
    sqlite_url: str, opener: Opener, clock: ManualClock
) -> None:
    path = path_of(sqlite_url)
    async with opener(sqlite_url, clock=clock) as pureboot, Stream(pureboot).running() as stream:
        await published(pureboot, STEPS)
        execution = await begun(pureboot, await pureboot.executions.start("w", by=ADA), "a")
        await stream.more()
        path.rename(path.with_name("away.db"))
        await stream.refusal("was removed while PureBoot ran: move it back, or put a backup there")
        clock.advance(60)  # the result cannot be kept now
        with pytest.raises(Unavailable, match="was replaced or removed while PureBoot ran"):
            await pureboot.executions.get(execution.id)
        assert not path.exists()  # nobody made an empty one
        path.with_name("away.db").rename(path)
        await stream.more()
        done = await ended(pureboot, execution)
        assert statuses(done) == [("a", 1, "succeeded"), ("b", 1, "succeeded")]
        acknowledged = set(stream.acknowledged)
        assert acknowledged <= await in_store(pureboot)
    assert stream.acknowledged <= in_file(path)


def _text(path: Path) -> None:
    path.write_text("my diary, " * 500)


def _foreign(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")


def _older(path: Path) -> None:
    shutil.copy(path.with_name("good.db"), path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()


def _torn(path: Path) -> None:
    content = path.with_name("good.db").read_bytes()
    path.write_bytes(content[: len(content) // 2 // 4096 * 4096])


@pytest.mark.parametrize(
    ("put", "told"),
    [
        (_text, "what is there now cannot be used (file is not a database)"),
        (_foreign, "what is there now is no store of PureBoot's"),
        (_older, "what is there now is of revision 0001"),
        (_torn, "what is there now cannot be used ("),
    ],
    ids=["text", "foreign", "older", "torn"],
)
async def test_what_is_no_store_is_not_gone_over_to(
    put: Callable[[Path], None], told: str, sqlite_url: str, opener: Opener
) -> None:
    path = path_of(sqlite_url)
    shutil.copy(path, path.with_name("good.db"))
    put(path.with_name("bad.db"))
    async with opener(sqlite_url) as pureboot, Stream(pureboot).running() as stream:
        await stream.more()
        path.rename(path.with_name("old.db"))
        path.with_name("bad.db").rename(path)
        await stream.refusal(told)
        assert pureboot.trouble is not None
        assert told in pureboot.trouble
        path.with_name("old.db").rename(path)  # back over it
        await stream.more()
    assert stream.acknowledged <= in_file(path)


async def checkpointed(path: Path) -> None:
    """Have another connection bring the whole log into the file; readers, which it waits for, can end meanwhile."""

    def checkpoint() -> None:
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as other:
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0

    await asyncio.to_thread(checkpoint)


async def test_a_file_copied_over_the_open_one_is_taken_for_what_it_is(sqlite_url: str, opener: Opener) -> None:
    """After a checkpoint the copy is a whole store: it is gone over to, and nothing remembered is believed."""
    path = path_of(sqlite_url)
    async with opener(sqlite_url) as pureboot:
        await pureboot.nodes.create("52:54:00:00:00:01", by=ADA)
        older = backup(path, path.with_name("backup.db"))
        await pureboot.nodes.create("52:54:00:00:00:02", by=ADA)
        await checkpointed(path)
        await asyncio.sleep(2 * sqlite.Sqlite.POLL_SECONDS)  # so often it notes what there was
        shutil.copyfile(older, path)
        with pytest.raises(Unavailable, match="was written over while PureBoot ran; PureBoot goes on with what it"):
            await pureboot.note(Kind.NODE_UPDATED)
        await holds(lambda: pureboot.trouble is None)
        await pureboot.nodes.create("52:54:00:00:00:02", by=ADA)
        assert len((await pureboot.snapshot()).nodes) == 2
    assert in_file(path) is not None


async def test_a_checkpoint_of_another_process_is_no_fault(sqlite_url: str, opener: Opener) -> None:
    path = path_of(sqlite_url)
    async with opener(sqlite_url) as pureboot, Stream(pureboot).running() as stream:
        for _ in range(5):
            await stream.more()
            await checkpointed(path)
        assert not stream.refused
    assert stream.acknowledged <= in_file(path)


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


@contextlib.asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """While entered, another program keeps the store locked against writers."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(path_of(url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE event, writer IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


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
