"""Backups of an SQLite store: a consistent copy while PureBoot writes on, and getting a store back from one.

A backup is itself a store: one file, without a write-ahead log. It is made beside its place and looked through before
it gets its name, so a file of that name is always a whole backup. (SQLite Online Backup API.)
"""

import contextlib
import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Conflict, Invalid, NotFound, Unavailable
from engine.store.fresh import named, workshop
from engine.store.migrate import HEAD
from engine.store.storefile import last_event

_PIECE = 1024 * 1024
_STEPS = 4096  # pages that are copied between two looks at whether somebody wants to stop
_SLEEP_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """A backup: its file and what is in it. `size` is in bytes, `last_event` the highest id of an event."""

    path: str
    size: int
    sha256: str
    revision: str
    last_event: int


def back_up(source: Path, target: Path) -> BackedUp:
    """Copy the store in the file `source` to a new file, all of one moment. Blocks; others may write meanwhile.

    Raises:
        NotFound: there is no store.
        Conflict: there is a file in the place already, or another backup to it is under way.
        Unavailable: it cannot be read or written, or the store is damaged.
    """
    if not source.is_file():
        raise NotFound(f"there is no store {source}")
    return _made(source, target, f"the store {source} cannot be backed up to {target}")


def restore(source: Path, target: Path) -> BackedUp:
    """Make the store `target`, which must not be there, of a backup. Blocks.

    Raises:
        NotFound: there is no backup.
        Invalid: the file is none, is damaged, or is of a newer PureBoot.
        Conflict: there is a store in the place already.
        Unavailable: it cannot be read or written.
    """
    if not source.is_file():
        raise NotFound(f"there is no file {source}")
    if Path(f"{source}-wal").exists():
        raise Invalid(
            f"{source} is a store in use, with a write-ahead log: make a backup of it with pureboot db backup"
        )
    for left in (Path(f"{target}-wal"), Path(f"{target}-shm")):
        if left.exists():
            raise Conflict(f"there is {left}, of a store that was here before; move it away with the store")
    with contextlib.closing(_opened(source)) as connection:
        looked_through(connection, str(source))
    return _made(source, target, f"the backup {source} cannot be restored to {target}")


def looked_through(connection: sqlite3.Connection, name: str) -> tuple[str, int]:
    """The revision of a store and its last event, once all of it was read.

    Raises:
        Invalid: it is no store of PureBoot's, is damaged, or is of a newer PureBoot.
    """
    try:
        tables = {table for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in tables or "event" not in tables:
            raise Invalid(f"{name} is no store of PureBoot's")
        revision = str((connection.execute("SELECT version_num FROM alembic_version").fetchone() or (None,))[0])
        if revision > HEAD:
            raise Invalid(f"{name} is of a newer PureBoot (revision {revision}; this one knows up to {HEAD})")
        verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        stray = connection.execute("PRAGMA foreign_key_check").fetchone()
        if verdict != "ok" or stray is not None:
            why = verdict if verdict != "ok" else f"a row of {stray[0]} refers to one of {stray[2]} that is not there"
            raise Invalid(f"{name} is damaged: {why}")
        return revision, last_event(connection)
    except sqlite3.Error as error:
        raise Invalid(f"{name} is damaged, or no store of PureBoot's: {error}") from None


def _made(source: Path, target: Path, failure: str) -> BackedUp:
    with workshop(target) as folder:
        fresh = folder / target.name
        try:
            revision, last = _copied(source, fresh)
            fresh.chmod(0o600)
            found = BackedUp(
                path=str(target), size=fresh.stat().st_size, sha256=_digest(fresh), revision=revision, last_event=last
            )
        except Invalid as error:
            raise Unavailable(f"{failure}: {error}; see `pureboot db check`") from None
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"{failure}: {error}; is there room, and may this user write there?") from None
        named(fresh, target)
    return found


def _copied(source: Path, fresh: Path) -> tuple[str, int]:
    with (
        contextlib.closing(_opened(source)) as before,
        contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as after,
    ):
        before.execute("BEGIN")  # one moment: what others write from now on is not in it, and does not start it anew
        before.execute("SELECT count(*) FROM sqlite_master").fetchone()
        before.backup(after, pages=_STEPS, sleep=_SLEEP_SECONDS)
        before.execute("COMMIT")
        after.execute("PRAGMA journal_mode=DELETE")
        return looked_through(after, "what was copied")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
