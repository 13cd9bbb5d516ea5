"""An SQLite store's file: whether what is at its path still is what PureBoot has open.

SQLite notices nothing of what people do to a file. One that was renamed over or removed it goes on with, although
nobody will ever find it again; one whose contents were copied over it reads together with pages that it remembers and
with a write-ahead log that belongs to the old ones. So the file is looked at before and after each transaction.

Nothing here opens the store's files but SQLite: closing a file gives back every lock this process has on it.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from engine.errors import Unavailable

_Id = tuple[int, int]  # device and inode
_NEVER: _Id = (0, 0)  # no file's


class Found(Enum):
    """What is at the path of a store that is open."""

    OURS = "the file that is open"
    NOTHING = "nothing"
    ANOTHER = "another file"
    WITHOUT_LOG = "the file that is open, without its write-ahead log or its index"
    WRITTEN_OVER = "the file that is open, written to in another way than by a commit of this process"


class Check(Enum):
    """How closely a file is looked at."""

    GLANCE = "SELECT 'ok'"
    PAGES = "PRAGMA quick_check(1)"
    PAGES_AND_INDEXES = "PRAGMA integrity_check(1)"


class StoreFile:
    """The file at `path`; `uri` opens it, and does not make it where there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.uri = f"{path.absolute().as_uri()}?mode=rw"
        self._names = (str(path.absolute()), f"{path.absolute()}-wal", f"{path.absolute()}-shm")
        self._main: _Id | None = None
        self._side: tuple[_Id | None, _Id | None] | None = None
        self._written: tuple[int, int] | None = None
        self._judged: _Id | None = None
        self._refused: tuple[object, str] | None = None

    def is_ours(self) -> bool:
        """Whether the file at the path is the one that was taken: one question to the system, 1.5 µs."""
        return self._main is None or _identity(self._names[0]) == self._main

    def look(self) -> Found:
        """What is at the path: three questions to the system, 4 µs."""
        try:
            main = os.stat(self._names[0])  # noqa: PTH116 - three times as fast as a Path, and asked all the time
        except OSError:
            return Found.NOTHING
        if (main.st_dev, main.st_ino) != self._main:
            return Found.ANOTHER
        if self._side is not None and self._side != self._side_files():
            return Found.WITHOUT_LOG
        if self._written is not None and self._written != (main.st_mtime_ns, main.st_size):
            return Found.WRITTEN_OVER
        return Found.OURS

    def take(self) -> None:
        """Take for the store from now on the file that was judged last, at first the one at the path."""
        self._main = self._judged or _identity(self._names[0])
        self._side = self._written = self._refused = None

    def took_log(self) -> None:
        """Remember the write-ahead log and its index; a connection has them open."""
        self._side = self._side_files()

    def took_note(self) -> bool:
        """Remember when the file was written last; False if it is not ours any more."""
        try:
            main = os.stat(self._names[0])  # noqa: PTH116
        except OSError:
            return False
        self._written = (main.st_mtime_ns, main.st_size)
        return (main.st_dev, main.st_ino) == self._main

    def drop_log(self) -> None:
        """Take away the log and the index of the file that was here, unless they are gone; all in them is in that file.

        Another file that finds them would be read together with them.
        """
        if self._side is not None:
            for name, known in zip(self._names[1:], self._side, strict=True):
                if known is not None and _identity(name) == known:
                    os.unlink(name)  # noqa: PTH108
            self._side = (_NEVER, _NEVER)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes of PureBoot from coming to terms with the same change at the same time."""
        descriptor = os.open(Path(self._names[0]).parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def judge(self, check: Check) -> int:
        """See that the file at the path is a store of this version; gives the last id of an event.

        What was found wanting is looked at again when it has changed.

        Raises:
            Unavailable: it is not; the message goes on from "the store file PATH was …".
        """
        state, self._judged = self._state(), _identity(self._names[0])
        if self._refused is not None and self._refused[0] == state:
            raise Unavailable(self._refused[1])
        try:
            return _judge(self.uri, check)
        except Unavailable as error:
            self._refused = (state, str(error))
            raise

    def _side_files(self) -> tuple[_Id | None, _Id | None]:
        return _identity(self._names[1]), _identity(self._names[2])

    def _state(self) -> object:
        with contextlib.suppress(OSError):
            found = os.stat(self._names[0])  # noqa: PTH116
            return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size, _identity(self._names[1])
        return None


def _identity(name: str) -> _Id | None:
    try:
        found = os.stat(name)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _judge(uri: str, check: Check) -> int:
    from engine.store.migrate import HEAD

    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=1, isolation_level=None)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "alembic_version" not in tables:
                raise Unavailable("what is there now is no store of PureBoot's")
            ((revision,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall() or ((None,),)
            if revision != HEAD:
                advice = "run `pureboot db upgrade`" if str(revision) < HEAD else "restore one that is"
                raise Unavailable(f"what is there now is of revision {revision}, this PureBoot is for {HEAD}: {advice}")
            ((verdict,),) = connection.execute(check.value).fetchall()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
            return last_event(connection)
    except sqlite3.Error as error:
        raise Unavailable(f"what is there now cannot be used ({error})") from None


def last_event(connection: sqlite3.Connection) -> int:
    """The highest id that an event of a store has had."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    return int(found[0]) if found else 0
