"""Archives that Linux unpacks as (part of) its first file system: cpio in the form `newc`, made in memory.

Source: Documentation/driver-api/early-userspace/buffer-format.rst of Linux. Archives may follow one another, compressed
or not; one that is not compressed has to begin at a multiple of 4 bytes, and zeros between two are skipped. Of two
files of one name the later stays.
"""

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

ALIGNMENT = 4

_END = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class Member:
    """A file; `mode` has only permissions. With `device` it is a character device of these numbers, major and minor."""

    content: bytes
    mode: int = 0o644
    device: tuple[int, int] | None = None


def archive(members: Mapping[str, Member]) -> bytes:
    """The archive of files by their paths (relative, without `.` and `..`), with the folders they are in.

    Everything belongs to root and is of 1970, so that the same files make the same bytes. The size is a multiple of 4.
    """
    parts = [_entry(at, path, stat.S_IFDIR | 0o755, b"") for at, path in enumerate(_folders(members), start=1)]
    first = len(parts) + 1
    for at, (path, member) in enumerate(sorted(members.items()), start=first):
        kind = stat.S_IFREG if member.device is None else stat.S_IFCHR
        parts.append(_entry(at, path, kind | member.mode, member.content, member.device or (0, 0)))
    parts.append(_entry(0, _END, 0, b""))
    return b"".join(parts)


def padding(size: int) -> bytes:
    """What has to stand behind so many bytes, so that an archive may follow."""
    return bytes(-size % ALIGNMENT)


def _folders(paths: Iterable[str]) -> list[str]:
    """The folders of paths, each before what is in it."""
    found = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    return sorted(found - {"."})


def _entry(number: int, path: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, *device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return header + padding(len(header)) + content + padding(len(content))
