"""Firmware's TFTP: a socket and a timer around the pure `Reading`, in the event loop."""

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass

from bootsrv.simulator.reading import Progress, Reading

MOST_AT_ONCE = 8  # datagrams taken before anybody else has a turn
ROOM = 2048
AHEAD_SECONDS = 0.01  # a machine that is so little ahead of its rate goes on


class TftpLost(Exception):
    """The file did not come; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a machine reads. `rate` is in bytes a second; it waits for `seconds`, and asks again `retries` times."""

    blksize: int
    windowsize: int
    rate: float
    seconds: float
    retries: int


async def read(host: str, port: int, name: str, manner: Manner, *, source: str | None = None) -> int:
    """Read a file, from the address `source` if there is one; gives its size in bytes.

    Raises:
        TftpLost: it did not come.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, _, _, _, server = found[0]
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bound:
            bound.bind((source or "", 0))
            reader = _Reader(bound, server, Reading(name, blksize=manner.blksize, windowsize=manner.windowsize), manner)
            return await reader.run()
    except OSError as error:
        raise TftpLost(str(error)) from None


class _Reader:
    def __init__(self, bound: socket.socket, server: object, reading: Reading, manner: Manner) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = bound
        self._server = server
        self._reading = reading
        self._manner = manner
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._began = self._moved = time.monotonic()
        self._repeats = 0
        self._is_met = False
        self._paused: asyncio.TimerHandle | None = None

    async def run(self) -> int:
        self._socket.sendto(self._reading.request, self._server)  # type: ignore[call-overload]
        self._loop.add_reader(self._socket, self._readable)
        self._timer = self._loop.call_later(self._manner.seconds, self._look)
        try:
            return await self._ended
        finally:
            self._loop.remove_reader(self._socket)
            self._timer.cancel()
            if self._paused is not None:
                self._paused.cancel()

    def _readable(self) -> None:
        try:
            for _ in range(MOST_AT_ONCE):
                answer = self._reading.receive(self._next())
                if answer is not None:
                    self._moved, self._repeats = time.monotonic(), 0
                    self._answer(answer)
                if self._reading.ended:
                    self._end()
                    return
                if self._reading.window == 1:
                    return  # the next block comes only after what was just sent
        except BlockingIOError:
            pass
        except OSError as error:
            self._lost(str(error))

    def _next(self) -> bytes:
        """The next datagram. The server answers from a port of its own: from then on only that is heard."""
        if self._is_met:
            return self._socket.recv(ROOM)
        datagram, sender = self._socket.recvfrom(ROOM)
        self._socket.connect(sender)
        self._is_met = True
        return datagram

    def _answer(self, datagram: bytes) -> None:
        """Send, once the machine is no longer ahead of its rate."""
        ahead = self._reading.size / self._manner.rate - (self._moved - self._began)
        if ahead > AHEAD_SECONDS and not self._reading.ended:
            self._paused = self._loop.call_later(ahead, self._go_on, datagram)
        else:
            self._socket.send(datagram)

    def _go_on(self, datagram: bytes) -> None:
        self._paused, self._moved = None, time.monotonic()
        self._send(datagram)

    def _send(self, datagram: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                if self._is_met:
                    self._socket.send(datagram)
                else:
                    self._socket.sendto(datagram, self._server)  # type: ignore[call-overload]
            except OSError as error:
                self._lost(str(error))

    def _look(self) -> None:
        """Ask again if nothing came for too long."""
        quiet = time.monotonic() - self._moved
        if self._paused is None and quiet >= self._manner.seconds:
            if self._repeats >= self._manner.retries:
                self._lost(f"no answer in {self._manner.retries + 1} times {self._manner.seconds:g} s")
                return
            self._repeats += 1
            self._moved = time.monotonic()
            self._send(self._reading.again())
        if not self._ended.done():
            left = self._manner.seconds - (time.monotonic() - self._moved)
            self._timer = self._loop.call_later(max(AHEAD_SECONDS, left), self._look)

    def _end(self) -> None:
        if self._reading.progress is Progress.DONE:
            if not self._ended.done():
                self._ended.set_result(self._reading.size)
        else:
            self._lost(self._reading.error)

    def _lost(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(TftpLost(why))
