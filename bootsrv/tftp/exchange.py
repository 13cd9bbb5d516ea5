"""One TFTP request and all that follows it: a socket and a timer around the pure `ReadTransfer`."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bootsrv.paths import shown
from bootsrv.tftp.packet import Error, ErrorCode, Opcode, ReadRequest, encode
from bootsrv.tftp.sockets import Address, plain
from bootsrv.tftp.transfer import Content, ReadTransfer, Timing
from engine.errors import Forbidden, NotFound, PureBootError

log = logging.getLogger(__name__)

Outcome = Literal["done", "probed", "failed", "refused"]
OpenFile = Callable[[str], Awaitable[Content]]

# Echo, daytime, quote, chargen, DNS, TFTP, NTP: they answer whatever comes, so a forged request would start a loop.
LOOP_PORTS = frozenset({0, 7, 13, 17, 19, 53, 69, 123})
RECEIVE_BYTES = 1024  # more than any request or ACK has
OPEN_SECONDS = 30.0  # by then the peer has given up
DUPLICATE_SECONDS = 1.0  # a network's second copy of a request comes sooner, a peer that begins anew later
STRANGERS_ANSWERED = 8
IPV6_EXTRA_HEADER = 20  # bytes that a block must be smaller than over IPv4 to fit into the same frame


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTransfer:
    """A transfer under way: peer's address and port, escaped name, size in bytes (None until the file is open).

    `sent` counts the bytes that the peer has acknowledged; times are aware, in UTC.
    """

    peer: str
    port: int
    name: str
    size: int | None
    sent: int
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReport(LiveTransfer):
    """What became of one request. `message` is escaped and empty if all went well.

    `probed`: the peer only wanted to know the size. `refused`: it got nothing but an ERROR; `size` is None.
    """

    outcome: Outcome
    message: str
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all exchanges of a server have in common. `may_refuse` is asked before an ERROR is sent to a request."""

    open_file: OpenFile
    max_blksize: int
    timing: Timing
    may_refuse: Callable[[], bool]


class Exchange:
    """One read request and its transfer, on a socket of its own, which it closes.

    It opens the file in a task (`opening`), then lives on callbacks of the loop until `on_end` is called, once; without
    a report if it was refused in silence.
    """

    def __init__(
        self,
        terms: Terms,
        request: ReadRequest,
        *,
        datagram: bytes,
        peer: Address,
        own: socket.socket,
        on_end: Callable[["Exchange", TransferReport | None], None],
    ) -> None:
        self.peer = peer
        self._terms = terms
        self._request = request
        self._datagram = datagram
        self._socket = own
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._started_at = datetime.now(UTC)
        self._transfer: ReadTransfer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._strangers = 0
        self._ended = False
        self.opening = self._loop.create_task(self._open())

    def live(self) -> LiveTransfer:
        """What a live screen shows."""
        return LiveTransfer(
            peer=plain(self.peer[0]),
            port=self.peer[1],
            name=shown(self._request.name),
            size=self._transfer.size if self._transfer else None,
            sent=self._transfer.sent if self._transfer else 0,
            started_at=self._started_at,
        )

    def asked_again(self, datagram: bytes) -> bool:
        """The peer sent a request again from the same port: True if that is dealt with, False if it begins anew.

        While the file is being opened any further request is ignored: the peer repeats it if he still means it.
        """
        if self._transfer is None:
            return True
        if datagram != self._datagram:
            return False
        if self._transfer.answered:
            return self._loop.time() - self._began < DUPLICATE_SECONDS
        self._go_on(self._transfer, self._transfer.asked_again(self._loop.time()))
        return True

    def stop(self, reason: str) -> None:
        """End it from here and tell the peer."""
        self.opening.cancel()
        self._send_error(ErrorCode.UNDEFINED, reason)
        self.end("failed", reason)

    def end(self, outcome: Outcome, message: str = "") -> None:
        """Free all it holds and report; a second end changes nothing."""
        if not self._ended:
            self._free()
            self._on_end(self, self._report(outcome, message))

    def _free(self) -> None:
        self._ended = True
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self._timer is not None:
            self._timer.cancel()

    def _report(self, outcome: Outcome, message: str) -> TransferReport:
        live = self.live()
        return TransferReport(
            peer=live.peer,
            port=live.port,
            name=live.name,
            size=live.size,
            sent=live.sent,
            started_at=live.started_at,
            outcome=outcome,
            message=message,
            finished_at=datetime.now(UTC),
        )

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                content = await self._terms.open_file(self._request.name)
            transfer = ReadTransfer(self._request, content, max_blksize=self._max_blksize(), timing=self._terms.timing)
            first = transfer.start(self._loop.time())
        except PureBootError as error:
            self._refuse(_error_code(error), error.message)
        except TimeoutError:
            self._refuse(ErrorCode.UNDEFINED, "the file could not be read in time")
        except Exception:
            log.exception("TFTP: opening %s failed", shown(self._request.name))
            self._refuse(ErrorCode.UNDEFINED, "the server could not open the file; its log says why")
        else:
            self._transfer = transfer
            self._loop.add_reader(self._socket, self._readable, transfer)
            self._go_on(transfer, first)

    def _max_blksize(self) -> int:
        return self._terms.max_blksize - (IPV6_EXTRA_HEADER if ":" in plain(self.peer[0]) else 0)

    def _readable(self, transfer: ReadTransfer) -> None:
        try:
            datagram, peer = self._socket.recvfrom(RECEIVE_BYTES)
        except OSError:
            return
        if peer != self.peer:
            self._answer_stranger(datagram, peer)
            return
        try:
            answers = transfer.receive(datagram, self._loop.time())
        except Exception:
            self._broken()
        else:
            self._go_on(transfer, answers)

    def _tick(self, transfer: ReadTransfer) -> None:
        self._timer = None
        self._go_on(transfer, transfer.tick(self._loop.time()))

    def _go_on(self, transfer: ReadTransfer, answers: tuple[bytes, ...]) -> None:
        for datagram in answers:
            self._send(datagram, self.peer)
        if transfer.ending is not None:
            self.end(transfer.ending, transfer.message)
        elif transfer.deadline is not None and (self._timer is None or transfer.deadline < self._timer.when()):
            # A deadline that moved back needs nothing: the timer finds nothing due and is set again. So an ACK, which
            # moves it each time, costs no timer.
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(transfer.deadline, self._tick, transfer)

    def _broken(self) -> None:
        """The content that a source gave cannot be read; that ends this transfer and nothing else."""
        log.exception("TFTP: reading %s failed", shown(self._request.name))
        self._send_error(ErrorCode.UNDEFINED, "the server could not read the file")
        self.end("failed", "the server could not read the file; its log says why")

    def _refuse(self, code: ErrorCode, message: str) -> None:
        if self._terms.may_refuse():
            self._send_error(code, message)
            self.end("refused", message)
        else:
            self._free()
            self._on_end(self, None)

    def _answer_stranger(self, datagram: bytes, peer: Address) -> None:
        """ERROR 5 to what looks like part of a transfer (RFC 1350 section 4); never to an ERROR, and not for ever."""
        part = int.from_bytes(datagram[:2]) in (Opcode.DATA, Opcode.ACK)
        if part and peer[1] not in LOOP_PORTS and self._strangers < STRANGERS_ANSWERED:
            self._strangers += 1
            self._send(encode(Error(code=ErrorCode.UNKNOWN_TRANSFER, message="no transfer of yours")), peer)

    def _send_error(self, code: ErrorCode, message: str) -> None:
        self._send(encode(Error(code=code, message=message)), self.peer)

    def _send(self, datagram: bytes, peer: Address) -> None:
        try:
            self._socket.sendto(datagram, peer)
        except OSError as error:
            # As good as lost on the way, and repeated like that: a full buffer, a route that is gone for a moment.
            log.debug("TFTP to %s: %s", plain(peer[0]), error)


def _error_code(error: PureBootError) -> ErrorCode:
    match error:
        case NotFound():
            return ErrorCode.FILE_NOT_FOUND
        case Forbidden():
            return ErrorCode.ACCESS_VIOLATION
    return ErrorCode.UNDEFINED
