"""How much of each log has arrived, so that a piece that is sent again is not taken twice.

An agent that gets no answer cannot know whether its piece arrived, and sends it again. It says where in its log the
piece begins; what has arrived already is left out. This is kept in memory: after a restart of the server a piece that
was taken just before may come in a second time, which is better than a piece that is lost.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_REMEMBERED = 4096


@dataclass(slots=True)
class _Log:
    end: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Received:
    """The ends of the logs that were written to lately, in bytes from their beginning."""

    def __init__(self) -> None:
        self._logs: OrderedDict[tuple[str, ...], _Log] = OrderedDict()

    async def take(
        self, key: tuple[str, ...], offset: int, piece: bytes, keep: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Have `keep` called with what of a piece is new; a piece whose keeping fails has not arrived."""
        log = self._logs.setdefault(key, _Log())
        self._logs.move_to_end(key)
        if len(self._logs) > _REMEMBERED:
            self._logs.popitem(last=False)
        async with log.lock:
            known = max(0, log.end - offset)
            if known < len(piece):
                await keep(piece[known:])
                log.end = offset + len(piece)
