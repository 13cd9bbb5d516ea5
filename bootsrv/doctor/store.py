"""The store: there or possible, writable, of a version we know, whole; and room for it to grow."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bootsrv.doctor.finding import Finding, ok, problem, warning
from engine.errors import PureBootError
from engine.settings import Settings

SQLITE = "sqlite:///"
MIB = 1024 * 1024
LEAST_SPACE, GOOD_SPACE = 200 * MIB, 2048 * MIB
_ELSEWHERE = "choose another place with database.url (--database-url or PUREBOOT_DATABASE__URL)"
_DAMAGED = "stop PureBoot and restore the store from a backup"


def sqlite_path(settings: Settings) -> Path | None:
    """The store's file; None for PostgreSQL."""
    url = settings.database.url
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


async def check_store(settings: Settings) -> list[Finding]:
    """Look at the store without changing it."""
    path = sqlite_path(settings)
    if path is None:
        return await _check_postgres(settings.database.url)
    return await asyncio.to_thread(lambda: [_check_sqlite(path), check_space("disk space", path)])


def _check_sqlite(path: Path) -> Finding:
    if not path.exists():
        folder = existing(path.parent)
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            return problem("store", f"{path} cannot be made: {folder} is not writable", _ELSEWHERE)
        return ok("store", f"{path} is made by the first start")
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK | os.X_OK):
        return problem("store", f"{path} is not writable", f"chown or chmod it and its folder, or {_ELSEWHERE}")
    try:
        with reading(path) as connection:
            revision = _revision(connection)
    except sqlite3.Error as error:
        return problem("store", f"{path} cannot be read: {error}", _DAMAGED)
    return judge_revision(str(path), revision)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves nothing behind: beside a running PureBoot it shares the log, else it needs none."""
    in_use = path.with_name(path.name + "-wal").exists()
    uri = f"{path.absolute().as_uri()}?{'mode=ro' if in_use else 'immutable=1'}"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as connection:
        yield connection


def _revision(connection: sqlite3.Connection) -> str | None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "alembic_version" not in tables:
        return "foreign" if tables else None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def judge_revision(where: str, revision: str | None) -> Finding:
    """What a store's revision means to this version of PureBoot; None is an empty store."""
    from engine.store.migrate import HEAD

    if revision is None:
        return ok("store", f"{where} is empty; the first start makes the tables")
    if revision == "foreign":
        return problem("store", f"{where} holds tables that are not PureBoot's", "give PureBoot a store of its own")
    if revision == HEAD:
        return ok("store", f"{where}, revision {revision}")
    if revision < HEAD:
        return ok("store", f"{where}, revision {revision}; the next start upgrades it to {HEAD}")
    return problem(
        "store",
        f"{where} is of a newer PureBoot (revision {revision}; this one knows up to {HEAD})",
        "install that PureBoot again, or restore a backup made before the upgrade",
    )


async def _check_postgres(url: str) -> list[Finding]:
    if importlib.util.find_spec("asyncpg") is None:
        return [problem("store", "PostgreSQL needs the package asyncpg", "pip install 'pureboot[postgres]'")]
    from engine.store.database import open_database
    from engine.store.migrate import revision

    try:
        database = await open_database(url)
    except PureBootError as error:
        return [problem("store", error.message, "check that PostgreSQL runs and that database.url is right")]
    try:
        return [judge_revision("PostgreSQL", await revision(database))]
    except PureBootError as error:
        return [problem("store", error.message, "give PureBoot a database of its own")]
    finally:
        await database.close()


def check_space(name: str, path: Path) -> Finding:
    """Whether there is room where a file is or will be."""
    folder = existing(path)
    folder = folder if folder.is_dir() else folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB free at {folder}"
    if free < LEAST_SPACE:
        return problem(name, text, "make room: a full disk stops every installation")
    return warning(name, text, "make room soon") if free < GOOD_SPACE else ok(name, text)


def existing(path: Path) -> Path:
    """The nearest part of a path that exists."""
    path = path.absolute()
    return next(part for part in (path, *path.parents) if part.exists())


async def check_integrity(settings: Settings) -> list[Finding]:
    """Whether the store is whole: revision, and for SQLite every page, index and foreign key."""
    path = sqlite_path(settings)
    if path is None:
        return await _check_postgres(settings.database.url)
    if not path.exists():
        return [problem("store", f"there is no store {path}", "start PureBoot once, or name the right one")]
    return await asyncio.to_thread(lambda: [_check_sqlite(path), *_check_pages(path)])


def _check_pages(path: Path) -> list[Finding]:
    try:
        with reading(path) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        return [problem("integrity", str(error), _DAMAGED)]
    pages = ok("integrity", "every page and index is whole") if found == ["ok"] else None
    keys = ok("foreign keys", "every reference leads somewhere") if not orphans else None
    return [
        pages or problem("integrity", "; ".join(found), _DAMAGED),
        keys or problem("foreign keys", f"{len(orphans)} rows refer to rows that are gone", _DAMAGED),
    ]
