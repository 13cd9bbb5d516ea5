"""What Rock Ridge (IEEE P1282, on SUSP P1281) keeps beside a record: names, links, folders that were moved."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from engine.blobs.iso.image import BadImage, Image

_MOST_CONTINUATIONS = 64
_MORE, _HERE, _ABOVE, _ROOT = 0x01, 0x02, 0x04, 0x08


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`child` is the block of the folder this stands for; `is_moved` says that this is where such a one was put.

    `is_special` is a device, or a file that is kept compressed: what no file server can give.
    """

    name: str = ""
    target: str = ""
    child: int | None = None
    is_moved: bool = False
    is_special: bool = False


def skip(system_use: bytes) -> int | None:
    """How many bytes come before the fields of each record, said in the first one of the root; None: no Rock Ridge."""
    if system_use[:2] == b"SP" and len(system_use) >= 7 and system_use[4:6] == b"\xbe\xef":
        return system_use[6]
    # CD-ROM XA puts 14 bytes of its own first
    return skip(system_use[14:]) if system_use[6:8] == b"XA" else None


def read(image: Image, system_use: bytes, block: int) -> Facts:
    """What the fields of a record say.

    Raises:
        BadImage: they go on without end, or where there is nothing.
    """
    name, link = b"", _Link()
    child, moved, special = None, False, False
    for kind, data in _fields(image, system_use, block):
        if kind == b"NM" and len(data) > 1 and not data[0] & (_HERE | _ABOVE):
            name += data[1:]
        elif kind == b"SL" and data:
            link.add(data[1:])
        elif kind == b"CL" and len(data) >= 4:
            child = int.from_bytes(data[:4], "little")
        elif kind == b"RE":
            moved = True
        elif kind == b"ZF" or (kind == b"PX" and _is_device(data)):
            special = True
    text = name.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
    return Facts(name=text, target=link.target, child=child, is_moved=moved, is_special=special)


def _is_device(data: bytes) -> bool:
    mode = stat.S_IFMT(int.from_bytes(data[:4], "little"))
    return mode not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


def _fields(image: Image, data: bytes, block: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(_MOST_CONTINUATIONS):
        following: tuple[int, int] | None = None
        while len(data) >= 4 and data[2] >= 4:
            kind, field = data[:2], data[4 : data[2]]
            data = data[data[2] :]
            if kind == b"CE" and len(field) >= 24:
                start = int.from_bytes(field[0:4], "little") * block + int.from_bytes(field[8:12], "little")
                following = (start, int.from_bytes(field[16:20], "little"))
            elif kind == b"ST":
                break
            else:
                yield kind, field
        if following is None:
            return
        data = image.read(*following, "what goes on about a file")
    raise BadImage("what the image says about a file goes on without end")


class _Link:
    """Where a link leads, from the components of its fields."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._goes_on = False

    def add(self, data: bytes) -> None:
        """Take the components of one field."""
        while len(data) >= 2:
            flags, text = data[0], data[2 : 2 + data[1]]
            data = data[2 + data[1] :]
            part = b"." if flags & _HERE else b".." if flags & _ABOVE else b"" if flags & _ROOT else text
            if self._goes_on:
                self._parts[-1] += part
            else:
                self._parts.append(part)
            self._goes_on = bool(flags & _MORE)

    @property
    def target(self) -> str:
        """The path it leads to."""
        if self._parts == [b""]:
            return "/"
        return b"/".join(self._parts).decode("utf-8", "replace")
