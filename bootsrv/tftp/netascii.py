"""Content as mode `netascii` has it (RFC 1350 section 1, RFC 764): a line ends with CR LF, a CR alone is CR NUL."""

from bisect import bisect_right
from itertools import accumulate
from typing import Any

_PIECE = 16 * 1024


class Netascii:
    """Bytes as netascii: what `ReadTransfer` can send. It is made as it is asked for, so it takes hardly any memory.

    To count the line ends of many megabytes takes a while: make it in a thread.
    """

    __slots__ = ("_converted", "_keeps", "_piece", "_raw", "_starts")

    def __init__(self, content: Any) -> None:
        self._keeps = content
        self._raw: bytes = getattr(content, "raw", content)
        raw = self._raw
        lengths = (
            min(_PIECE, len(raw) - at) + raw.count(b"\n", at, at + _PIECE) + raw.count(b"\r", at, at + _PIECE)
            for at in range(0, len(raw), _PIECE)
        )
        self._starts: list[int] = [0, *accumulate(lengths)]
        self._piece, self._converted = -1, b""

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, part: "slice[Any, Any, Any]") -> bytes:
        start, stop = part.start, min(part.stop, len(self))
        found = []
        while start < stop:
            index = bisect_right(self._starts, start) - 1
            begin = self._starts[index]
            found.append(self._of(index)[start - begin : stop - begin])
            start = self._starts[index + 1]
        return b"".join(found)

    def _of(self, index: int) -> bytes:
        if index != self._piece:
            raw = self._raw[index * _PIECE : (index + 1) * _PIECE]
            self._piece, self._converted = index, raw.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
        return self._converted
