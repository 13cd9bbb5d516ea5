"""One DHCP packet in bytes and as a value (RFC 951, 2131), with options that overflow into `file` and `sname`; pure."""

import ipaddress
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bootsrv.dhcp.options import BadPacket, Code, architectures, joined, pieces, read, suboptions, text, user_classes

__all__ = ["ANY", "BROADCAST", "BadPacket", "MessageType", "Packet", "build", "parse"]

ANY, BROADCAST = "0.0.0.0", "255.255.255.255"  # noqa: S104 - addresses in packets
REQUEST, REPLY = 1, 2
ETHERNET = 1

SMALLEST = 300
"""Bytes of the smallest BOOTP packet (RFC 951): some relays and firmware drop what is shorter."""

LEAST_ROOM = 548
"""Bytes that every client takes: 576 (RFC 2131) without the headers of IP and UDP."""

_HEADERS = 28
_COOKIE = b"\x63\x82\x53\x63"
_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
_SNAME_BYTES, _FILE_BYTES = 64, 128
_ZERO_GUIDS = (b"", bytes(16), b"\xff" * 16)


class MessageType(IntEnum):
    """Option 53."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


_KINDS: Mapping[int, MessageType] = {int(each): each for each in MessageType}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet. Addresses are dotted; `chaddr` has as many bytes as the packet says; `sname` and `file` end before
    their NUL, and are empty where options lie in them.
    """

    op: int
    xid: int
    chaddr: bytes
    htype: int = ETHERNET
    hops: int = 0
    secs: int = 0
    flags: int = 0
    ciaddr: str = ANY
    yiaddr: str = ANY
    siaddr: str = ANY
    giaddr: str = ANY
    sname: bytes = b""
    file: bytes = b""
    options: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def mac(self) -> str | None:
        """The MAC address as `aa:bb:cc:dd:ee:ff`; None if it is of another network than Ethernet, or of no machine."""
        if self.htype != ETHERNET or len(self.chaddr) != 6 or not any(self.chaddr) or self.chaddr[0] & 1:
            return None
        return self.chaddr.hex(":")

    @property
    def kind(self) -> MessageType | None:
        """Option 53; None if there is none, or one that is not defined."""
        value = self.options.get(Code.MESSAGE_TYPE, b"")
        return _KINDS.get(value[0]) if len(value) == 1 else None

    @property
    def vendor_class(self) -> str:
        """Option 60, such as `PXEClient:Arch:00007:UNDI:003016`."""
        return text(self.options.get(Code.VENDOR_CLASS, b""))

    @property
    def user_classes(self) -> tuple[str, ...]:
        """Option 77."""
        return user_classes(self.options.get(Code.USER_CLASS, b""))

    @property
    def architectures(self) -> tuple[int, ...]:
        """Option 93: what it can run, first what it would like best."""
        return architectures(self.options.get(Code.ARCHITECTURE, b""))

    @property
    def ipxe(self) -> Mapping[int, bytes] | None:
        """The sub-options of option 175; None if there is none, so that this is no iPXE."""
        value = self.options.get(Code.IPXE)
        return None if value is None else suboptions(value)

    @property
    def guid(self) -> str | None:
        """Option 97 in hexadecimal digits as they came; None for what firmware says that knows of none."""
        value = self.options.get(Code.CLIENT_GUID, b"")
        return None if value[1:] in _ZERO_GUIDS or len(value) != 17 else value[1:].hex()

    @property
    def server_id(self) -> str | None:
        """Option 54: the server that is meant, or that answers."""
        value = self.options.get(Code.SERVER_ID, b"")
        return _dotted(value) if len(value) == 4 else None

    @property
    def boot_file(self) -> str:
        """What is to be booted: option 67, or else the field."""
        return text(self.options.get(Code.BOOT_FILE) or self.file)

    @property
    def room(self) -> int:
        """How many bytes a reply may have (option 57)."""
        value = self.options.get(Code.MAX_SIZE, b"")
        return max(int.from_bytes(value) - _HEADERS, LEAST_ROOM) if len(value) == 2 else LEAST_ROOM


def parse(datagram: bytes) -> Packet:
    """Read a packet.

    Raises:
        BadPacket: it is too short, of BOOTP alone, or damaged.
    """
    if len(datagram) < _HEADER.size:
        raise BadPacket(f"{len(datagram)} bytes are no DHCP packet: it has {_HEADER.size} at least")
    (op, htype, hlen, hops, xid, secs, flags, *addresses, chaddr, sname, file, cookie) = _HEADER.unpack_from(datagram)
    if cookie != _COOKIE:
        raise BadPacket("this is no DHCP packet: its magic cookie is not there")
    if op not in (REQUEST, REPLY):
        raise BadPacket(f"operation {op} is neither a request nor a reply")
    if hlen > len(chaddr):
        raise BadPacket(f"a hardware address of {hlen} bytes does not fit into {len(chaddr)}")
    found = list(read(datagram[_HEADER.size :]))
    overload = joined(found).get(Code.OVERLOAD, b"\0")
    in_file, in_sname = bool(overload[-1:] and overload[-1] & 1), bool(overload[-1:] and overload[-1] & 2)
    found += _overflown(file if in_file else b"", sname if in_sname else b"")
    ciaddr, yiaddr, siaddr, giaddr = map(_dotted, addresses)
    return Packet(
        op=op,
        xid=xid,
        chaddr=chaddr[:hlen],
        htype=htype,
        hops=hops,
        secs=secs,
        flags=flags,
        ciaddr=ciaddr,
        yiaddr=yiaddr,
        siaddr=siaddr,
        giaddr=giaddr,
        sname=b"" if in_sname else _until_nul(sname),
        file=b"" if in_file else _until_nul(file),
        options=joined((code, piece) for code, piece in found if code != Code.OVERLOAD),
    )


def build(packet: Packet, room: int = LEAST_ROOM) -> bytes:
    """The packet in at most `room` bytes. Options that do not fit go into `file` and `sname` where those are empty.

    Raises:
        BadPacket: it does not fit.
    """
    options, file, sname = _laid_out(packet, room - _HEADER.size)
    header = _HEADER.pack(
        packet.op,
        packet.htype,
        len(packet.chaddr),
        packet.hops,
        packet.xid,
        packet.secs,
        packet.flags,
        *(ipaddress.IPv4Address(each).packed for each in (packet.ciaddr, packet.yiaddr, packet.siaddr, packet.giaddr)),
        packet.chaddr,
        sname,
        file,
        _COOKIE,
    )
    return (header + options).ljust(SMALLEST, b"\0")


def _overflown(file: bytes, sname: bytes) -> Iterator[tuple[int, bytes]]:
    """The options in the two fields, in the order in which their pieces belong together (RFC 3396 section 5)."""
    yield from read(file)
    yield from read(sname)


def _laid_out(packet: Packet, room: int) -> tuple[bytes, bytes, bytes]:
    """What stands as options, in `file` and in `sname`."""
    for name, value, size in (("file", packet.file, _FILE_BYTES), ("sname", packet.sname, _SNAME_BYTES)):
        if len(value) >= size:
            raise BadPacket(f"{name} has {len(value)} bytes, and {size - 1} fit")
    written = list(pieces(packet.options))
    if sum(map(len, written)) < room:
        return _ended(b"".join(written)) or b"\xff", packet.file, packet.sname
    options = _taken(written, room - 4)
    file = b"" if packet.file else _taken(written, _FILE_BYTES - 1)
    sname = b"" if packet.sname else _taken(written, _SNAME_BYTES - 1)
    if written:
        raise BadPacket(f"{sum(map(len, written))} bytes of options are left over where {room} bytes are for options")
    overload = bytes((Code.OVERLOAD, 1, (1 if file else 0) | (2 if sname else 0)))
    return _ended(options + overload), _ended(file) or packet.file, _ended(sname) or packet.sname


def _ended(area: bytes) -> bytes:
    return area + b"\xff" if area else b""


def _taken(written: list[bytes], room: int) -> bytes:
    """As many of the first pieces as fit; they are taken off the list."""
    area = b""
    while written and len(area) + len(written[0]) <= room:
        area += written.pop(0)
    return area


def _dotted(raw: bytes) -> str:
    return ".".join(map(str, raw))


def _until_nul(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
