"""A store is copied whole, from either kind of database to either, or not at all."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.dead_letters import of_start
from engine.core.events import Kind
from engine.core.nodes import Node
from engine.errors import Conflict, Invalid, NotFound, Unavailable
from engine.services.letters import lay
from engine.settings import Retention as Rules
from engine.store import copy as copying
from engine.store import migrate
from engine.store.copy import TABLES, copy
from engine.store.database import open_database
from engine.store.fresh import copy_key, shown, sqlite_path
from engine.store.schema import attempt_log, event, node_tag
from engine.store.tx import Tx
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.story import ADA, ended, published

MAC = "52:54:00:00:00:01"
ECHO = "name: echo\nparams: {who: {type: string}}\nsteps: [{key: a, action: core.echo, with: {message: ünï}}]"


async def fill(pureboot: PureBoot, clock: ManualClock) -> None:
    """Something in every table that a user can fill."""
    group = await pureboot.groups.create({"name": "rack-1", "metadata": {"z": 1, "a": [None, True, 1.5]}}, by=ADA)
    node = await pureboot.nodes.create(MAC, {"group_id": group.id, "tags": ["db", "web"]}, by=ADA)
    await pureboot.templates.create("answers", "d-i a/b string ${node.mac}\n" * 50, type_="preseed", by=ADA)
    await published(pureboot, ECHO)
    for at in range(3):
        await ended(pureboot, await pureboot.executions.start("echo", by=ADA, params={"who": f"n{at}"}, node=node.id))
    await pureboot.access.create("ci", "viewer", by=ADA)
    link = await pureboot.links.record("netbox", "device", MAC, "17", {"b": 1, "a": 2})
    letter = of_start(new_id(), None, {"workflow": "echo"}, f"refused {link.id}", clock.now())
    await pureboot.context.database.write(lambda tx: lay(tx, letter))


async def contents(url: str) -> Mapping[str, list[Any]]:
    """All rows of all tables."""

    def work(tx: Tx) -> Mapping[str, list[Any]]:
        return {table.name: sorted(map(repr, tx.execute(select(table)).all())) for table in TABLES}

    database = await open_database(url)
    try:
        return await database.read(work)
    finally:
        await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def target_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is no store yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'pureboot.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def empty_postgres_url(request: pytest.FixtureRequest) -> str:
    """A database of a server without any table."""
    url: str = request.getfixturevalue("postgres_url")
    asyncio.run(statement(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"))
    return url


async def statement(url: str, *statements: str) -> None:
    database = await open_database(url)
    try:
        for each in statements:
            await database.write(lambda tx, each=each: tx.connection.execute(text(each)))  # type: ignore[misc]
    finally:
        await database.close()


def is_there(url: str) -> bool:
    path = sqlite_path(url)
    return path is not None and path.exists()


async def tables(url: str) -> int:
    database = await open_database(url)
    try:
        return len(await database.read(lambda tx: tx.rows(text("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"))))
    finally:
        await database.close()


@pytest.fixture
async def sqlite_source(sqlite_url: str, opener: Opener, clock: ManualClock) -> str:
    async with opener(sqlite_url, clock=clock) as pureboot:
        await fill(pureboot, clock)
    return sqlite_url


async def test_to_another_kind_and_back_everything_is_the_same(
    sqlite_source: str, empty_postgres_url: str, tmp_path: Path, opener: Opener, clock: ManualClock
) -> None:
    async with opener(sqlite_source, clock=clock) as pureboot:
        clock.advance(10)
        # the newest pieces of log go: their ids must not be given again, not even by the copy of a copy
        await pureboot.retention.prune(rules=Rules(logs=1.0))
    before = await contents(sqlite_source)
    assert all(before[name] for name in ("node", "node_tag", "document_version", "attempt", "dead_letter"))
    assert before["attempt_log"] == []
    there = await copy(sqlite_source, empty_postgres_url)
    assert await contents(empty_postgres_url) == before
    assert {each.table: each.rows for each in there} == {name: len(rows) for name, rows in before.items()}
    back = f"sqlite:///{tmp_path / 'back' / 'pureboot.db'}"
    assert await copy(empty_postgres_url, back) == there
    assert await contents(back) == before == await contents(sqlite_source)
    assert [path.name for path in (tmp_path / "back").iterdir()] == ["pureboot.db"]
    log_ids = next(each.counter for each in there if each.table == attempt_log.name)
    assert log_ids > 0
    for url in (empty_postgres_url, back):
        async with opener(url, clock=clock) as pureboot:
            newest = len(before[event.name])
            execution = await ended(pureboot, await pureboot.executions.start("echo", by=ADA, params={"who": "x"}))
            assert (await pureboot.executions.log(execution.id))[0].id == log_ids + 1
            assert (await pureboot.feed.cursor()) > newest
            assert (await pureboot.nodes.get(MAC)).tags == ("db", "web")


async def test_to_a_file_of_the_same_kind(sqlite_source: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'other.db'}"
    await copy(sqlite_source, target)
    assert await contents(target) == await contents(sqlite_source)
    with pytest.raises(Conflict, match="already; move it away"):
        await copy(sqlite_source, target)
    with pytest.raises(Conflict, match="onto itself"):
        await copy(sqlite_source, f"sqlite:///{tmp_path / 'x' / '..' / 'pureboot.db'}")


async def test_an_empty_database_that_is_migrated_is_empty(sqlite_source: str, postgres_url: str) -> None:
    await copy(sqlite_source, postgres_url)
    assert await contents(postgres_url) == await contents(sqlite_source)
    with pytest.raises(Conflict, match="holds rows already"):
        await copy(sqlite_source, postgres_url)


async def test_a_store_in_use_is_not_copied(store_url: str, tmp_path: Path, opener: Opener) -> None:
    target = tmp_path / "new.db"
    async with opener(store_url):
        with pytest.raises(Unavailable, match=r"a running PureBoot hosts the store .*: stop it first"):
            await copy(store_url, f"sqlite:///{target}")
    assert not target.exists()
    await copy(store_url, f"sqlite:///{target}")


async def test_nobody_writes_to_the_source_meanwhile(
    store_url: str, tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"sqlite:///{tmp_path / 'new.db'}"
    copy_all = copying._copy_all
    writing: list[asyncio.Task[Node]] = []

    async def meanwhile(*connections: Any) -> Any:
        writing.append(asyncio.create_task(guest.nodes.update(MAC, {"hostname": "new"}, by=ADA)))
        copied = await copy_all(*connections)
        assert not writing[0].done()
        return copied

    monkeypatch.setattr(copying, "_copy_all", meanwhile)
    async with opener(store_url, host=False) as guest:
        await guest.nodes.create(MAC, {"hostname": "old"}, by=ADA)
        before = await contents(store_url)
        await copy(store_url, target)
        assert (await writing[0]).hostname == "new"
    assert await contents(target) == before


async def test_a_copy_that_fails_leaves_nothing(sqlite_source: str, empty_postgres_url: str) -> None:
    # a text that SQLite takes and PostgreSQL does not
    await statement(sqlite_source, f"UPDATE node SET hostname = 'a' || char(0) || 'b' WHERE mac_address = '{MAC}'")
    with pytest.raises(Invalid, match="node: a value cannot be in the store"):
        await copy(sqlite_source, empty_postgres_url)
    assert await tables(empty_postgres_url) == 0


async def test_a_target_that_changes_what_it_is_given_is_found_out(sqlite_source: str, postgres_url: str) -> None:
    await statement(
        postgres_url,
        "CREATE FUNCTION meddle() RETURNS trigger AS $$ BEGIN NEW.tag := upper(NEW.tag); RETURN NEW; END $$ "
        "LANGUAGE plpgsql",
        "CREATE TRIGGER meddle BEFORE INSERT ON node_tag FOR EACH ROW EXECUTE FUNCTION meddle()",
    )
    with pytest.raises(Unavailable, match="node_tag is not the same after copying"):
        await copy(sqlite_source, postgres_url)
    assert not any((await contents(postgres_url)).values())


KILLED = """
import asyncio, os, signal, sys
from engine.store import copy as module

whole = module._summed

async def cut(connection, table):
    if table.name == "node_tag":
        os.kill(os.getpid(), signal.SIGKILL)
    return await whole(connection, table)

module._summed = cut
asyncio.run(module.copy(sys.argv[1], sys.argv[2]))
"""


async def test_a_copy_that_is_killed_leaves_no_store_and_the_next_one_succeeds(
    sqlite_source: str, target_url: str
) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, sqlite_source, target_url)
    assert await killed.wait() == -9
    assert not is_there(target_url) if target_url.startswith("sqlite") else await tables(target_url) == 0
    await copy(sqlite_source, target_url)
    assert await contents(target_url) == await contents(sqlite_source)


async def test_what_is_no_store_is_not_copied_and_not_made(
    sqlite_url: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    target = f"sqlite:///{tmp_path / 'new.db'}"
    missing = tmp_path / "missing.db"
    with pytest.raises(NotFound, match="there is no store"):
        await copy(f"sqlite:///{missing}", target)
    assert not missing.exists()
    with pytest.raises(NotFound, match="is empty"):
        await copy(empty_postgres_url, target)
    await statement(sqlite_url, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(Unavailable, match=f"revision 0000, this PureBoot is for {migrate.HEAD}: run `pureboot db upgr"):
        await copy(sqlite_url, target)
    await statement(sqlite_url, f"UPDATE alembic_version SET version_num = '{migrate.HEAD}'")
    with pytest.raises(Unavailable, match="cannot be opened"):
        await copy(sqlite_url, "postgresql+asyncpg://nobody@127.0.0.1:9/none")
    assert not (tmp_path / "new.db").exists()


async def test_many_rows_are_copied_in_pieces(sqlite_url: str, tmp_path: Path, opener: Opener) -> None:
    async with opener(sqlite_url, host=False) as pureboot:
        node = await pureboot.nodes.create(MAC, by=ADA)
        rows = [{"node_id": node.id, "tag": f"t{at}"} for at in range(1001)]
        await pureboot.context.database.write(lambda tx: tx.execute(insert(node_tag), rows))
        await pureboot.note(Kind.NODE_UPDATED)
    target = f"sqlite:///{tmp_path / 'new.db'}"
    copied = {each.table: each.rows for each in await copy(sqlite_url, target)}
    assert copied["node_tag"] == 1001
    assert await contents(target) == await contents(sqlite_url)


def test_a_password_is_not_shown() -> None:
    assert shown("postgresql+asyncpg://ada:secret@db/x") == "postgresql+asyncpg://ada:***@db/x"


def test_the_key_is_copied_for_its_owner_only_and_never_over_another(tmp_path: Path) -> None:
    key, there = tmp_path / "a.key", tmp_path / "new" / "b.key"
    with pytest.raises(NotFound):
        copy_key(key, there)
    key.write_bytes(b"k" * 32)
    assert copy_key(key, there) is True
    assert (there.read_bytes(), there.stat().st_mode & 0o777) == (b"k" * 32, 0o600)
    assert copy_key(key, there) is False
    there.write_bytes(b"x" * 32)
    with pytest.raises(Conflict, match="belongs to another store"):
        copy_key(key, there)
    with pytest.raises(Unavailable, match="cannot be copied"):
        copy_key(key, key / "below")
