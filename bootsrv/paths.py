"""A requested name, mapped to a file below a root or refused. TFTP and HTTP `/files` share it.

The names come from the network, so nothing of them is trusted: `clean` refuses by spelling, `resolve` by what is really
there. Links are followed here, one component at a time, instead of by the kernel: a link that stays below the root is
fine, and one that leads out is refused before anything outside is looked at. (`realpath` and a comparison of prefixes
would first walk wherever the link points, and has let neighbours such as `/srv/tftp-private` pass for `/srv/tftp`.)
What `resolve` returns contains no link, so `open_below` can open it with links forbidden in every component: a folder
that is swapped for a link in between is refused too. Only regular files are served, and nothing is opened before that
is known: opening a FIFO would block the whole server.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.core.blobs import FOLDER
from engine.errors import Forbidden, NotFound, Unavailable

MAX_NAME_BYTES = 1024
MAX_COMPONENT_BYTES = 255  # NAME_MAX of Linux
MAX_LINKS = 40  # as the kernel's own limit


def shown(text: str, limit: int = 120) -> str:
    r"""Text from the network, fit for a log, a screen or an error: at most about `limit` characters, controls escaped.

    An escape sequence (`\x1b[2J`), a line break or a bidirectional override comes out as its Python escape.
    """
    if len(text) <= limit and text.isprintable():
        return text
    safe = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:limit])
    return safe + ("..." if len(text) > limit else "")


def clean(requested: str) -> PurePosixPath:
    r"""The relative path that a requested name means; pure, nothing is looked up.

    Backslashes count as slashes (Windows loaders and some firmware send `\Boot\BCD`); leading and doubled slashes and
    `.` components are dropped.

    Raises:
        NotFound: nothing is left, as of an empty name or `/`; or it is in the folder of the blobs.
        Forbidden: it contains `..`, a character that cannot be printed (NUL, controls, bidirectional overrides, lone
            surrogates), or is longer than `MAX_NAME_BYTES` or, in one component, `MAX_COMPONENT_BYTES`.
    """
    if not all(char.isprintable() or char == "\u3000" for char in requested):
        raise Forbidden(f"{shown(requested)}: a file name may not contain control characters")
    parts = [part for part in requested.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Forbidden(f"{shown(requested)}: '..' is not allowed in a file name")
    sizes = [len(part.encode()) for part in parts]
    if sum(sizes) > MAX_NAME_BYTES or max(sizes, default=0) > MAX_COMPONENT_BYTES:
        raise Forbidden(f"{shown(requested)}: this file name is too long")
    if not parts:
        raise NotFound("no file was named")
    if parts[0] == FOLDER:  # what is in it is served under the names of templates, and only while it is whole
        raise NotFound(f"there is no file {shown(requested)}")
    return PurePosixPath(*parts)


def resolve(root: Path, requested: str) -> Path:
    """The absolute path, free of links, of the regular file below `root` that `requested` names.

    It looks at the disk (one `lstat` a component), so call it in a thread. No message contains a path of the server.

    Raises:
        NotFound: there is no such file, or it is a folder, FIFO, socket or device.
        Forbidden: the name is refused by `clean`, a link leads out of `root`, or the server may not look there.
        Unavailable: the disk does not answer.
    """
    with _translated(requested):
        path = _walk(root, clean(requested), requested)
        if not stat.S_ISREG(path.lstat().st_mode):
            raise NotFound(f"{shown(requested)} is not a file")
    return path


def open_below(root: Path, requested: str) -> BinaryIO:
    """`resolve` and open for reading, with no link followed in any component.

    Raises:
        NotFound, Forbidden, Unavailable: as `resolve`; Forbidden also when it may not be read.
    """
    path = resolve(root, requested)
    with _translated(requested):
        descriptor = _open_without_links(path)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotFound(f"{shown(requested)} is not a file")
        return os.fdopen(descriptor, "rb")


def _walk(root: Path, name: PurePosixPath, requested: str) -> Path:
    """Follow `name` below `root`, links included, as the kernel would; the result contains no link and no `..`."""
    top = Path(os.path.realpath(root))
    here: list[str] = []
    ahead = list(reversed(name.parts))
    links = 0
    while ahead:
        part = ahead.pop()
        if part == "..":  # from a link only: clean() lets none through
            if not here:
                raise _leads_out(requested)
            here.pop()
            continue
        candidate = top.joinpath(*here, part)
        if not stat.S_ISLNK(candidate.lstat().st_mode):
            here.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            raise NotFound(f"{shown(requested)}: its links go round in a circle")
        target = PurePosixPath(candidate.readlink())
        if target.is_absolute():
            target = _below(root, top, target, requested)
            here.clear()
        ahead.extend(reversed(target.parts))
    return top.joinpath(*here)


def _below(root: Path, top: Path, target: PurePosixPath, requested: str) -> PurePosixPath:
    """An absolute link target relative to the root, which may be written as configured or as it really is."""
    for spelling in (top, Path(os.path.abspath(root))):  # noqa: PTH100 - must not follow links
        if target.is_relative_to(spelling):
            return target.relative_to(spelling)
    raise _leads_out(requested)


def _leads_out(requested: str) -> Forbidden:
    return Forbidden(f"{shown(requested)}: a link leads out of the folder that is served")


def _open_without_links(path: Path) -> int:
    """A descriptor for an absolute path, opened a component at a time; a link on the way is an OSError (ELOOP)."""
    folder = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        for part in path.parts[1:-1]:
            inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # should a FIFO be put there right now, O_NONBLOCK keeps the open from waiting for its writer
        return os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)


@contextmanager
def _translated(requested: str) -> Iterator[None]:
    """OSErrors name real paths; ours name only what was asked for."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no file {shown(requested)}") from None
    except PermissionError:
        raise Forbidden(f"{shown(requested)}: the server is not permitted to read it") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _leads_out(requested) from None
        raise Unavailable(f"{shown(requested)} cannot be read now: {os.strerror(error.errno or 0)}") from None
