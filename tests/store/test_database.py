"""Reading, writing and following, on both databases."""

import asyncio
import time
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import QueuePool, text

from engine.core.events import Event, Kind, NewEvent
from engine.errors import Conflict, Unavailable
from engine.store import events
from engine.store.database import Database, open_database
from engine.store.tx import Tx
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import PATIENCE

NOW = ManualClock().now()


def fact(name: str) -> NewEvent:
    return NewEvent(kind=Kind.NODE_UPDATED, at=NOW, data={"name": name})


def names(found: list[Event]) -> list[str]:
    return [each.data["name"] for each in found]


async def opened(url: str) -> Database:
    return await open_database(url)


async def test_more_readers_than_connections_wait_and_none_is_refused(store_url: str) -> None:
    """However long: the pool itself would refuse those who wait longer than its patience, which is short here."""
    database = await opened(store_url)
    try:
        pool = cast("QueuePool", database.backend.reader.sync_engine.pool)
        pool._timeout = 0.05

        def slow(tx: Tx) -> int:
            time.sleep(0.02)
            return int(tx.execute(text("SELECT 1")).scalar_one())

        assert await asyncio.gather(*(database.read(slow) for _ in range(60))) == [1] * 60
    finally:
        await database.close()


async def test_many_writers_share_commits_and_each_gets_its_own_answer(store_url: str) -> None:
    database = await opened(store_url)
    try:

        def work(number: int) -> int:
            return number

        async def one(number: int) -> int:
            def unit(tx: Tx) -> int:
                events.append(tx, [fact(str(number))])
                return work(number)

            return await database.write(unit)

        assert await asyncio.gather(*(one(number) for number in range(300))) == list(range(300))
        found = await database.read(lambda tx: events.after(tx, 0))
        assert names(found) == [str(number) for number in range(300)]
        assert [each.id for each in found] == sorted({each.id for each in found})
    finally:
        await database.close()


@pytest.mark.parametrize("wrote", [False, True], ids=["before writing", "after writing"])
async def test_a_unit_that_fails_leaves_no_trace_and_its_neighbours_stand(store_url: str, wrote: bool) -> None:
    database = await opened(store_url)
    try:

        def good(tx: Tx) -> None:
            events.append(tx, [fact("good")])

        def bad(tx: Tx) -> None:
            if wrote:
                events.append(tx, [fact("bad")])
            raise Conflict("no")

        results = await asyncio.gather(
            *(database.write(unit) for unit in (good, bad, good, bad, good)), return_exceptions=True
        )
        assert [isinstance(each, Conflict) for each in results] == [False, True, False, True, False]
        assert names(await database.read(lambda tx: events.after(tx, 0))) == ["good"] * 3
    finally:
        await database.close()


async def test_a_fault_in_a_unit_reaches_its_caller_and_the_writer_goes_on(store_url: str) -> None:
    database = await opened(store_url)
    try:
        with pytest.raises(ZeroDivisionError):
            await database.write(lambda _tx: 1 // 0)
        with pytest.raises(Unavailable, match="cannot be used"):
            await database.write(lambda tx: tx.execute(text("SELECT * FROM nowhere")))
        await database.write(lambda tx: events.append(tx, [fact("after")]))
        assert names(await database.read(lambda tx: events.after(tx, 0))) == ["after"]
    finally:
        await database.close()


async def test_a_closed_store_refuses_to_be_written(store_url: str) -> None:
    database = await opened(store_url)
    await database.close()
    await database.close()
    with pytest.raises(Unavailable, match="closed"):
        await database.write(lambda tx: None)


async def test_a_follower_misses_nothing_that_several_stores_write_at_once(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as host, opener(store_url) as guest, opener(store_url) as other:
        writers = (host, guest, other)

        async def write(number: int) -> None:
            for at in range(40):
                await writers[number].note(Kind.NODE_UPDATED, name=f"{number}-{at}")

        async def follow() -> list[Event]:
            seen: list[Event] = []
            async for batch in host.feed.follow(0):
                seen += [each for each in batch if each.kind is Kind.NODE_UPDATED]
                if len(seen) >= 120:
                    break
            return seen

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            following = group.create_task(follow())
            for number in range(3):
                group.create_task(write(number))
        seen = following.result()
        assert [each.id for each in seen] == sorted({each.id for each in seen})
        for number in range(3):
            assert [name for name in names(seen) if name[0] == str(number)] == [f"{number}-{at}" for at in range(40)]


async def test_the_first_on_a_store_hosts_it_and_the_next_when_it_is_gone(store_url: str, opener: Opener) -> None:
    async with opener(store_url) as first:
        async with opener(store_url) as second:
            assert (first.is_host, second.is_host, first.engine_runs, second.engine_runs) == (True, False, True, False)
        async with opener(store_url, host=False) as asking:
            assert not asking.is_host
    async with opener(store_url) as third:
        assert third.is_host


@pytest.mark.parametrize("place", ["file/pureboot.db", "folder"])
async def test_a_store_that_cannot_be_written_says_so_and_what_to_do(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unavailable, match=r"cannot be opened for writing: .*; choose a folder"):
        await open_database(f"sqlite:///{tmp_path / place}")


async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "pureboot.db"
    path.write_text("my diary, " * 500)
    with pytest.raises(Unavailable, match="cannot be opened"):
        await open_database(f"sqlite:///{path}")
    assert path.read_text() == "my diary, " * 500


async def test_a_server_that_is_not_there_says_so_without_the_password() -> None:
    with pytest.raises(Unavailable) as refused:
        await open_database("postgresql+asyncpg://ada:secret@127.0.0.1:9/none")
    assert "cannot be opened" in str(refused.value)
    assert "secret" not in str(refused.value)
