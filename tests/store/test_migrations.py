"""Migrations lead to exactly the tables of the schema, and never backwards."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from engine.errors import Unavailable
from engine.store import migrate
from engine.store.database import open_database
from engine.store.schema import metadata
from tests.conftest import Opener


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD


@pytest.mark.parametrize("way", ["all at once", "step by step"])
async def test_a_migrated_store_equals_the_schema(store_url: str, way: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    def step_by_step(connection: Connection) -> None:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        migrate.upgrade(connection)

    database = await open_database(store_url)
    try:
        if way == "step by step":
            await database.write(lambda tx: step_by_step(tx.connection))
        assert await database.read(lambda tx: differences(tx.connection)) == []
        assert await migrate.revision(database) == migrate.HEAD
        assert await migrate.migrate(database) is False
    finally:
        await database.close()


async def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(store_url: str, opener: Opener) -> None:
    database = await open_database(store_url)
    await database.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await database.close()
    with pytest.raises(Unavailable, match=r"newer PureBoot \(revision 9999; this one knows up to 0005\)"):
        async with opener(store_url):
            pass
    database = await open_database(store_url)
    assert await migrate.revision(database) == "9999"
    await database.close()


async def test_somebody_elses_tables_are_not_touched(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'theirs.db'}")
    try:
        await database.write(lambda tx: tx.execute(text("CREATE TABLE theirs (id INTEGER)")))
        with pytest.raises(Unavailable, match="a database of its own"):
            await migrate.migrate(database)
        assert await database.read(lambda tx: tx.execute(text("SELECT name FROM sqlite_master")).scalars().all()) == [
            "theirs"
        ]
    finally:
        await database.close()
