"""Where the TFTP server's files come from: folders, read whole into a bounded memory that all transfers share."""

import asyncio
import itertools
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bootsrv.paths import open_below, resolve, shown
from engine.errors import Forbidden, NotFound, Unavailable

MIB = 1024 * 1024

_Identity = tuple[Path, int, int, int, int]  # path, device, inode, time of change in ns, size


_numbers = itertools.count()


class FileContent:
    """A file's bytes in memory, one copy for all transfers of it. It is gone when the last of them is."""

    __slots__ = ("__weakref__", "number", "raw")

    def __init__(self, data: bytes) -> None:
        self.raw = data
        self.number = next(_numbers)

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, part: "slice[Any, Any, Any]") -> bytes:
        return self.raw[part]


class FolderSource:
    """Maps a requested name to the file of that name below the first of `roots` that has it.

    Called with the name, it gives the content, read in a thread, or raises what `bootsrv.paths.resolve` raises; also
    Forbidden for a file over `max_file_bytes`, and Unavailable when it changed while being read or when all that is
    being sent at once would exceed `memory_bytes`. What was sent lately is kept, newest first, within the same bound:
    a rack that starts together costs one read. A file that is replaced or changed on disk is read anew.
    """

    def __init__(
        self, roots: Sequence[Path], *, max_file_bytes: int = 256 * MIB, memory_bytes: int = 512 * MIB
    ) -> None:
        self._roots = tuple(roots)
        self._max_file_bytes = max_file_bytes
        self._memory_bytes = memory_bytes
        self._held: weakref.WeakValueDictionary[_Identity, FileContent] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[_Identity, FileContent] = OrderedDict()
        # One file is read at a time: a second request for it then finds it held, and the bound is exact.
        self._reading = asyncio.Lock()
        self._using = threading.Lock()

    @property
    def bytes_in_memory(self) -> int:
        """What is held now, for transfers and for the next ones."""
        return sum(len(content) for content in list(self._held.values()))

    async def __call__(self, name: str) -> FileContent:
        """The content of the file that `name` means; see the class for what it raises."""
        root, identity = await asyncio.to_thread(self._find, name)
        content = self._held.get(identity)
        if content is None:
            async with self._reading:
                content = self._held.get(identity)
                if content is None:
                    content = await self._read(root, name, identity)
        self._use(identity, content)
        return content

    def held(self, name: str) -> FileContent | None:
        """The content if it is in memory and the file unchanged; from any thread, no file is read.

        Raises:
            As calling it does, for the name.
        """
        if not self._held:
            return None
        _, identity = self._find(name)
        content = self._held.get(identity)
        if content is not None:
            self._use(identity, content)
        return content

    def _use(self, identity: _Identity, content: FileContent) -> None:
        with self._using:
            self._recent[identity] = content
            self._recent.move_to_end(identity)

    def _find(self, name: str) -> tuple[Path, _Identity]:
        reason = NotFound(f"there is no file {shown(name)}")
        for root in self._roots:
            try:
                path = resolve(root, name)
                return root, _identity(path, path.stat(follow_symlinks=False))
            except NotFound as error:
                reason = error
            except FileNotFoundError:
                continue  # deleted a moment ago
        raise reason

    async def _read(self, root: Path, name: str, identity: _Identity) -> FileContent:
        size = identity[-1]
        if size > self._max_file_bytes:
            limit = f"{self._max_file_bytes / MIB:.0f} MiB"
            raise Forbidden(f"{shown(name)} is larger than TFTP serves here ({limit}); fetch it over HTTP")
        self._make_room(size)
        content = FileContent(await asyncio.to_thread(_read_whole, root, name, identity))
        self._held[identity] = content
        return content

    def _make_room(self, size: int) -> None:
        while self._recent and self.bytes_in_memory + size > self._memory_bytes:
            with self._using:
                self._recent.popitem(last=False)
        if self.bytes_in_memory + size > self._memory_bytes:
            raise Unavailable("too many different files are being sent at once; ask again in a moment")


def _identity(path: Path, status: os.stat_result) -> _Identity:
    return path, status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _read_whole(root: Path, name: str, identity: _Identity) -> bytes:
    path, size = identity[0], identity[-1]
    with open_below(root, name) as file:
        data = file.read(size + 1)  # one more, to see that it has not grown
        unchanged = _identity(path, os.fstat(file.fileno())) == identity
    if not unchanged or len(data) != size:
        raise Unavailable(f"{shown(name)} changed while it was read; ask again")
    return data
