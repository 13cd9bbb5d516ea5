"""Backups of an SQLite store."""

import sqlite3
import threading
from pathlib import Path

import pytest

from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound, Unavailable
from engine.store.backup import back_up, restore
from tests.clock import ManualClock
from tests.conftest import settings_for
from tests.story import ADA, event, published

ECHO = "name: echo\nsteps: [{key: a, action: core.echo, with: {message: hi}}]"


def rows(path: Path) -> int:
    """How many events a store has."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM event").fetchone()[0])
    finally:
        connection.close()


async def test_a_backup_is_one_moment_of_a_store_that_goes_on(tmp_path: Path) -> None:
    """Two rows that are written together are both in it, or neither, however much is written meanwhile."""
    store, target = tmp_path / "pureboot.db", tmp_path / "copy.db"
    async with PureBoot(settings_for(f"sqlite:///{store}", tmp_path)) as pureboot:
        await published(pureboot, ECHO)
        stop = threading.Event()

        def write() -> None:
            connection = sqlite3.connect(store, timeout=10, isolation_level=None)
            connection.execute("CREATE TABLE pair (a INTEGER)")
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO pair VALUES (?)", [(1,)] * 500)
                connection.execute("COMMIT")
            connection.close()

        writing = threading.Thread(target=write)
        writing.start()
        try:
            made = await pureboot.backups.make(target, by=ADA)
        finally:
            stop.set()
            writing.join()
        told, _ = await pureboot.events(Page(filters={"kind": (Kind.STORE_BACKED_UP.value,)}))
        assert [(each.data["sha256"], each.principal) for each in told] == [(made.sha256, ADA)]
        with pytest.raises(Conflict, match=r"there is a file .*copy\.db already"):
            await pureboot.backups.make(target, by=ADA)
        (tmp_path / "folder").mkdir()
        named = await pureboot.backups.make(tmp_path / "folder", by=ADA)
        assert Path(named.path).parent.name == "folder"
        with pytest.raises(Unavailable, match="cannot be made"):
            await pureboot.backups.make(Path("/proc/none/x.db"), by=ADA)
    connection = sqlite3.connect(target)
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'pair'").fetchone():
        assert connection.execute("SELECT count(*) % 500 FROM pair").fetchone() == (0,)
    connection.close()
    assert target.stat().st_mode & 0o777 == 0o600
    assert not left(tmp_path)


async def test_a_store_comes_back_and_goes_on(tmp_path: Path) -> None:
    store, target = tmp_path / "pureboot.db", tmp_path / "copy.db"
    async with PureBoot(settings_for(f"sqlite:///{store}", tmp_path)) as pureboot:
        await published(pureboot, ECHO)
        await pureboot.backups.make(target, by=ADA)
    there = tmp_path / "new" / "pureboot.db"
    found = restore(target, there)
    assert found.last_event == rows(target)
    async with PureBoot(settings_for(f"sqlite:///{there}", tmp_path)) as pureboot:
        assert (await pureboot.workflows.get("echo")).name == "echo"
    with pytest.raises(Conflict):
        restore(target, there)


def left(folder: Path) -> list[str]:
    """What a backup that did not end would have left."""
    return [each.name for each in folder.iterdir() if "copying" in each.name]


def damaged(path: Path) -> None:
    """Overwrite the middle of a file."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 8192] = b"\xff" * 8192
    path.write_bytes(bytes(data))


async def test_what_is_no_whole_backup_is_refused(tmp_path: Path, empty_sqlite: Path) -> None:
    there = tmp_path / "there" / "pureboot.db"
    copy = tmp_path / "copy.db"
    back_up(empty_sqlite, copy)
    newer = tmp_path / "newer.db"
    back_up(empty_sqlite, newer)
    connection = sqlite3.connect(newer)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    damaged(copy)
    (tmp_path / "text.db").write_text("no database at all, but long enough to be one" * 100)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE a (b)").connection.close()
    for name, told in {
        "gone.db": "there is no file",
        "text.db": "no store of PureBoot's",
        "other.db": "no store of PureBoot's",
        "newer.db": r"of a newer PureBoot \(revision 9999",
        "copy.db": "is damaged",
    }.items():
        with pytest.raises((Invalid, NotFound), match=told):
            restore(tmp_path / name, there)
    assert not there.exists()
    there.parent.mkdir()
    (there.parent / "pureboot.db-wal").touch()
    with pytest.raises(Conflict, match="of a store that was here before"):
        restore(newer, there)
    with pytest.raises(NotFound):
        back_up(tmp_path / "gone.db", tmp_path / "x.db")


async def test_backups_are_made_when_they_are_due_and_the_oldest_go(tmp_path: Path) -> None:
    clock = ManualClock()
    url = f"sqlite:///{tmp_path / 'pureboot.db'}"
    settings = settings_for(url, tmp_path, backup__every="1d", backup__keep=2)
    async with PureBoot(settings, clock=clock) as pureboot:
        seen = 0
        for _ in range(4):
            made = await event(pureboot, lambda each: each.kind is Kind.STORE_BACKED_UP, after=seen)
            seen = made.id
            clock.advance(24 * 3600)
        await event(pureboot, lambda each: each.kind is Kind.STORE_BACKED_UP, after=seen)
    (tmp_path / "backups" / "mine.db").touch()
    async with PureBoot(settings, clock=clock) as pureboot:
        assert await pureboot.backups.make_due() is not None
    listed = sorted(each.name for each in (tmp_path / "backups").iterdir())
    assert listed[0] == "mine.db"
    assert len(listed) == 3


async def test_postgresql_has_its_own_tools(postgres_url: str, tmp_path: Path) -> None:
    async with PureBoot(settings_for(postgres_url, tmp_path, backup__every="1d")) as pureboot:
        with pytest.raises(Invalid, match="pg_dump"):
            await pureboot.backups.make(tmp_path / "x.db", by=ADA)
        assert await pureboot.backups.make_due() is None
