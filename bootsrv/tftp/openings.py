"""Files on their way from the event loop, where they are opened, to the server's thread, where they are sent."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable

from bootsrv.tftp.asked import Asked
from bootsrv.tftp.exchange import Exchange, OpenFile
from bootsrv.tftp.frames import Content
from bootsrv.tftp.netascii import Netascii
from bootsrv.tftp.pump import Pump
from engine.errors import PureBootError

log = logging.getLogger(__name__)

OPEN_SECONDS = 30.0  # by then the peer has given up
AT_ONCE = 32  # so a rack that asks at once does not hold up the screen; the others soon find the file in memory

OpenAtOnce = Callable[[Asked], Content | None]


class Openings:
    """What is in memory is given at once; the rest is asked for in the event loop, some at a time, in order."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, pump: Pump, open_file: OpenFile, at_once: OpenAtOnce | None
    ) -> None:
        self._loop, self._pump = loop, pump
        self._open_file, self._in_memory = open_file, at_once
        self._under_way = 0
        self._waiting: deque[Exchange] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, exchange: Exchange) -> None:
        """Have the file opened; the exchange is told. In the pump's thread."""
        content = self._held(exchange)
        if content is not None:
            exchange.opened(content)
        elif self._under_way < AT_ONCE:
            self._under_way += 1
            with contextlib.suppress(RuntimeError):  # the event loop has ended; so will this
                self._loop.call_soon_threadsafe(self._begin, exchange)
        else:
            self._waiting.append(exchange)

    async def close(self) -> None:
        """End what is under way; the pump has ended before. In the event loop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _held(self, exchange: Exchange) -> Content | None:
        if self._in_memory is None or exchange.netascii:
            return None
        try:
            return self._in_memory(exchange.asked)
        except PureBootError:
            return None  # asked in the event loop, it says why
        except Exception:
            log.exception("TFTP: a file in memory cannot be had")
            return None

    def _begin(self, exchange: Exchange) -> None:
        if not self._pump.alive:
            return
        task = self._loop.create_task(self._open(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, exchange: Exchange) -> None:
        result: Content | BaseException
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                content = await self._open_file(exchange.asked)
                result = await asyncio.to_thread(Netascii, content) if exchange.netascii else content
        except Exception as error:
            result = error
        self._pump.call(self._done, exchange, result)

    def _done(self, exchange: Exchange, result: Content | BaseException) -> None:
        self._under_way -= 1
        if isinstance(result, BaseException):
            exchange.not_opened(result)
        else:
            exchange.opened(result)
        while self._waiting and self._under_way < AT_ONCE:
            following = self._waiting.popleft()
            if not following.ended:
                self.open(following)
