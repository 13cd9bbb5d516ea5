"""The datagrams of a file's blocks, made some at a time and shared by all transfers that are near the same place.

A rack that starts together reads one file in one block size, and the DATA of a block is the same bytes for each: made
once, sending it costs a look into a list.
"""

from collections import OrderedDict
from typing import Any, Protocol

from bootsrv.tftp.packet import MAX_BLOCK, Opcode, pack_header

PART_BLOCKS, PART_BYTES = 32, 64 * 1024  # of what is made at once, at most
SHELF_BYTES = 32 * 1024 * 1024
_DATA = int(Opcode.DATA)

Part = list[bytes]
_Key = tuple[int, int, int]  # the content's number, block size, which part


class Content(Protocol):
    """What is sent: a length, and parts of it at once, for all transfers wait meanwhile. `bytes` is one.

    One that holds bytes may name them `raw`: then blocks are cut out of them without a call, some in advance. If it has
    also a `number` that no other content has, they are shared.
    """

    def __len__(self) -> int:
        """Size in bytes."""

    def __getitem__(self, part: "slice[Any, Any, Any]", /) -> bytes:
        """The bytes from `part.start` to `part.stop`, fewer at the end."""


class Shelf:
    """Keeps the parts used last, `most_bytes` of them; for one thread."""

    def __init__(self, most_bytes: int = SHELF_BYTES) -> None:
        self._most_bytes = most_bytes
        self._parts: OrderedDict[_Key, Part] = OrderedDict()
        self.bytes = 0
        """How many are kept."""

    def find(self, key: _Key) -> Part | None:
        """The part, if it is kept."""
        part = self._parts.get(key)
        if part is not None:
            self._parts.move_to_end(key)
        return part

    def keep(self, key: _Key, part: Part) -> None:
        """Keep a part that was not found, in the place of those used longest ago."""
        self._parts[key] = part
        self.bytes += _size(part)
        while self.bytes > self._most_bytes:
            self.bytes -= _size(self._parts.popitem(last=False)[1])


class Frames:
    """The DATA datagrams of `content` in blocks of `blksize` bytes: block n is number n - 1, the last may be empty."""

    __slots__ = ("_ahead", "_blksize", "_content", "_keeps", "_last", "_number", "_shelf")

    def __init__(self, content: Content, blksize: int, shelf: Shelf | None = None) -> None:
        self._keeps = content  # who counts what is being sent sees it by this
        raw = getattr(content, "raw", content)
        self._content: Content = raw
        self._blksize = blksize
        self._last = len(content) // blksize + 1
        # What is no bytes may be dear to read, or fail: no block of it is read before its time.
        self._ahead = max(1, min(PART_BLOCKS, PART_BYTES // blksize)) if isinstance(raw, bytes) else 1
        self._number: int | None = getattr(content, "number", None)
        self._shelf = shelf

    def part(self, block: int) -> tuple[int, Part]:
        """The part that block `block` (from 1) is in, and the number of its first block."""
        index = (block - 1) // self._ahead
        first = index * self._ahead + 1
        if self._shelf is None or self._number is None:
            return first, self._made(first)
        key = self._number, self._blksize, index
        part = self._shelf.find(key)
        if part is None:
            part = self._made(first)
            self._shelf.keep(key, part)
        return first, part

    def _made(self, first: int) -> Part:
        content, blksize = self._content, self._blksize
        return [
            pack_header(_DATA, block & MAX_BLOCK) + content[(block - 1) * blksize : block * blksize]
            for block in range(first, min(first + self._ahead, self._last + 1))
        ]


def _size(part: Part) -> int:
    return len(part) * len(part[0])
