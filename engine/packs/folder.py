"""Reading a pack from a folder, of which nothing is trusted.

Only regular files are opened, never a device, a FIFO or a socket. A symbolic link may lead to a file inside the pack
and nowhere else; what was opened is asked where it really is, so that a link that is swapped meanwhile gains nothing.
Everything here blocks, and is called in a thread.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.core.packs import FOLDERS, MANIFEST, MAX_BYTES, MAX_FILE, MAX_FILES, SUMS, PackFiles, is_hidden
from engine.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from engine.sizes import shown_size

_IGNORED = frozenset({".git", ".hg", ".svn"})
_DEPTH = 16
_PIECE = 1024 * 1024

TOO_LARGE = f"have more than {shown_size(MAX_BYTES)} together, too much for a pack"


class _Refused(Exception):
    """Why a file is not read."""


def read_folder(root: Path, *, all_files: bool = False) -> PackFiles:
    """Every file of a pack. With `all_files`, or where the pack has a MANIFEST.sha256, the digests of what else is
    there are found as well.

    Raises:
        NotFound: there is no such folder.
        Invalid: it holds too many files, or they are too large together.
        Unavailable: it cannot be read.
    """
    return _Folder(root).read(all_files=all_files)


def write_folder(root: Path, files: Mapping[str, bytes]) -> None:
    """Write a pack to a folder that is new or empty, all of it or nothing.

    Raises:
        Conflict: there is something in it.
        Unavailable: it cannot be written.
    """
    if os.path.lexists(root) and not (root.is_dir() and not any(root.iterdir())):
        raise Conflict(f"{root} is not empty; give a new folder")
    root = root.resolve()  # "." has no name, and a folder cannot take the place of one that is called so
    made = root.parent / f".{root.name}.{os.getpid()}.tmp"
    try:
        for path, content in files.items():
            place = made / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        made.replace(root)  # an empty folder gives way
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise Unavailable(f"{root} cannot be written: {error.strerror or error}") from None


class _Folder:
    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise NotFound(f"there is no folder {root}")
        self._root = root.resolve()
        self._files: dict[str, bytes] = {}
        self._others: dict[str, str] = {}
        self._refused: list[Problem] = []
        self._count = 0
        self._bytes = 0

    def read(self, *, all_files: bool) -> PackFiles:
        try:
            for name in (MANIFEST, SUMS):
                if os.path.lexists(self._root / name):
                    self._take(name)
            for folder in FOLDERS:
                self._read_below(folder)
            if all_files or SUMS in self._files:
                self._hash_others(self._root, "", 0)
        except OSError as error:
            raise Unavailable(f"the pack {self._root} cannot be read: {error.strerror or error}") from None
        refused = tuple(sorted(self._refused, key=lambda each: each.file or ""))
        return PackFiles(files=self._files, others=self._others, refused=refused)

    def _read_below(self, folder: str) -> None:
        place = self._root / folder
        if not os.path.lexists(place):
            return
        if not place.is_dir() or not self._is_inside(place):
            self._refuse(folder, "is no folder of this pack")
            return
        for name in self._names(place):
            if not is_hidden(name):
                self._take(f"{folder}/{name}")

    def _names(self, place: Path) -> list[str]:
        with os.scandir(place) as found:
            return sorted(entry.name for entry in self._counted(found))

    def _counted(self, entries: "Iterator[os.DirEntry[str]]") -> "Iterator[os.DirEntry[str]]":
        for entry in entries:
            self._count += 1
            if self._count > MAX_FILES:
                raise Invalid([Problem(message=f"{self._root} holds more than {MAX_FILES} files, too many for a pack")])
            yield entry

    def _take(self, path: str) -> None:
        try:
            path.encode()
        except UnicodeEncodeError:
            self._refuse(path.encode("utf-8", "backslashreplace").decode(), "has a name that is not UTF-8")
            return
        try:
            with self._opened(path) as file:
                content = os.read(file, MAX_FILE + 1)
                while len(content) <= MAX_FILE and (more := os.read(file, MAX_FILE + 1 - len(content))):
                    content += more
            if len(content) > MAX_FILE:
                raise _Refused(f"is larger than {MAX_FILE} bytes, which is the most a file of a pack may have")
            self._bytes += len(content)
            if self._bytes > MAX_BYTES:
                raise Invalid([Problem(message=f"the files of {self._root} {TOO_LARGE}")])
            self._files[path] = content
        except _Refused as error:
            self._refuse(path, str(error))
        except OSError as error:
            self._refuse(path, f"cannot be read: {error.strerror or error}")

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        place = self._root / path
        if place.is_symlink():
            if not self._is_inside(place):
                raise _Refused("is a symbolic link that leads out of the pack")
            place = place.resolve()
        _require_file(place.stat().st_mode)
        # what is no file any more when it is opened must not hold this up, nor become a terminal of this process
        file = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            found = os.fstat(file)
            _require_file(found.st_mode)
            if found.st_size > MAX_FILE:
                raise _Refused(f"has {found.st_size} bytes; a file of a pack may have {MAX_FILE}")
            self._require_place(file)
            yield file
        finally:
            os.close(file)

    def _require_place(self, file: int) -> None:
        """Linux tells where an open file is; elsewhere what was looked at before has to do."""
        with contextlib.suppress(FileNotFoundError):
            if not os.readlink(f"/proc/self/fd/{file}").startswith(f"{self._root}/"):  # noqa: PTH115 - a thousand times
                raise _Refused("is a symbolic link that leads out of the pack")

    def _is_inside(self, place: Path) -> bool:
        try:
            return place.resolve(strict=True).is_relative_to(self._root)
        except (OSError, RuntimeError):  # leads nowhere, or round in a circle
            return False

    def _refuse(self, path: str, why: str) -> None:
        self._refused.append(Problem(file=path, message=why))

    def _hash_others(self, place: Path, above: str, depth: int) -> None:
        """The digests of what is no document: for sums, which speak of every file."""
        for name in self._names(place):
            path, here = f"{above}{name}", place / name
            if name in _IGNORED or path in self._files or any(each.file == path for each in self._refused):
                continue
            if here.is_dir() and not here.is_symlink():
                if depth >= _DEPTH:
                    self._refuse(path, f"is nested deeper than {_DEPTH} folders")
                else:
                    self._hash_others(here, f"{path}/", depth + 1)
            else:
                self._hash(path)

    def _hash(self, path: str) -> None:
        place = self._root / path
        try:
            if place.is_symlink() and not self._is_inside(place):
                raise _Refused("is a symbolic link that leads out of the pack")
            _require_file(place.stat().st_mode)
            digest = hashlib.sha256()
            with place.open("rb", buffering=0) as file:
                _require_file(os.fstat(file.fileno()).st_mode)
                self._require_place(file.fileno())
                while piece := file.read(_PIECE):
                    digest.update(piece)
            self._others[path] = digest.hexdigest()
        except _Refused as error:
            self._refuse(path, str(error))
        except OSError as error:
            self._refuse(path, f"cannot be read: {error.strerror or error}")


_KINDS = {
    stat.S_IFDIR: "is a folder; only the files of templates and workflows are read, not what is below them",
    stat.S_IFIFO: "is a named pipe (FIFO)",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
}


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise _Refused(_KINDS.get(stat.S_IFMT(mode), "is no regular file"))
