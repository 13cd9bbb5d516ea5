"""Large files by a thread of its own: while the kernel copies, the event loop is free for others.

`loop.sendfile` copies in the event loop. A slice that is small enough not to hold it up costs a turn of the loop each
time, and slices that large clients share become smaller the more they are. Here one thread serves every transfer by
epoll, each as its socket has room. It lives as long as there is something to send.
"""

import asyncio
import contextlib
import os
import resource
import select
import socket
import threading
from dataclasses import dataclass
from typing import Protocol

_SLICE = 1024 * 1024  # then another client has its turn
_IDLE_SECONDS = 5.0
_SHARE = 8  # of the descriptors a process may have: each transfer takes two of its own


class Counted(Protocol):
    """Whoever wants to know how far it is."""

    sent: int


@dataclass(slots=True, eq=False, kw_only=True)
class _Transfer:
    """What is still to be sent; both descriptors are its own, so nobody can close them under the thread's hands."""

    socket: socket.socket
    file: int
    offset: int
    left: int
    counted: Counted | None
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]

    def step(self) -> bool:
        """Send what there is room for; True if there is more to come.

        Raises:
            OSError: the client is gone, or takes nothing any more, or the file cannot be read.
        """
        try:
            sent = os.sendfile(self.socket.fileno(), self.file, self.offset, min(self.left, _SLICE))
        except (BlockingIOError, InterruptedError):
            return True
        if not sent:
            raise ConnectionResetError("the file became shorter while it was sent")
        self.offset += sent
        self.left -= sent
        if self.counted is not None:
            self.counted.sent += sent  # nobody else counts while the thread has it
        return self.left > 0

    def end(self, error: OSError | None) -> None:
        """Give everything back, and tell whoever waits."""
        self.socket.close()
        os.close(self.file)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self.loop.call_soon_threadsafe(self._tell, error)

    def _tell(self, error: OSError | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
            return
        lost = ConnectionResetError(f"the file was not sent to its end: {error.strerror or error}")
        lost.__cause__ = error
        self.done.set_exception(lost)


class Sender:
    """The thread, and what it sends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._transfers: dict[int, _Transfer] = {}
        self._epoll: select.epoll | None = None
        self._most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // _SHARE

    async def send(
        self, transport: asyncio.Transport, file: int, offset: int, length: int, counted: Counted | None = None
    ) -> bool:
        """Send bytes of an open file; False if it was not begun, since it has too much to do or no descriptors.

        All that was written to the transport must have been sent. Until this returns nothing is read from it, and what
        is sent is added to `counted`, from another thread.

        Raises:
            ConnectionResetError: the connection was lost, or the file became shorter.
        """
        transfer = self._taken(transport, file, offset, length, counted)
        if transfer is None:
            return False
        was_reading = transport.is_reading()
        transport.pause_reading()
        try:
            await transfer.done
        except asyncio.CancelledError:
            self._give_up(transfer)
            raise
        finally:
            if was_reading and not transport.is_closing():
                transport.resume_reading()
        return True

    def _taken(
        self, transport: asyncio.Transport, file: int, offset: int, length: int, counted: Counted | None
    ) -> _Transfer | None:
        """A transfer that the thread has."""
        if len(self._transfers) >= self._most:
            return None
        loop = asyncio.get_running_loop()
        try:
            own = transport.get_extra_info("socket").dup()
        except OSError:
            return None
        try:
            copy = os.dup(file)
        except OSError:
            own.close()
            return None
        transfer = _Transfer(
            socket=own,
            file=copy,
            offset=offset,
            left=length,
            counted=counted,
            loop=loop,
            done=loop.create_future(),
        )
        with self._lock:
            if self._epoll is None:
                self._epoll = select.epoll()
                threading.Thread(target=self._run, args=(self._epoll,), name="http-sender", daemon=True).start()
            self._transfers[own.fileno()] = transfer
            self._epoll.register(own.fileno(), select.EPOLLOUT)
        return transfer

    def _give_up(self, transfer: _Transfer) -> None:
        """Nobody waits for a transfer any more: its connection ends, which the thread notices."""
        with self._lock, contextlib.suppress(OSError):
            transfer.socket.shutdown(socket.SHUT_RDWR)

    def _run(self, epoll: select.epoll) -> None:
        with epoll:
            while True:
                ready = epoll.poll(_IDLE_SECONDS)
                for descriptor, _ in ready:
                    self._serve(epoll, descriptor)
                if ready:
                    continue
                with self._lock:
                    if not self._transfers:
                        self._epoll = None
                        return

    def _serve(self, epoll: select.epoll, descriptor: int) -> None:
        transfer = self._transfers[descriptor]
        error: OSError | None = None
        try:
            if transfer.step():
                return
        except OSError as found:
            error = found
        with self._lock:
            epoll.unregister(descriptor)
            del self._transfers[descriptor]
            transfer.end(error)
