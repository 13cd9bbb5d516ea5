"""The folder of the blobs: each is a file that is named by its SHA-256 and never changes.

    files.dir/.blobs/sha256/ab/cdef…   a blob, read-only
                    /tmp/ID.part       a blob on its way; whoever writes it holds a lock on it
                    /uploads/ID.part   what has arrived of an upload
                    /owners/TAG        which stores keep their blobs here
                    /lock              shared by who adds a blob and makes it known, exclusive for who collects

A blob counts once it has its name, and it gets that in one step (rename) after its bytes are on the disk. So whatever
kills the process leaves a blob that is whole, or a `.part` that `collect` takes away. Adding one that is there already
puts the new file in its place: the same bytes, but perhaps on sectors that can still be read.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.blobs.incoming import Incoming, synced_folder
from engine.core.blobs import FOLDER
from engine.errors import Conflict, NotFound, Unavailable
from engine.sizes import shown_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A `.part` that nobody writes any more."""

    path: Path
    size: int
    changed_at: float


class Depot:
    """The blobs below a folder. `owner` is a tag of the store they belong to, `reserve` the bytes to leave free."""

    def __init__(self, folder: Path, *, owner: str, reserve: int = 0) -> None:
        self.root = folder / FOLDER
        self._owner = owner
        self._reserve = reserve

    @property
    def is_there(self) -> bool:
        """Whether there is a folder of blobs that holds those of this store."""
        return (self.root / "owners" / self._owner).exists()

    def path(self, digest: str) -> Path:
        """Where a blob is, or would be."""
        return self.root / "sha256" / digest[:2] / digest[2:]

    def open(self, digest: str) -> BinaryIO:
        """A blob, for reading.

        Raises:
            NotFound: it is not there.
            Unavailable: it cannot be read.
        """
        try:
            descriptor = os.open(self.path(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"the blob {digest[:12]} is not in {self.root}") from None
        except OSError as error:
            raise Unavailable(f"the blob {digest[:12]} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotFound(f"the blob {digest[:12]} is no file in {self.root}")
        return os.fdopen(descriptor, "rb", buffering=0)

    def prepare(self) -> None:
        """Make the folders that are missing.

        Raises:
            Unavailable: they cannot be made.
        """
        try:
            for name in ("sha256", "tmp", "uploads", "owners"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            mark = self.root / "owners" / self._owner
            if not mark.exists():
                mark.touch()
                synced_folder(mark.parent)
                synced_folder(self.root)
        except OSError as error:
            raise Unavailable(
                f"{self.root} cannot be used for files: {error.strerror}; let this user write there, or set files.dir"
            ) from None

    def require_room(self, size: int) -> None:
        """Refuse what would not fit.

        Raises:
            Unavailable: less would stay free than is to stay free.
        """
        free = shutil.disk_usage(self.root).free
        if free - size < self._reserve:
            raise Unavailable(
                f"there is no room for {shown_size(size)} in {self.root}: {shown_size(free)} are free, and "
                f"{shown_size(self._reserve)} stay free (files.min_free); make room, or run `pureboot template gc`"
            )

    def incoming(self, name: str, size: int | None, folder: str = "tmp") -> Incoming:
        """A new file that is to become a blob; `size` if it is known.

        Raises:
            Unavailable: there is no room, or it cannot be made.
        """
        self.prepare()
        self.require_room(size or 0)
        return Incoming(self.root / folder / f"{name}.part", room=self.require_room)

    def resumed(self, name: str) -> Incoming:
        """What has arrived of an upload, to be gone on with.

        Raises:
            NotFound: it is not there.
            Conflict: somebody goes on with it now.
            Unavailable: it cannot be opened.
        """
        with contextlib.suppress(OSError):
            self.part(name).chmod(0o600)  # a server that was killed may have made it read-only
        return Incoming(self.part(name), room=self.require_room, fresh=False)

    def part(self, name: str) -> Path:
        """Where what has arrived of an upload is."""
        return self.root / "uploads" / f"{name}.part"

    def publish(self, incoming: Incoming, digest: str) -> None:
        """Let a file that is complete and on the disk be the blob of its digest. The lock must be held, shared.

        Raises:
            Unavailable: the disk does not take it.
        """
        target = self.path(digest)
        try:
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                synced_folder(target.parent.parent)
            incoming.path.replace(target)
            os.utime(target)
            synced_folder(target.parent)
        except OSError as error:
            raise Unavailable(f"the file cannot be kept in {target.parent}: {error.strerror}") from None

    def touch(self, digest: str) -> bool:
        """Let a blob count as new, and say whether it is there. The lock must be held, shared."""
        try:
            os.utime(self.path(digest))
        except OSError:
            return False
        return True

    def blobs(self) -> dict[str, tuple[float, int]]:
        """All blobs that are there: when each came, in seconds since 1970, and its size."""
        found = {}
        for folder in _entries(self.root / "sha256"):
            for entry in _entries(Path(folder.path)):
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    found[folder.name + entry.name] = (status.st_mtime, status.st_size)
        return found

    def remove(self, digest: str) -> None:
        """Take a blob away. The lock must be held, exclusively."""
        self.path(digest).unlink(missing_ok=True)

    def leftovers(self) -> Iterator[Leftover]:
        """Files on their way that nobody writes any more; what belongs to an upload that is open is not among them."""
        for entry in _entries(self.root / "tmp"):
            path = Path(entry.path)
            with contextlib.suppress(FileNotFoundError):
                status = path.stat(follow_symlinks=False)
                if not is_written(path):
                    yield Leftover(path=path, size=status.st_size, changed_at=status.st_mtime)

    def parts(self) -> dict[str, Leftover]:
        """What has arrived of uploads, by their ids."""
        found = {}
        for entry in _entries(self.root / "uploads"):
            path = Path(entry.path)
            with contextlib.suppress(FileNotFoundError):
                status = path.stat(follow_symlinks=False)
                found[path.stem] = Leftover(path=path, size=status.st_size, changed_at=status.st_mtime)
        return found

    def others(self) -> list[str]:
        """The tags of other stores that keep blobs here."""
        return sorted(entry.name for entry in _entries(self.root / "owners") if entry.name != self._owner)

    def lock(self, *, exclusive: bool, seconds: float = 30.0) -> "_Lock":
        """The lock of the folder, as a context manager.

        Raises, on entering:
            Conflict: others hold it for too long.
        """
        return _Lock(self.root / "lock", exclusive, seconds)


class _Lock:
    """Blocks its thread. It is asked for again and again instead of waited for, so that the wait has an end."""

    def __init__(self, path: Path, exclusive: bool, seconds: float) -> None:
        self._path = path
        self._kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        self._until = time.monotonic() + seconds
        self._descriptor = -1

    def __enter__(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        while True:
            try:
                fcntl.flock(descriptor, self._kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > self._until:
                    os.close(descriptor)
                    raise Conflict("files are being added or collected by others; try again in a moment") from None
                time.sleep(0.01)
            else:
                self._descriptor = descriptor
                return

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_written(path: Path) -> bool:
    """Whether somebody holds the lock of a file that is on its way."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return error.errno != errno.ENOENT
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
