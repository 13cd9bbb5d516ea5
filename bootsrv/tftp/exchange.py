"""One TFTP request and all that follows it: a port and a timer around the pure `ReadTransfer`.

All of it happens in the server's thread (see `pump`).
"""

import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from bootsrv.paths import shown
from bootsrv.tftp.allowance import Allowance
from bootsrv.tftp.asked import Asked
from bootsrv.tftp.frames import Content, Shelf
from bootsrv.tftp.packet import Error, ErrorCode, Opcode, ReadRequest, encode
from bootsrv.tftp.pump import Pump, Readable
from bootsrv.tftp.sockets import Address
from bootsrv.tftp.transfer import ReadTransfer, Timing
from bootsrv.tftp.wire import OwnPort, Wire
from engine.errors import Forbidden, NotFound, PureBootError

log = logging.getLogger(__name__)

Outcome = Literal["done", "probed", "failed", "refused"]
OpenFile = Callable[[Asked], Awaitable[Content]]

# Echo, daytime, quote, chargen, DNS, TFTP, NTP: they answer whatever comes, so a forged request would start a loop.
LOOP_PORTS = frozenset({0, 7, 13, 17, 19, 53, 69, 123})
REQUEST_BYTES = 1024  # more than any request has
ANSWER_BYTES = 256  # more than an ACK has, and as much of an ERROR as is told
DUPLICATE_SECONDS = 1.0  # a network's second copy of a request comes sooner, a peer that begins anew later
STRANGERS_ANSWERED = 8
SETTLED_AFTER = 4  # datagrams of the peer
IPV6_EXTRA_HEADER = 20  # bytes that a block must be smaller than over IPv4 to fit into the same frame
DATA_HEADER = 4


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
    """What all exchanges of a server have in common. `may_refuse` is asked before an ERROR is sent to a request.

    `max_blksize` is counted for IPv4.
    """

    pump: Pump
    max_blksize: int
    max_windowsize: int
    timing: Timing
    may_refuse: Callable[[], bool]
    shelf: Shelf = field(default_factory=Shelf)


class Exchange:
    """One read request and its transfer, on a port of its own or on the shared one.

    Whoever made it has the file opened and tells of it by `opened` or `not_opened`. It ends by calling `on_end`, once;
    without a report if it was refused in silence. `pace` is the bytes a second that its peer is granted, if any.
    """

    __slots__ = (
        "_began",
        "_datagram",
        "_held",
        "_on_end",
        "_pace",
        "_pump",
        "_receive",
        "_received",
        "_request",
        "_started_at",
        "_strangers",
        "_terms",
        "_timer_at",
        "_transfer",
        "_wire",
        "asked",
        "ended",
        "netascii",
        "peer",
    )

    def __init__(
        self,
        terms: Terms,
        request: ReadRequest,
        *,
        datagram: bytes,
        peer: Address,
        asked: Asked,
        wire: Wire,
        pace: Allowance | None,
        on_end: Callable[["Exchange", TransferReport | None], None],
    ) -> None:
        self.peer = peer
        self.asked = asked
        self.netascii = request.mode == "netascii"
        self.ended = False
        self._terms = terms
        self._pump = terms.pump
        self._request = request
        self._datagram = datagram
        self._wire = wire
        self._receive = wire.receive if isinstance(wire, OwnPort) else None
        self._pace = pace
        self._on_end = on_end
        self._began = self._pump.now()
        self._started_at = datetime.now(UTC)
        self._transfer: ReadTransfer | None = None
        self._timer_at = math.inf
        self._held: tuple[bytes, ...] = ()
        self._strangers = 0
        self._received = 0

    def live(self) -> LiveTransfer:
        """What a live screen shows; from any thread."""
        transfer = self._transfer
        return LiveTransfer(
            peer=self.asked.peer,
            port=self.peer[1],
            name=shown(self._request.name),
            size=transfer.size if transfer else None,
            sent=transfer.sent if transfer else 0,
            started_at=self._started_at,
        )

    @property
    def sent(self) -> int:
        """How many bytes the peer has acknowledged; from any thread."""
        transfer = self._transfer
        return transfer.sent if transfer else 0

    def opened(self, content: Content) -> None:
        """The file is there: begin."""
        if self.ended:
            return
        now = self._pump.now()
        try:
            transfer = ReadTransfer(
                self._request,
                content,
                max_blksize=self._max_blksize(),
                max_windowsize=self._terms.max_windowsize,
                timing=self._terms.timing,
                shelf=self._terms.shelf,
            )
            first = transfer.start(now)
        except Exception as error:
            self.not_opened(error)
            return
        self._transfer = transfer
        if "windowsize" in transfer.options:
            self._wire.expect(transfer.blksize + DATA_HEADER)
        if self._wire.descriptor is not None:
            self._pump.watch(self._wire.descriptor, self._readable)
        self._answer(transfer, first, now)

    def not_opened(self, error: BaseException) -> None:
        """The file could not be opened: say why as far as it is the peer's business."""
        if self.ended:
            return
        match error:
            case PureBootError():
                self._refuse(_error_code(error), error.message)
            case TimeoutError():
                self._refuse(ErrorCode.UNDEFINED, "the file could not be read in time")
            case _:
                log.error("TFTP: opening %s failed", shown(self._request.name), exc_info=error)
                self._refuse(ErrorCode.UNDEFINED, "the server could not open the file; its log says why")

    def asked_again(self, datagram: bytes) -> bool:
        """The peer sent a request again from the same port: True if that is dealt with, False if it begins anew.

        While the file is being opened any further request is ignored: the peer repeats it if he still means it.
        """
        if self._transfer is None:
            return True
        if datagram != self._datagram:
            return False
        now = self._pump.now()
        if self._transfer.answered:
            return now - self._began < DUPLICATE_SECONDS
        self._answer(self._transfer, self._transfer.asked_again(now), now)
        return True

    def stop(self, reason: str) -> None:
        """End it from here and tell the peer."""
        self._send_error(ErrorCode.UNDEFINED, reason)
        self.end("failed", reason)

    def end(self, outcome: Outcome, message: str = "") -> None:
        """Free all it holds and report; a second end changes nothing."""
        if not self.ended:
            report = self._report(outcome, message)
            self._free()
            self._on_end(self, report)

    def hear(self, datagram: bytes, now: float) -> None:
        """A datagram of the peer."""
        transfer = self._transfer
        if transfer is None or (self._held and not datagram.startswith(b"\0\5")):
            return
        try:
            answers = transfer.receive(datagram, now)
        except Exception:
            self._broken()
            return
        self._answer(transfer, answers, now)

    def _free(self) -> None:
        self.ended = True
        if self._transfer is not None and self._wire.descriptor is not None:
            self._pump.unwatch(self._wire.descriptor)
        self._wire.close()
        self._transfer = None  # a timer may know this exchange for some more seconds, but shall not hold the file

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

    def _max_blksize(self) -> int:
        return self._terms.max_blksize - (IPV6_EXTRA_HEADER if ":" in self.asked.peer else 0)

    def _readable(self, now: float) -> None:
        assert self._receive is not None  # noqa: S101 - only an own port is watched
        try:
            datagram, peer = self._receive(ANSWER_BYTES)
        except OSError:
            return
        if peer != self.peer:
            self._answer_stranger(datagram, peer)
            return
        self.hear(datagram, now)
        self._received += 1
        if self._received == SETTLED_AFTER and not self.ended and self._pace is None:
            self._settle(now)

    def _settle(self, now: float) -> None:
        """The peer is who he is: have the kernel look who sends."""
        wire = self._wire
        assert isinstance(wire, OwnPort)  # noqa: S101 - only an own port is watched
        if not wire.settle(self.peer):
            return
        with contextlib.suppress(OSError):  # until there is nothing from before
            while not self.ended:
                datagram, peer = wire.receive(ANSWER_BYTES)
                if peer == self.peer:
                    self.hear(datagram, now)
        if not self.ended and wire.descriptor is not None and self._transfer is not None:
            readable = self._settled_reader(self._transfer, wire.receive_settled, wire.send_settled)
            self._pump.watch_by(wire.descriptor, readable)

    def _settled_reader(
        self, transfer: ReadTransfer, receive: Callable[[int], bytes], send: Callable[[bytes], int]
    ) -> Readable:
        """As `_readable`, some hundred thousand times a second: what it needs is at hand."""
        hear = transfer.receive

        def readable(now: float) -> None:
            try:
                datagram = receive(ANSWER_BYTES)
            except OSError:
                return
            try:
                answers = hear(datagram, now)
            except Exception:
                self._broken()
                return
            if len(answers) == 1 and transfer.deadline is not None and transfer.deadline >= self._timer_at:
                try:
                    send(answers[0])
                except OSError:
                    self._wire.send(answers, self.peer)
            else:
                self._answer(transfer, answers, now)

        return readable

    def _answer(self, transfer: ReadTransfer, answers: tuple[bytes, ...], now: float) -> None:
        if answers:
            if self._pace is not None and self._hold(self._pace, answers, now):
                return
            self._wire.send(answers, self.peer)
        if transfer.ending is not None:
            self.end(transfer.ending, transfer.message)
        elif transfer.deadline is not None and transfer.deadline < self._timer_at:
            # A deadline that moved back needs nothing: the timer finds nothing due and is set again. So an ACK, which
            # moves it each time, costs no timer.
            self._timer_at = transfer.deadline
            self._pump.at(transfer.deadline, self._tick)

    def _tick(self, now: float) -> None:
        if self.ended or now < self._timer_at:
            return
        self._timer_at = math.inf
        if self._transfer is not None and not self._held:
            try:
                answers = self._transfer.tick(now)
            except Exception:
                self._broken()
            else:
                self._answer(self._transfer, answers, now)

    def _hold(self, pace: Allowance, answers: tuple[bytes, ...], now: float) -> bool:
        """Whether the peer has had so much lately that these have to wait."""
        wait = pace.borrow(now, sum(map(len, answers)))
        if wait:
            self._held = answers
            self._pump.at(now + wait, self._release)
        return wait > 0

    def _release(self, now: float) -> None:
        held, self._held = self._held, ()
        if self._transfer is not None and held:
            self._wire.send(held, self.peer)
            self._transfer.postponed(now)
            self._answer(self._transfer, (), now)

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
            self._wire.send((encode(Error(code=ErrorCode.UNKNOWN_TRANSFER, message="no transfer of yours")),), peer)

    def _send_error(self, code: ErrorCode, message: str) -> None:
        self._wire.send((encode(Error(code=code, message=message)),), self.peer)


def _error_code(error: PureBootError) -> ErrorCode:
    match error:
        case NotFound():
            return ErrorCode.FILE_NOT_FOUND
        case Forbidden():
            return ErrorCode.ACCESS_VIOLATION
    return ErrorCode.UNDEFINED
