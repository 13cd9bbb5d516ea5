"""The TFTP server: who may ask for what, and how much at once. It reads only.

It works in a thread of its own (see `pump`); files are opened in the event loop that started it, and there reports are
told. Each request gets an `Exchange` with a socket of its own (the transfer's port, RFC 1350 section 4), unless the
server is to use one port for all. A request to a broadcast or multicast address is not answered (RFC 1123 section
4.2.3.5).

What a hostile network can do is bounded: by `max_transfers` and `max_per_peer`, above which requests are dropped
without a word (an ERROR would end a machine's boot; silence makes it ask again, by when there is room, and a forged
request earns nobody an answer); by the requests of an address in a second; by an allowance of refusals; by the repeats
of `Timing`; and by never answering an ERROR, nor anything but a request on the listening port, nor a port where a
simple service answers whatever comes.
"""

import asyncio
import contextlib
import logging
import socket
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime

from bootsrv.paths import shown
from bootsrv.tftp.allowance import Allowance, Allowances
from bootsrv.tftp.asked import Asked
from bootsrv.tftp.exchange import (
    LOOP_PORTS,
    REQUEST_BYTES,
    Exchange,
    LiveTransfer,
    OpenFile,
    Outcome,
    Terms,
    TransferReport,
)
from bootsrv.tftp.openings import OpenAtOnce, Openings
from bootsrv.tftp.packet import BadPacket, Error, ErrorCode, Opcode, ReadRequest, WriteRequest, encode, parse
from bootsrv.tftp.ports import PortRange
from bootsrv.tftp.pump import Pump
from bootsrv.tftp.sockets import Address, listen, plain, receive_request, transfer_socket
from bootsrv.tftp.source import FolderSource
from bootsrv.tftp.transfer import DEFAULT_TIMING, MAX_WINDOW, UNFRAGMENTED_BLKSIZE, Timing
from bootsrv.tftp.wire import OwnPort, SharedPort, Wire
from engine.errors import Conflict

__all__ = ["Asked", "FolderSource", "LiveTransfer", "OpenFile", "Outcome", "TftpServer", "TransferReport"]

log = logging.getLogger(__name__)

REFUSALS_PER_SECOND, REFUSALS_AT_ONCE = 200.0, 1000.0
DROP_LOG_SECONDS = 10.0
_TOLD_AT_ONCE = 8  # reports in a turn of the event loop, so that the end of a rack's boot does not hold up the screen
_HEARD_AT_ONCE = 64  # datagrams in a turn, where all come to one port
_PACE_SECONDS = 0.25  # of a peer's rate, how much may be sent at once


class TftpServer:
    """Serves what `open_file` gives for a request: bytes, or anything of a length that can be sliced to bytes.

    `open_file` says no by raising NotFound (ERROR 1), Forbidden (ERROR 2) or another PureBootError (ERROR 0), whose
    text the peer is shown; anything else it raises is logged and hidden from the peer. It is asked in the event loop;
    before, `at_once` is asked in the server's own thread, and gives what is in memory already or None. `host` is an
    address or name of this machine, `0.0.0.0` or `::` for all (`::` takes IPv4 as well); `port` 0 picks a free one.
    `ports` are those that transfers may have, first and last; with `single_port` all go over the one it listens on.

    `max_blksize` (bytes) bounds what a peer may ask for; it is counted for IPv4, and 20 less over IPv6; so does
    `max_windowsize` (blocks; 1: none). `max_rate` is the bytes a second that each address gets at most (0: no bound),
    and `max_requests` its requests a second. `on_report` is called in the event loop for every request that was
    answered or refused.
    """

    def __init__(
        self,
        open_file: OpenFile,
        *,
        host: str,
        port: int,
        at_once: OpenAtOnce | None = None,
        ports: tuple[int, int] | None = None,
        single_port: bool = False,
        max_transfers: int = 1000,
        max_per_peer: int = 8,
        max_requests: float = 100.0,
        max_rate: int = 0,
        max_blksize: int = UNFRAGMENTED_BLKSIZE,
        max_windowsize: int = MAX_WINDOW,
        timing: Timing = DEFAULT_TIMING,
        on_report: Callable[[TransferReport], None] | None = None,
    ) -> None:
        self._open_file, self._at_once = open_file, at_once
        self._host, self._port = host, port
        self._ports = PortRange(*ports) if ports else None
        self._single_port = single_port
        self._max_transfers, self._max_per_peer = max_transfers, max_per_peer
        self._limits = (max_blksize, max_windowsize)
        self._timing = timing
        self._on_report = on_report
        self._socket: socket.socket | None = None
        self._exchanges: dict[Address, Exchange] = {}
        self._per_peer: Counter[str] = Counter()
        self._paces: dict[str, Allowance] = {}
        self._max_rate = max_rate
        self._requests = Allowances(max_requests, 4 * max_requests)
        self._refusals = Allowance(REFUSALS_PER_SECOND, REFUSALS_AT_ONCE)
        self._dropped = 0
        self._drop_logged_at = float("-inf")
        self._untold: deque[TransferReport] = deque()
        self._telling = False

    @property
    def address(self) -> tuple[str, int]:
        """The address and port it listens on.

        Raises:
            Conflict: it is not started.
        """
        if self._socket is None:
            raise Conflict("the TFTP server is not started")
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def transfers(self) -> tuple[LiveTransfer, ...]:
        """The transfers under way, oldest first."""
        return tuple(exchange.live() for exchange in list(self._exchanges.values()))

    @property
    def sent(self) -> int:
        """How many bytes of the transfers under way their peers have acknowledged."""
        return sum(exchange.sent for exchange in list(self._exchanges.values()))

    @property
    def dropped(self) -> int:
        """How many datagrams to the listening port got no answer, since it was made."""
        return self._dropped

    async def start(self) -> None:
        """Listen.

        Raises:
            Unavailable: the port is taken or not permitted, or the address is not ours; the text says what to do.
            Conflict: it is started already.
        """
        if self._socket is not None:
            raise Conflict("the TFTP server is started already")
        self._socket = await listen(self._host, self._port)
        self._loop = asyncio.get_running_loop()
        self._pump = Pump("tftp")
        self._openings = Openings(self._loop, self._pump, self._open_file, self._at_once)
        self._terms = Terms(
            pump=self._pump,
            max_blksize=self._limits[0],
            max_windowsize=self._limits[1],
            timing=self._timing,
            may_refuse=self._may_refuse,
        )
        readable = self._all_readable if self._single_port else self._readable
        self._pump.call(self._pump.watch, self._socket.fileno(), readable)
        self._pump.start()
        log.info("TFTP listens on %s port %d", *self.address)

    async def close(self) -> None:
        """Stop listening, and end the transfers under way with an ERROR, so that their peers need not wait."""
        if self._socket is None:
            return
        self._pump.call(self._stop_all)
        await asyncio.to_thread(self._pump.stop)
        self._socket.close()
        self._socket = None
        await self._openings.close()
        while self._untold:
            self._report(self._untold.popleft())

    # --- in the pump's thread

    def _stop_all(self) -> None:
        if self._socket is not None:
            self._pump.unwatch(self._socket.fileno())
        for exchange in list(self._exchanges.values()):
            exchange.stop("the server was stopped")

    def _readable(self, _now: float) -> None:
        # One datagram a turn: a flood of requests gets no larger share of it than each transfer has.
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._heard(*receive_request(self._socket, REQUEST_BYTES))

    def _all_readable(self, now: float) -> None:
        """A turn of the one port: requests, and what belongs to transfers."""
        assert self._socket is not None  # noqa: S101 - it is watched
        for _ in range(_HEARD_AT_ONCE):
            try:
                datagram, peer, local = receive_request(self._socket, REQUEST_BYTES)
            except OSError:
                return
            exchange = self._exchanges.get(peer)
            if exchange is not None and not _is_request(datagram):
                exchange.hear(datagram, now)
            else:
                self._heard(datagram, peer, local)

    def _heard(self, datagram: bytes, peer: Address, local: Address | None) -> None:
        if _is_request(datagram) and local is not None and peer[1] not in LOOP_PORTS:
            self._asked(datagram, peer, local)
        else:
            self._dropped += 1

    def _asked(self, datagram: bytes, peer: Address, local: Address) -> None:
        if not self._requests.of(plain(peer[0])).take(self._pump.now()):
            self._drop(f"{plain(peer[0])} asks too often")
            return
        try:
            request = parse(datagram)
        except BadPacket as error:
            self._refuse(peer, local, "", ErrorCode.ILLEGAL_OPERATION, error.message)
            return
        match request:
            case ReadRequest(mode="octet" | "netascii"):
                self._read(request, datagram, peer, local)
            case ReadRequest():
                text = f"only the modes octet and netascii are served, not {shown(request.mode)}"
                self._refuse(peer, local, request.name, ErrorCode.ILLEGAL_OPERATION, text)
            case WriteRequest():
                self._refuse(peer, local, request.name, ErrorCode.ACCESS_VIOLATION, "this server takes no files")

    def _read(self, request: ReadRequest, datagram: bytes, peer: Address, local: Address) -> None:
        known = self._exchanges.get(peer)
        if known is not None:
            if known.asked_again(datagram):
                return
            known.end("failed", "the peer began anew from the same port")
        host = plain(peer[0])
        if self._per_peer[host] >= self._max_per_peer:
            self._drop(f"{host} has {self._max_per_peer} transfers under way already")
        elif len(self._exchanges) >= self._max_transfers:
            self._drop(f"{self._max_transfers} transfers are under way")
        else:
            self._begin(request, datagram, peer, local)

    def _begin(self, request: ReadRequest, datagram: bytes, peer: Address, local: Address) -> None:
        try:
            wire = self._wire(local)
        except OSError as error:
            self._drop(f"no socket for a transfer: {error.strerror}")
            return
        host = plain(peer[0])
        self._per_peer[host] += 1
        exchange = Exchange(
            self._terms,
            request,
            datagram=datagram,
            peer=peer,
            asked=Asked(name=request.name, peer=host, local=plain(local[0])),
            wire=wire,
            pace=self._pace(host),
            on_end=self._exchange_ended,
        )
        self._exchanges[peer] = exchange
        self._openings.open(exchange)

    def _wire(self, local: Address) -> Wire:
        if self._single_port:
            assert self._socket is not None  # noqa: S101 - the request came by it
            return SharedPort(self._socket, local)
        if self._ports is None:
            return OwnPort(transfer_socket(local))
        return OwnPort(self._ports.take(local, transfer_socket), self._ports.give_back)

    def _pace(self, host: str) -> Allowance | None:
        if not self._max_rate:
            return None
        return self._paces.setdefault(host, Allowance(self._max_rate, self._max_rate * _PACE_SECONDS))

    def _exchange_ended(self, exchange: Exchange, report: TransferReport | None) -> None:
        del self._exchanges[exchange.peer]
        host = exchange.asked.peer
        self._per_peer[host] -= 1
        if not self._per_peer[host]:
            del self._per_peer[host]
            self._paces.pop(host, None)
        if report is not None:
            self._tell_soon(report)

    def _refuse(self, peer: Address, local: Address, name: str, code: ErrorCode, message: str) -> None:
        if not self._may_refuse():
            return
        try:
            wire = self._wire(local)
        except OSError as error:
            self._drop(f"a refusal could not be sent: {error.strerror}")
        else:
            wire.send((encode(Error(code=code, message=message)),), peer)
            wire.close()
        now = datetime.now(UTC)
        self._tell_soon(
            TransferReport(
                peer=plain(peer[0]),
                port=peer[1],
                name=shown(name),
                size=None,
                sent=0,
                started_at=now,
                outcome="refused",
                message=message,
                finished_at=now,
            )
        )

    def _may_refuse(self) -> bool:
        """Whether one more request may be refused aloud: a forged flood shall not reach its victim nor fill the log."""
        allowed = self._refusals.take(self._pump.now())
        if not allowed:
            self._drop("more requests had to be refused than are answered")
        return allowed

    def _drop(self, reason: str) -> None:
        self._dropped += 1
        now = self._pump.now()
        if now - self._drop_logged_at >= DROP_LOG_SECONDS:
            self._drop_logged_at = now
            log.warning("TFTP drops requests (%d datagrams so far): %s", self._dropped, reason)

    def _tell_soon(self, report: TransferReport) -> None:
        self._untold.append(report)
        if not self._telling:
            self._telling = True
            with contextlib.suppress(RuntimeError):  # the event loop has ended, and nobody listens any more
                self._loop.call_soon_threadsafe(self._tell)

    # --- in the event loop

    def _tell(self) -> None:
        for _ in range(_TOLD_AT_ONCE):
            if self._untold:
                self._report(self._untold.popleft())
        self._telling = False
        if self._untold and not self._telling:
            self._telling = True
            self._loop.call_soon(self._tell)

    def _report(self, report: TransferReport) -> None:
        log.log(
            logging.WARNING if report.outcome == "failed" else logging.INFO,
            "TFTP %s port %d %s: %s%s, %d of %s bytes in %.2f s",
            report.peer,
            report.port,
            report.name or "(no name)",
            report.outcome,
            f" ({report.message})" if report.message else "",
            report.sent,
            "?" if report.size is None else report.size,
            (report.finished_at - report.started_at).total_seconds(),
        )
        if self._on_report is not None:
            try:
                self._on_report(report)
            except Exception:
                log.exception("whoever listens for TFTP reports failed")


def _is_request(datagram: bytes) -> bool:
    return int.from_bytes(datagram[:2]) in (Opcode.READ_REQUEST, Opcode.WRITE_REQUEST)
