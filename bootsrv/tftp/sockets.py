"""UDP sockets of the TFTP server: listening, which address was asked, and one socket a transfer bound to it (Linux).

Firmware ignores an answer that comes from another address than it asked. A socket bound to `0.0.0.0` or `::` answers
from whichever address the route back picks, so the kernel is asked to tell with each request where it was sent to
(IP_PKTINFO), and the transfer's own socket is bound there.
"""

import asyncio
import errno
import ipaddress
import os
import socket
import struct
from typing import Any

from engine.errors import Unavailable

Address = tuple[Any, ...]  # (host, port), and for IPv6 flow and scope

REQUEST_BACKLOG_BYTES = 1024 * 1024  # a rack that is switched on asks all at once
_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)  # Linux; Python names it from 3.14 on
_IPV4_INFO, _IPV6_INFO = struct.Struct("=I4s4s"), struct.Struct("=16sI")  # in_pktinfo, in6_pktinfo
_IPV4_SENDS = struct.Struct("=i4s4s")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_IPV4_INFO.size) + socket.CMSG_SPACE(_IPV6_INFO.size)


def plain(host: str) -> str:
    """An address as people write it: IPv4 also where an IPv6 socket says `::ffff:192.0.2.1`."""
    return host.removeprefix("::ffff:") if "." in host else host


async def listen(host: str, port: int) -> socket.socket:
    """A non-blocking socket that hears requests; on `::` those over IPv4 too.

    Raises:
        Unavailable: the port is taken or not permitted, or the address is not this machine's; the text says what to do.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        return _bound(found[0][0], found[0][4], listening=True)
    except OSError as error:
        raise Unavailable(f"TFTP cannot listen on {host} port {port}: {_remedy(error, port)}") from None


def transfer_socket(local: Address) -> socket.socket:
    """A non-blocking socket on a free port of the address that `receive_request` told.

    Raises:
        OSError: there are no more ports or descriptors, or the address is gone.
    """
    return _bound(socket.AF_INET if len(local) == 2 else socket.AF_INET6, local)


def receive_request(listening: socket.socket, limit: int) -> tuple[bytes, Address, Address | None]:
    """The next datagram (cut at `limit` bytes), who sent it, and the address asked, as `transfer_socket` takes it.

    That address is None if it was a broadcast or multicast address.

    Raises:
        OSError: there is none.
    """
    datagram, ancillary, _, peer = listening.recvmsg(limit, _ANCILLARY_BYTES)
    told = {(level, kind): data for level, kind, data in ancillary}
    return datagram, peer, _asked(listening.family, told)


def answering_from(family: int, local: Address) -> tuple[int, int, bytes]:
    """The control message by which a socket of that family sends from the address that `receive_request` told."""
    if family == socket.AF_INET:
        source = socket.inet_pton(socket.AF_INET, local[0])
        return socket.IPPROTO_IP, _IP_PKTINFO, _IPV4_SENDS.pack(0, source, bytes(4))
    source = socket.inet_pton(socket.AF_INET6, local[0])
    return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, _IPV6_INFO.pack(source, local[3])


def _asked(family: int, told: dict[tuple[int, int], bytes]) -> Address | None:
    ipv4 = told.get((socket.IPPROTO_IP, _IP_PKTINFO))
    ipv6 = told.get((socket.IPPROTO_IPV6, socket.IPV6_PKTINFO))
    if ipv4 is not None:  # first: for IPv4 over an IPv6 socket both are told, and only this one tells a broadcast
        _, own, destination = _IPV4_INFO.unpack_from(ipv4)
        host = socket.inet_ntop(socket.AF_INET, own)
        local = (host, 0) if family == socket.AF_INET else (f"::ffff:{host}", 0, 0, 0)
        return local if own == destination else None
    if ipv6 is not None:
        raw, interface = _IPV6_INFO.unpack_from(ipv6)
        address = ipaddress.IPv6Address(raw)
        return None if address.is_multicast else (str(address), 0, 0, interface if address.is_link_local else 0)
    return None


def _bound(family: int, address: Address, *, listening: bool = False) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if listening:
            _prepare(bound)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _prepare(listening: socket.socket) -> None:
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, REQUEST_BACKLOG_BYTES)
    listening.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    if listening.family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def _remedy(error: OSError, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return "the name has no address; set tftp.host to an address of this machine, or 0.0.0.0 for all"
    match error.errno:
        case errno.EADDRINUSE:
            return f"another program does (`ss -lunp sport = :{port}` names it); stop it, or set another tftp.port"
        case errno.EACCES | errno.EPERM:
            return "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; or set tftp.port to 6969"
        case errno.EADDRNOTAVAIL:
            return "not an address of this machine (`ip address` lists them); set tftp.host to one, or 0.0.0.0 for all"
    return os.strerror(error.errno or 0)
