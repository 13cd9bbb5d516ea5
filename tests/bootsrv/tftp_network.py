"""A network in the head: it carries packets between a pure transfer and a reader by the book, and loses some."""

import heapq
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from tftpy.TftpPacketTypes import TftpPacketDAT, TftpPacketOACK

from bootsrv.tftp.transfer import ReadTransfer
from tests.bootsrv.tftp_peers import ack, parsed


@dataclass(kw_only=True)
class Reader:
    """A reader by the book, speaking through tftpy's packet classes; it also repeats its last packet when bored."""

    blksize: int = 512
    received: bytearray = field(default_factory=bytearray)
    blocks: int = 0
    finished: bool = False
    last: bytes = b""

    def hear(self, datagram: bytes) -> bytes | None:
        packet = parsed(datagram)
        if isinstance(packet, TftpPacketOACK):
            self.blksize = int(packet.options.get("blksize", 512))
            return self._ack(0) if not self.blocks else None
        assert isinstance(packet, TftpPacketDAT)
        if packet.blocknumber == self.blocks + 1 and not self.finished:
            self.blocks += 1
            self.received += packet.data
            self.finished = len(packet.data) < self.blksize
        elif packet.blocknumber > self.blocks:
            raise AssertionError("a block that was not due")
        return self._ack(packet.blocknumber)

    def _ack(self, block: int) -> bytes:
        self.last = ack(block)
        return self.last


@dataclass(frozen=True, kw_only=True)
class Network:
    """What it does to packets: shares of 0..1, and seconds."""

    seed: int = 0
    loss: float = 0.0
    doubled: float = 0.0
    junk: float = 0.0
    delay: float = 0.0


class Play:
    """Carries packets between a transfer and its peer until the transfer ends; `sent` is all that the transfer sent."""

    def __init__(self, transfer: ReadTransfer, peer: Reader, network: Network) -> None:
        self.transfer, self.peer, self.network = transfer, peer, network
        self.chance = random.Random(network.seed)
        self.order = itertools.count()
        self.sent: list[bytes] = []
        self.under_way: list[tuple[float, int, bool, bytes]] = []
        self.answer(0, transfer.start(0))
        while (deadline := transfer.deadline) is not None:
            if not self.under_way or deadline <= self.under_way[0][0]:
                self.wait_until(deadline)
            else:
                now, _, to_peer, datagram = heapq.heappop(self.under_way)
                self.deliver(now, to_peer, datagram)

    def carry(self, now: float, to_peer: bool, datagram: bytes) -> None:
        for _ in range(2 if self.chance.random() < self.network.doubled else 1):
            if self.chance.random() >= self.network.loss:
                at = now + 0.001 + self.chance.random() * self.network.delay
                heapq.heappush(self.under_way, (at, next(self.order), to_peer, datagram))

    def answer(self, now: float, datagrams: tuple[bytes, ...]) -> None:
        self.sent.extend(datagrams)
        for datagram in datagrams:
            self.carry(now, True, datagram)

    def wait_until(self, deadline: float) -> None:
        if self.peer.last and not self.peer.finished:
            self.carry(deadline, False, self.peer.last)
        self.answer(deadline, self.transfer.tick(deadline))

    def deliver(self, now: float, to_peer: bool, datagram: bytes) -> None:
        if to_peer:
            reply = self.peer.hear(datagram)
            if reply is not None:
                self.carry(now, False, reply)
            return
        if self.chance.random() < self.network.junk:
            # the first byte, so that it is not by chance an ERROR, which rightly ends the transfer
            junk = b"\xff" + self.chance.randbytes(self.chance.randrange(40))
            self.answer(now, self.transfer.receive(junk, now))
        self.answer(now, self.transfer.receive(datagram, now))


def runs(datagrams: list[bytes]) -> Iterator[int]:
    """How often each packet was sent in a row."""
    count = 1
    for before, after in pairwise([*datagrams, b""]):
        if before == after:
            count += 1
        else:
            yield count
            count = 1


@dataclass(kw_only=True)
class WindowReader(Reader):
    """A reader with windows: it acknowledges the last block of each, and at a gap the last that was in order."""

    window: int
    heard: int = 0

    def hear(self, datagram: bytes) -> bytes | None:
        packet = parsed(datagram)
        if isinstance(packet, TftpPacketOACK):
            self.blksize = int(packet.options.get("blksize", 512))
            self.window = int(packet.options["windowsize"])
            return self._ack(0) if not self.blocks else None
        assert isinstance(packet, TftpPacketDAT)
        if self.finished or packet.blocknumber != (self.blocks + 1) & 0xFFFF:
            self.heard = 0
            return self._ack(self.blocks & 0xFFFF)
        self.blocks += 1
        self.heard += 1
        self.received += packet.data
        self.finished = len(packet.data) < self.blksize
        if not self.finished and self.heard < self.window:
            return None
        self.heard = 0
        return self._ack(self.blocks & 0xFFFF)
