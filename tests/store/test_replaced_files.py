"""What becomes of a store's file under a running PureBoot: told, refused, on again."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.events import Kind, NewEvent
from engine.errors import Unavailable
from engine.store import events, sqlite
from engine.store.tx import Tx
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.store.trouble import Slow, Stream, backup, checkpointed, holds, in_file, in_store, lines, path_of
from tests.story import ADA, begun, ended, published, statuses

STEPS = "name: w\nsteps: [{key: a, action: core.delay, with: {duration: 1m}}, {key: b, action: core.echo}]"


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
