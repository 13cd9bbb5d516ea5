"""One file by plain HTTP, as a boot loader reads it: what comes is counted and forgotten.

A thousand machines that download at once would hold a gigabyte in the buffers of an ordinary client; here all of them
receive into the same memory.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from yarl import URL

ROOM = bytearray(256 * 1024)  # for the connections of one event loop, each of which is done with it at once
MAX_HEAD = 16 * 1024
AHEAD_SECONDS = 0.02  # a machine that is so little ahead of its rate goes on
_END = b"\r\n\r\n"


class Broken(OSError):
    """The answer is none, or is not whole."""


class Unspoken(Exception):
    """The answer is in a form that is for another client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a machine reads: `rate` in bytes a second, `keep` bytes of the beginning are wanted, `stall` seconds of
    silence are the end, from the address `source`, calling itself `agent`. `count` is told of bytes as they come.
    """

    rate: float
    keep: int
    stall: float
    agent: str
    source: str | None
    count: Callable[[int], None]


async def download(url: str, manner: Manner) -> tuple[int, bytes]:
    """Get a file; gives the status and how the body begins.

    Raises:
        OSError: the server is not there, or the connection was lost.
        TimeoutError: nothing came for too long.
        Unspoken: it is not for this client.
    """
    where = URL(url)
    if where.scheme != "http" or where.host is None or where.port is None:
        raise Unspoken
    loop = asyncio.get_running_loop()
    local = (manner.source, 0) if manner.source else None
    async with asyncio.timeout(manner.stall):
        transport, reading = await loop.create_connection(
            lambda: _Reading(manner), where.host, where.port, local_addr=local
        )
    try:
        head = f"GET {where.raw_path_qs} HTTP/1.1\r\nHost: {where.authority}\r\nUser-Agent: {manner.agent}\r\n"
        transport.write(f"{head}Connection: close\r\n\r\n".encode("ascii"))
        while not await reading.ends_within(manner.stall):
            if reading.is_stuck(manner.stall):
                raise TimeoutError(f"nothing came for {manner.stall:g} s")
        return reading.result()
    finally:
        reading.forget()
        transport.abort()


class _Reading(asyncio.BufferedProtocol):
    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._head: bytearray | None = bytearray()
        self._status = 0
        self._length: int | None = None
        self._came = 0
        self._beginning = bytearray()
        self._began = self._heard = time.monotonic()
        self._pause: asyncio.TimerHandle | None = None

    async def ends_within(self, seconds: float) -> bool:
        """Wait for the end, so long at most."""
        await asyncio.wait((self._over,), timeout=seconds)
        return self._over.done()

    def is_stuck(self, seconds: float) -> bool:
        """Whether nothing has come for so long, and not because it was not asked for."""
        return self._pause is None and time.monotonic() - self._heard >= seconds

    def result(self) -> tuple[int, bytes]:
        """Status and beginning of what came."""
        self._over.result()
        return self._status, bytes(self._beginning)

    def forget(self) -> None:
        """Nothing more is wanted."""
        self._over.cancel()
        if self._pause is not None:
            self._pause.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:
        return ROOM

    def buffer_updated(self, count: int) -> None:
        self._heard = time.monotonic()
        self._manner.count(count)
        if self._head is None:
            self._take(memoryview(ROOM)[:count])
        else:
            self._head += memoryview(ROOM)[:count]
            self._read_head(self._head)

    def connection_lost(self, error: Exception | None) -> None:
        if error is None and self._head is None and self._length is None:
            self._end()
        else:
            self._end(error or Broken("the connection was closed before the end"))

    def _read_head(self, head: bytearray) -> None:
        end = head.find(_END)
        if end < 0:
            if len(head) > MAX_HEAD:
                self._end(Broken("the head of the answer does not end"))
            return
        try:
            self._status, self._length = _meaning(bytes(head[:end]))
        except (ValueError, Unspoken) as error:
            self._end(error if isinstance(error, Unspoken) else Broken("this is no HTTP"))
            return
        self._head = None
        self._take(memoryview(bytes(head[end + len(_END) :])))

    def _take(self, piece: memoryview) -> None:
        self._came += len(piece)
        if len(self._beginning) < self._manner.keep:
            self._beginning += piece[: self._manner.keep - len(self._beginning)]
        if self._length is not None and self._came >= self._length:
            self._end()
            return
        ahead = self._came / self._manner.rate - (self._heard - self._began)
        if ahead > AHEAD_SECONDS and self._transport is not None and self._pause is None:
            self._transport.pause_reading()
            self._pause = asyncio.get_running_loop().call_later(ahead, self._go_on)

    def _go_on(self) -> None:
        self._pause, self._heard = None, time.monotonic()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _end(self, error: Exception | None = None) -> None:
        if self._over.done():
            return
        if error is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(error)


def _meaning(head: bytes) -> tuple[int, int | None]:
    """Status and length of an answer.

    Raises:
        ValueError: it is no HTTP.
        Unspoken: the body comes in chunks.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if not version.startswith("HTTP/1."):
        raise ValueError(version)
    if "transfer-encoding" in fields:
        raise Unspoken
    length = fields.get("content-length")
    return int(status), None if length is None else int(length)
