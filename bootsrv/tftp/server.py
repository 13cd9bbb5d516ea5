"""The TFTP server: who may ask for what, and how much at once. It reads only.

Each request gets an `Exchange` with a socket of its own (the transfer's port, RFC 1350 section 4). The sockets are
plain non-blocking ones in the event loop, through `add_reader`: asyncio's datagram endpoints cannot tell which address
was asked (see `sockets`), and set aside 256 KiB to receive each four-byte ACK. They stay unconnected, so that a
stranger's packet is seen and answered with ERROR 5. A request to a broadcast or multicast address is not answered
(RFC 1123 section 4.2.3.5).

What a hostile network can do is bounded: by `max_transfers` and `max_per_peer`, above which requests are dropped
without a word (an ERROR would end a machine's boot; silence makes it ask again, by when there is room, and a forged
request earns nobody an answer); by an allowance of refusals; by the repeats of `Timing`; and by never answering an
ERROR, nor anything but a request on the listening port, nor a port where a simple service answers whatever comes.
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from bootsrv.paths import shown
from bootsrv.tftp.exchange import (
    LOOP_PORTS,
    RECEIVE_BYTES,
    Exchange,
    LiveTransfer,
    OpenFile,
    Outcome,
    Terms,
    TransferReport,
)
from bootsrv.tftp.packet import BadPacket, Error, ErrorCode, Opcode, ReadRequest, WriteRequest, encode, parse
from bootsrv.tftp.sockets import Address, listen, plain, receive_request, transfer_socket
from bootsrv.tftp.source import FolderSource
from bootsrv.tftp.transfer import DEFAULT_TIMING, UNFRAGMENTED_BLKSIZE, Timing
from engine.errors import Conflict

__all__ = ["FolderSource", "LiveTransfer", "OpenFile", "Outcome", "TftpServer", "TransferReport"]

log = logging.getLogger(__name__)

REFUSALS_PER_SECOND, REFUSALS_AT_ONCE = 200.0, 1000.0
DROP_LOG_SECONDS = 10.0


class TftpServer:
    """Serves what `open_file` gives for a name: bytes, or anything of a length that can be sliced to bytes.

    `open_file` says no by raising NotFound (ERROR 1), Forbidden (ERROR 2) or another PureBootError (ERROR 0), whose
    text the peer is shown; anything else it raises is logged and hidden from the peer. `host` is an address or name of
    this machine, `0.0.0.0` or `::` for all (`::` takes IPv4 as well); `port` 0 picks a free one. `max_blksize` (bytes)
    bounds what a peer may ask for; it is counted for IPv4, and 20 less over IPv6. `on_report` is called in the event
    loop for every request that was answered or refused.
    """

    def __init__(
        self,
        open_file: OpenFile,
        *,
        host: str,
        port: int,
        max_transfers: int = 1000,
        max_per_peer: int = 8,
        max_blksize: int = UNFRAGMENTED_BLKSIZE,
        timing: Timing = DEFAULT_TIMING,
        on_report: Callable[[TransferReport], None] | None = None,
    ) -> None:
        self._terms = Terms(open_file=open_file, max_blksize=max_blksize, timing=timing, may_refuse=self._may_refuse)
        self._host, self._port = host, port
        self._max_transfers, self._max_per_peer = max_transfers, max_per_peer
        self._on_report = on_report
        self._socket: socket.socket | None = None
        self._exchanges: dict[Address, Exchange] = {}
        self._per_peer: Counter[str] = Counter()
        self._refusals = _Allowance(REFUSALS_PER_SECOND, REFUSALS_AT_ONCE)
        self._dropped = 0
        self._drop_logged_at = float("-inf")

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
        return tuple(exchange.live() for exchange in self._exchanges.values())

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
        asyncio.get_running_loop().add_reader(self._socket, self._readable, self._socket)
        log.info("TFTP listens on %s port %d", *self.address)

    async def close(self) -> None:
        """Stop listening, and end the transfers under way with an ERROR, so that their peers need not wait."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        exchanges = list(self._exchanges.values())
        for exchange in exchanges:
            exchange.stop("the server was stopped")
        await asyncio.gather(*(exchange.opening for exchange in exchanges), return_exceptions=True)

    def _readable(self, listening: socket.socket) -> None:
        # One datagram a turn of the loop: a flood of requests gets no larger share of it than each transfer has.
        try:
            datagram, peer, local = receive_request(listening, RECEIVE_BYTES)
        except OSError:
            return
        asks = int.from_bytes(datagram[:2]) in (Opcode.READ_REQUEST, Opcode.WRITE_REQUEST)
        if asks and local is not None and peer[1] not in LOOP_PORTS:
            self._asked(datagram, peer, local)
        else:
            self._dropped += 1

    def _asked(self, datagram: bytes, peer: Address, local: Address) -> None:
        try:
            request = parse(datagram)
        except BadPacket as error:
            self._refuse(peer, local, "", ErrorCode.ILLEGAL_OPERATION, error.message)
            return
        match request:
            case ReadRequest(mode="octet"):
                self._read(request, datagram, peer, local)
            case ReadRequest():
                text = f"only mode octet (binary) is served, not {shown(request.mode)}"
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
            own = transfer_socket(local)
        except OSError as error:
            self._drop(f"no socket for a transfer: {error.strerror}")
            return
        self._per_peer[plain(peer[0])] += 1
        self._exchanges[peer] = Exchange(
            self._terms, request, datagram=datagram, peer=peer, own=own, on_end=self._exchange_ended
        )

    def _exchange_ended(self, exchange: Exchange, report: TransferReport | None) -> None:
        del self._exchanges[exchange.peer]
        host = plain(exchange.peer[0])
        self._per_peer[host] -= 1
        if not self._per_peer[host]:
            del self._per_peer[host]
        if report is not None:
            self._report(report)

    def _refuse(self, peer: Address, local: Address, name: str, code: ErrorCode, message: str) -> None:
        if not self._may_refuse():
            return
        try:
            with transfer_socket(local) as own:
                own.sendto(encode(Error(code=code, message=message)), peer)
        except OSError as error:
            self._drop(f"a refusal could not be sent: {error.strerror}")
        now = datetime.now(UTC)
        self._report(
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
        allowed = self._refusals.take(asyncio.get_running_loop().time())
        if not allowed:
            self._drop("more requests had to be refused than are answered")
        return allowed

    def _drop(self, reason: str) -> None:
        self._dropped += 1
        now = asyncio.get_running_loop().time()
        if now - self._drop_logged_at >= DROP_LOG_SECONDS:
            self._drop_logged_at = now
            log.warning("TFTP drops requests (%d datagrams so far): %s", self._dropped, reason)

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


class _Allowance:
    """So many a second, and some at once."""

    def __init__(self, per_second: float, at_once: float) -> None:
        self._per_second, self._at_once = per_second, at_once
        self._left, self._at = at_once, float("-inf")

    def take(self, now: float) -> bool:
        self._left = min(self._at_once, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
