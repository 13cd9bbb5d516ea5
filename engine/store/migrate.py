"""Bringing a store to the tables this version of PureBoot knows.

Alembic is only imported where something has to be done: opening a store that is up to date costs one query.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from engine.errors import Unavailable
from engine.store.database import Database
from engine.store.schema import metadata

HEAD = "0005"  # the newest revision in migrations/versions; a test keeps it true
# As Alembic makes it.
_VERSION_TABLE = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""
_FOLDER = Path(__file__).parent / "migrations"


async def migrate(database: Database) -> bool:
    """Run the migrations that are missing, all in one transaction; gives whether there were any.

    Raises:
        Unavailable: the store was made by a newer PureBoot, or holds tables that are none of ours.
    """
    changed = False
    if await database.read(lambda tx: _revision(tx.connection)) != HEAD:
        changed = await database.write(lambda tx: _bring(tx.connection))
    database.remember()
    return changed


async def revision(database: Database) -> str | None:
    """The revision a store is at; None while it is empty."""
    return await database.read(lambda tx: _revision(tx.connection))


def _revision(connection: Connection) -> str | None:
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise Unavailable(
            "the database holds tables that are not PureBoot's; give PureBoot a database of its own (database.url)"
        )
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _bring(connection: Connection) -> bool:
    """An empty store gets its tables at once, without Alembic and all the steps of the past; another is upgraded."""
    if _revision(connection) is not None:
        return upgrade(connection)
    metadata.create_all(connection)
    connection.execute(text(_VERSION_TABLE))
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})
    return True


def upgrade(connection: Connection, to: str = "head") -> bool:
    """Migrate on a connection that is in a transaction; gives whether there was anything to do.

    Raises:
        Unavailable: as `migrate`.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    at = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if at is not None and at not in known:
        raise Unavailable(
            f"the store is of a newer PureBoot (revision {at}; this one knows up to {HEAD}): "
            "install that PureBoot again, or restore a backup made before the upgrade"
        )
    if at == HEAD:
        return False
    command.upgrade(config, to)
    return True
