"""The files of templates: whether all were right when they were looked at last."""

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from bootsrv.doctor.finding import Finding, ok, problem
from bootsrv.doctor.store import reading, sqlite_path
from engine.core.blobs import BlobState
from engine.errors import PureBootError
from engine.settings import Settings

_NAME = "template files"


async def check_blobs(settings: Settings) -> list[Finding]:
    """Look at what the store knows of blobs; nothing is said where it knows of none, or cannot be asked."""
    path = sqlite_path(settings)
    try:
        if path is None:
            counts = await _of_postgres(settings.database.url)
        else:
            counts = await asyncio.to_thread(_of_sqlite, path)
    except (PureBootError, sqlite3.Error, ImportError):
        return []  # that the store cannot be read is another finding
    return [] if not counts else [judge_blobs(counts, settings.files.dir)]


def judge_blobs(counts: Mapping[str, int], folder: Path) -> Finding:
    """What the numbers of blobs in each state mean."""
    total = sum(counts.values())
    lost = [f"{counts[state]} {state}" for state in (BlobState.DAMAGED, BlobState.MISSING) if counts.get(state)]
    if lost:
        fix = "`pureboot template files` names them: add the same files again, or make another version the current one"
        return problem(_NAME, f"of {total} in {folder}, {' and '.join(lost)}", fix)
    return ok(_NAME, f"{total} in {folder}, all right when they were verified last")


def _of_sqlite(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    with reading(path) as connection:
        return dict(connection.execute("SELECT state, COUNT(*) FROM blob GROUP BY state"))


async def _of_postgres(url: str) -> dict[str, int]:
    from engine.store.blobs import counts
    from engine.store.database import open_database
    from engine.store.migrate import HEAD, revision

    database = await open_database(url)
    try:
        return await database.read(counts) if await revision(database) == HEAD else {}
    finally:
        await database.close()
