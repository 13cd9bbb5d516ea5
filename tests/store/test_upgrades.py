"""From one revision of the tables to the next: all of it or nothing, and what is kept stays; on both databases."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.core.events import Kind
from engine.core.page import Page
from engine.errors import Unavailable
from engine.store import migrate
from engine.store.database import open_database
from tests.conftest import Opener

SECOND = '''\
"""A second revision, for the tests."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table("more", sa.Column("id", sa.Integer(), primary_key=True))
    with op.batch_alter_table("node") as node:
        node.add_column(sa.Column("rack", sa.Text(), nullable=True))
    op.execute("UPDATE node SET rack = 'r1'")
'''
FAULTS = {
    "it fails": "    raise RuntimeError('no more')\n",
    "the power goes": "    import os\n    os.kill(os.getpid(), 9)\n",
}
OPEN_IT = """
import asyncio, sys
from pathlib import Path
from engine.app import PureBoot
from engine.store import migrate
from tests.store_settings import settings_for

migrate.HEAD, migrate._FOLDER = "0006", Path(sys.argv[2])

async def open_it() -> None:
    async with PureBoot(settings_for(sys.argv[1], Path(sys.argv[2]))):
        pass

asyncio.run(open_it())
"""
MAC = "52:54:00:00:00:01"


def newer(folder: Path, fault: str = "") -> Path:
    """The migrations of a PureBoot that has one more."""
    copied = folder / "migrations"
    shutil.copytree(Path(migrate.__file__).parent / "migrations", copied)
    (copied / "versions" / "r0006_second.py").write_text(SECOND + FAULTS.get(fault, ""))
    return copied


@pytest.fixture
async def used_url(store_url: str, opener: Opener) -> str:
    """A store of the revision there is now, with a node in it."""
    async with opener(store_url) as pureboot:
        await pureboot.nodes.create(MAC, by="user:ada")
    return store_url


async def query(url: str, statement: str) -> object:
    database = await open_database(url)
    try:
        return await database.read(lambda tx: tx.execute(text(statement)).scalar())
    finally:
        await database.close()


async def test_an_older_store_is_brought_up_to_date_by_whoever_opens_it_first(
    used_url: str, tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_FOLDER", newer(tmp_path))
    monkeypatch.setattr(migrate, "HEAD", "0006")
    async with opener(used_url) as first, opener(used_url) as second:
        assert (first.is_host, second.is_host) == (True, False)
        assert (await second.nodes.find(Page()))[1] == 1
    assert await query(used_url, "SELECT rack FROM node") == "r1"
    monkeypatch.undo()
    with pytest.raises(Unavailable, match=r"newer PureBoot \(revision 0006; this one knows up to 0005\)"):
        async with opener(used_url):
            pass
    assert await query(used_url, "SELECT rack FROM node") == "r1"


async def test_two_that_open_an_older_store_at_once_upgrade_it_once(
    used_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_FOLDER", newer(tmp_path))
    monkeypatch.setattr(migrate, "HEAD", "0006")
    one, other = await open_database(used_url), await open_database(used_url)
    try:
        done = await asyncio.gather(migrate.migrate(one), migrate.migrate(other))
        assert sorted(done) == [False, True]
    finally:
        await one.close()
        await other.close()


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_upgrade_that_is_cut_off_leaves_the_store_as_it_was(
    used_url: str, tmp_path: Path, opener: Opener, fault: str
) -> None:
    folder = newer(tmp_path, fault)
    opening = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OPEN_IT, used_url, str(folder), stderr=asyncio.subprocess.PIPE
    )
    _, said = await opening.communicate()
    assert opening.returncode == (-9 if fault == "the power goes" else 1), said.decode()
    assert await query(used_url, "SELECT version_num FROM alembic_version") == "0005"
    async with opener(used_url) as pureboot:
        assert (await pureboot.nodes.get(MAC)).mac_address == MAC
        await pureboot.note(Kind.NODE_UPDATED)
    with pytest.raises(Unavailable):
        await query(used_url, "SELECT * FROM more")
    with pytest.raises(Unavailable):
        await query(used_url, "SELECT rack FROM node")
