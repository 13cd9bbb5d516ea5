"""Write a cpio archive in the form the Linux kernel unpacks as its first file system (newc; see cpio(5))."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass

_END = "TRAILER!!!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file, link or folder; `mode` has its type as well, `content` of a link is what it points to."""

    mode: int
    content: bytes = b""


def folder() -> Entry:
    """A folder."""
    return Entry(mode=stat.S_IFDIR | 0o755)


def program(content: bytes) -> Entry:
    """A file that can be run."""
    return Entry(mode=stat.S_IFREG | 0o755, content=content)


def link(target: str) -> Entry:
    """A symbolic link."""
    return Entry(mode=stat.S_IFLNK | 0o777, content=target.encode())


def archive(entries: Mapping[str, Entry]) -> bytes:
    """The archive of the entries by path, without a slash in front; folders before what is in them."""
    parts = [_member(number, path, entry) for number, (path, entry) in enumerate(entries.items(), start=1)]
    return b"".join([*parts, _member(0, _END, Entry(mode=0))])


def _member(number: int, path: str, entry: Entry) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return _padded(header) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
