"""Sending files to many connections at once by sendfile, in turns that leave the event loop to others.

asyncio's own sendfile sends as much as the kernel takes, which holds everybody up for milliseconds; and asked for small
slices it spends more on beginning and ending each than on sending it. So here the connections stand in a row: each in
turn sends a slice, and after `TURN_SECONDS` whatever else has happened comes first. One whose buffer is full waits
until the kernel says that there is room.
"""

import asyncio
import os
import time
from collections import deque

SLICE = 128 * 1024
TURN_SECONDS = 0.002


class Outlet:
    """The row; all that is sent by one event loop belongs into one. A turn ends with the first slice that is not sent
    within `turn_seconds`.
    """

    def __init__(self, turn_seconds: float = TURN_SECONDS) -> None:
        self._turn_seconds = turn_seconds
        self._row: deque[_Flow] = deque()
        self._is_called = False

    async def send(self, transport: asyncio.Transport, file: int, offset: int, length: int) -> None:
        """Send `length` bytes of an open file from `offset` on; what was written before must have left the transport.

        Raises:
            ConnectionResetError: the client is gone, or the file became shorter; also its kin of the kernel.
        """
        flow = _Flow(self, transport, file, offset, length)
        try:
            if flow.left:
                self.enqueue(flow)
                await flow.over
        finally:
            flow.close()

    def enqueue(self, flow: "_Flow") -> None:
        """Let a connection have its turn."""
        self._row.append(flow)
        if not self._is_called:
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        row, ends = self._row, time.monotonic() + self._turn_seconds
        while row:
            flow = row.popleft()
            if flow.step():
                row.append(flow)
            if time.monotonic() >= ends:
                break
        self._is_called = bool(row)
        if row:
            asyncio.get_running_loop().call_soon(self._turn)


class _Flow:
    """One file on its way to one connection."""

    __slots__ = ("_at", "_file", "_outlet", "_room", "_socket", "_transport", "left", "over")

    def __init__(self, outlet: Outlet, transport: asyncio.Transport, file: int, offset: int, length: int) -> None:
        self.left = length
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outlet = outlet
        self._transport = transport
        self._socket: int = transport.get_extra_info("socket").fileno()
        self._file = file
        self._at = offset
        self._room = -1

    def step(self) -> bool:
        """Send a slice; whether more of it can be sent now."""
        if self.over.done():
            return False
        if self._transport.is_closing():
            return self._fail(ConnectionResetError("the client is gone"))
        wanted = min(SLICE, self.left)
        try:
            sent = os.sendfile(self._socket, self._file, self._at, wanted)
        except BlockingIOError:
            return self._wait()
        except InterruptedError:
            return True
        except OSError as error:
            return self._fail(error)
        if not sent:
            return self._fail(ConnectionResetError("the file became shorter while it was sent"))
        self._at += sent
        self.left -= sent
        if not self.left:
            self.over.set_result(None)
            return False
        return sent == wanted or self._wait()

    def close(self) -> None:
        """Wait for nothing more."""
        self.over.cancel()
        if self._room >= 0:
            asyncio.get_running_loop().remove_writer(self._room)
            os.close(self._room)
            self._room = -1

    def _wait(self) -> bool:
        """Wait for room. The loop leaves a transport's own descriptor to the transport, so it is told of another."""
        try:
            if self._room < 0:
                self._room = os.dup(self._socket)
            asyncio.get_running_loop().add_writer(self._room, self._has_room)
        except OSError as error:
            return self._fail(error)
        return False

    def _has_room(self) -> None:
        asyncio.get_running_loop().remove_writer(self._room)
        self._outlet.enqueue(self)

    def _fail(self, error: OSError) -> bool:
        self.over.set_exception(error)
        return False
