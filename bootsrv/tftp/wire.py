"""How a transfer's datagrams get to its peer: by a socket of its own, or by the one that all are asked on.

A window of blocks is handed to the kernel in one call where it can cut it up itself (UDP_SEGMENT, Linux 4.18); where it
refuses, for a block that does not fit into a frame or a network card that cannot, each block is sent alone.
"""

import logging
import socket
import struct
from collections.abc import Callable, Sequence

from bootsrv.tftp.sockets import Address, answering_from, plain

log = logging.getLogger(__name__)

_SOL_UDP, _UDP_SEGMENT = 17, 103  # linux/udp.h; Python has no names for them
_MOST_SEGMENTS, _MOST_BYTES = 64, 65_000  # of one call

Cmsg = tuple[int, int, bytes]


class OwnPort:
    """A socket of its own, so that the transfer has a port of its own (RFC 1350 section 4).

    At first it is unconnected: a stranger's packet is seen, and can be answered with ERROR 5. A transfer that goes on
    for a while is `settle`d: then the kernel sees to it that only the peer is heard, in half the time, and answers
    strangers by itself (ICMP).
    """

    __slots__ = ("_on_close", "_segment", "_settled", "_socket", "receive", "receive_settled", "send_settled")

    def __init__(self, own: socket.socket, on_close: Callable[[int], None] | None = None) -> None:
        self._socket = own
        self._on_close = on_close
        self._segment: list[Cmsg] = []
        self._settled = False
        self.receive, self.receive_settled, self.send_settled = own.recvfrom, own.recv, own.send

    @property
    def descriptor(self) -> int | None:
        """What to watch for datagrams."""
        return self._socket.fileno()

    def settle(self, peer: Address) -> bool:
        """Hear nobody but the peer from now on; what was there before is still to be received with its sender.

        Gives whether that could be done.
        """
        try:
            self._socket.connect(peer)
        except OSError:
            return False
        self._settled = True
        return True

    def expect(self, datagram_bytes: int) -> None:
        """Windows of blocks will be sent, each block of so many bytes with its header."""
        self._segment = [(_SOL_UDP, _UDP_SEGMENT, struct.pack("=H", datagram_bytes))]

    def send(self, datagrams: Sequence[bytes], peer: Address) -> None:
        """Send; what cannot be sent is as good as lost on the way, and repeated like that."""
        try:
            if len(datagrams) > 1 and self._segment:
                to = None if self._settled else peer
                for part in portions(datagrams):
                    self._socket.sendmsg(part, self._segment if len(part) > 1 else (), 0, to)
            else:
                for datagram in datagrams:
                    self._socket.sendto(datagram, peer)
        except BlockingIOError:
            return
        except OSError as error:
            if len(datagrams) > 1 and self._segment:
                self._segment = []
                self.send(datagrams, peer)
            else:
                log.debug("TFTP to %s: %s", plain(peer[0]), error)

    def close(self) -> None:
        """Free the port."""
        port = self._socket.getsockname()[1] if self._on_close is not None else 0
        self._socket.close()
        if self._on_close is not None:
            self._on_close(port)


class SharedPort:
    """The listening socket, for networks that let through nothing else; `local` is the address to answer from."""

    __slots__ = ("_from", "_segment", "_socket")

    descriptor: int | None = None
    """Nothing of its own to watch."""

    def __init__(self, listening: socket.socket, local: Address) -> None:
        self._socket = listening
        self._from: list[Cmsg] = [answering_from(listening.family, local)]
        self._segment: list[Cmsg] = []

    def expect(self, datagram_bytes: int) -> None:
        """As `OwnPort.expect`."""
        self._segment = [(_SOL_UDP, _UDP_SEGMENT, struct.pack("=H", datagram_bytes))]

    def send(self, datagrams: Sequence[bytes], peer: Address) -> None:
        """As `OwnPort.send`."""
        try:
            if len(datagrams) > 1 and self._segment:
                for part in portions(datagrams):
                    segment = self._segment if len(part) > 1 else []
                    self._socket.sendmsg(part, self._from + segment, 0, peer)
            else:
                for datagram in datagrams:
                    self._socket.sendmsg((datagram,), self._from, 0, peer)
        except BlockingIOError:
            return
        except OSError as error:
            if len(datagrams) > 1 and self._segment:
                self._segment = []
                self.send(datagrams, peer)
            else:
                log.debug("TFTP to %s: %s", plain(peer[0]), error)

    def close(self) -> None:
        """Others use it."""


Wire = OwnPort | SharedPort


def portions(datagrams: Sequence[bytes]) -> Sequence[Sequence[bytes]]:
    """What one call can take, of datagrams that are all of one length but for the last."""
    most = max(1, min(_MOST_SEGMENTS, _MOST_BYTES // (len(datagrams[0]) or 1)))
    if len(datagrams) <= most:
        return (datagrams,)
    return [datagrams[at : at + most] for at in range(0, len(datagrams), most)]
