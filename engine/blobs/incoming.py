"""A file on its way to become a blob: written in pieces, and summed up while it is."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from engine.errors import Conflict, NotFound, Unavailable
from engine.sizes import shown_size

PIECE = 1024 * 1024
_LOOK_EVERY = 64 * PIECE


class Incoming:
    """Bytes that arrive one after another. `offset` is how many have, `digest` their SHA-256.

    It is locked while it is open, so that nobody takes it for abandoned. Not for several threads at once.
    """

    def __init__(self, path: Path, *, room: Callable[[int], None], fresh: bool = True) -> None:
        """Raises:
        NotFound: it is not fresh, and not there.
        Conflict: somebody else has it open.
        Unavailable: it cannot be opened.
        """
        self.path = path
        self._room = room
        self._hasher = hashlib.sha256()
        self._summed = 0
        self._looked_at = 0
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if fresh else 0)
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            raise NotFound("what has arrived of this upload is gone; begin it anew") from None
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error.strerror}") from None
        try:
            # of a new file nobody can hold the lock for longer than it takes to look whether it is held
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if fresh else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(self._descriptor)
            raise Conflict("this upload is being written by another request; wait for its end") from None
        self.offset = os.lseek(self._descriptor, 0, os.SEEK_END)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Add bytes at the end.

        Raises:
            Unavailable: the disk is full, or does not take them.
        """
        if self.offset - self._looked_at >= _LOOK_EVERY:
            self._looked_at = self.offset
            self._room(0)
        view = memoryview(piece)
        try:
            while view:
                written = os.write(self._descriptor, view)
                if self._summed == self.offset:  # else it is read again at the end
                    self._hasher.update(view[:written])
                    self._summed += written
                self.offset += written
                view = view[written:]
        except OSError as error:
            raise self._refused(error) from None

    def restart(self) -> None:
        """Forget what has arrived."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self.offset = self._summed = self._looked_at = 0
        self._hasher = hashlib.sha256()

    def require_room(self, size: int) -> None:
        """Refuse what would not fit on the disk.

        Raises:
            Unavailable: it would not.
        """
        self._room(size)

    def adopt(self, other: "Incoming | None") -> None:
        """Take over what was summed up when this was open before."""
        if other is not None and other._summed <= self.offset:
            self._hasher, self._summed = other._hasher.copy(), other._summed

    def digest(self, stopped: Callable[[], bool] = lambda: False) -> str:
        """The SHA-256 of what has arrived; what was written before this was opened is read for it.

        Raises:
            Unavailable: it cannot be read.
        """
        while self._summed < self.offset and not stopped():
            try:
                piece = os.pread(self._descriptor, PIECE, self._summed)
            except OSError as error:
                raise self._refused(error) from None
            if not piece:
                raise Unavailable("what had arrived of this file is gone from the disk; begin it anew")
            self._hasher.update(piece)
            self._summed += len(piece)
        return self._hasher.hexdigest()

    def complete(self) -> None:
        """Bring it to the disk, read-only from now on.

        Raises:
            Unavailable: the disk does not take it.
        """
        try:
            os.fchmod(self._descriptor, 0o444)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._refused(error) from None

    def close(self) -> None:
        """Leave it as it is, for somebody else to go on with."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Take it away."""
        self.path.unlink(missing_ok=True)
        self.close()

    def _refused(self, error: OSError) -> Unavailable:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Unavailable(f"the disk is full after {shown_size(self.offset)}: make room in {self.path.parent}")
        return Unavailable(f"{self.path} cannot be written: {os.strerror(error.errno or 0)}")


def synced_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
