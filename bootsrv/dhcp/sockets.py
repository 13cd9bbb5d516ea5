"""UDP sockets of the proxy: which interface a packet came by, and an answer that leaves by the same one (Linux).

One socket for all interfaces, or one for each that is named, tied to it (SO_BINDTODEVICE). Nothing is shared by
default. Where this machine's own DHCP server has the port already, a second socket is bound to the broadcast address:
it hears broadcasts as well, and takes no packet away that is meant for the other (on a shared port, the kernel gives a
packet for this machine's own address to one socket only).
"""

import errno
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from bootsrv.dhcp.packet import ANY, BROADCAST

RECEIVE_BYTES = 4096
_BACKLOG_BYTES = 1024 * 1024  # a rack that is switched on asks all at once
_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)  # Linux; Python names it from 3.14 on
_SO_BINDTODEVICE = getattr(socket, "SO_BINDTODEVICE", 25)
_INFO = struct.Struct("=I4s4s")  # in_pktinfo: interface, own address, destination
_ANCILLARY_BYTES = socket.CMSG_SPACE(_INFO.size)


class Hears(Enum):
    """What a socket gets of the packets to its port."""

    ALL = auto()
    BROADCASTS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A datagram, who sent it, by which interface it came, and our address there."""

    datagram: bytes
    source: str
    source_port: int
    interface: int
    own: str


def listen(port: int, interface: str | None, hears: Hears) -> socket.socket:
    """A non-blocking socket on a port of one interface, or of all.

    Raises:
        OSError: the port is taken or not permitted, or there is no such interface.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BACKLOG_BYTES)
        made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        if interface is not None:
            made.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode() + b"\0")
        if hears is Hears.BROADCASTS:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((ANY if hears is Hears.ALL else BROADCAST, port))
    except OSError:
        made.close()
        raise
    return made


def receive(listening: socket.socket) -> Received | None:
    """The next datagram; None if there is none, or one that was too long or came by no interface that is known.

    Raises:
        OSError: the socket is broken.
    """
    try:
        datagram, ancillary, flags, (source, source_port) = listening.recvmsg(RECEIVE_BYTES, _ANCILLARY_BYTES)
    except (BlockingIOError, InterruptedError):
        return None
    told = [data for level, kind, data in ancillary if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO)]
    if flags & socket.MSG_TRUNC or not told:
        return None
    interface, own, _ = _INFO.unpack_from(told[0])
    return Received(
        datagram=datagram,
        source=source,
        source_port=source_port,
        interface=interface,
        own=socket.inet_ntoa(own),
    )


def answer(by: socket.socket, datagram: bytes, to: tuple[str, int], heard: Received) -> None:
    """Send from the address that was asked; a broadcast leaves by the interface that the question came by.

    Raises:
        OSError: it cannot be sent.
    """
    interface = heard.interface if to[0] == BROADCAST else 0
    info = _INFO.pack(interface, socket.inet_aton(heard.own), bytes(4))
    by.sendmsg([datagram], [(socket.IPPROTO_IP, _IP_PKTINFO, info)], 0, to)


def interface_name(index: int) -> str:
    """The name of an interface, or its number if it is gone."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"interface {index}"


def interface_names() -> list[str]:
    """The interfaces that this machine has now."""
    return sorted(name for _, name in socket.if_nameindex())


def shown_ports(ports: Sequence[int]) -> str:
    """Ports in words: `port 67`, `ports 67 and 4011`."""
    return f"port{'' if len(ports) == 1 else 's'} {' and '.join(map(str, ports))}"


def is_own_address(address: str) -> bool:
    """Whether an address is this machine's: then a socket can be bound to it. A name is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            socket.inet_pton(socket.AF_INET, address)
            probe.bind((address, 0))
        except OSError:
            return False
    return address not in (ANY, BROADCAST)


def reason(error: OSError) -> str:
    """Why a socket could not be had, in words."""
    match error.errno:
        case errno.EACCES | errno.EPERM:
            return "not permitted: start PureBoot as root or with CAP_NET_BIND_SERVICE"
        case errno.EADDRINUSE:
            return "used by another program of this machine (`ss -lunp` names it)"
        case errno.ENODEV:
            return f"there is no such interface; there are {', '.join(interface_names())}"
    return os.strerror(error.errno or 0)
