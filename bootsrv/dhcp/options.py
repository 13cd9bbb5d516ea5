"""The options of a DHCP packet: their codes, and how they lie in bytes (RFC 2132, 3396, 4578); pure.

An option is a code, a length and so many bytes. One that comes several times is one value cut into pieces (RFC 3396):
that is also how a value of more than 255 bytes is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum

from engine.errors import Invalid

LONGEST = 255
_PAD, _END = 0, 255


class Code(IntEnum):
    """The options that matter here."""

    REQUESTED_ADDRESS = 50
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER_ID = 54
    MAX_SIZE = 57
    VENDOR_CLASS = 60
    VENDOR = 43
    TFTP_SERVER = 66
    BOOT_FILE = 67
    USER_CLASS = 77
    RELAY_AGENT = 82
    ARCHITECTURE = 93
    UNDI = 94
    CLIENT_GUID = 97
    IPXE = 175


class PxeOption(IntEnum):
    """Sub-options of option 43, as PXE has them (specification 2.1, table 2-1)."""

    DISCOVERY_CONTROL = 6
    BOOT_ITEM = 71


class BadPacket(Invalid):
    """These bytes are no DHCP packet, or a value cannot be written as one."""


def read(area: bytes) -> Iterator[tuple[int, bytes]]:
    """The options that lie in an area, pieces as they come. An area without an end mark ends with its last byte.

    Raises:
        BadPacket: an option is longer than what is left.
    """
    at, size = 0, len(area)
    while at < size:
        code = area[at]
        if code == _PAD:
            at += 1
            continue
        if code == _END:
            return
        if at + 1 >= size:
            raise BadPacket(f"option {code} has no length")
        end = at + 2 + area[at + 1]
        if end > size:
            raise BadPacket(f"option {code} says it has {area[at + 1]} bytes, and {size - at - 2} are left")
        yield code, area[at + 2 : end]
        at = end


def joined(pieces: Iterable[tuple[int, bytes]]) -> dict[int, bytes]:
    """Options with their pieces put together, in the order in which each came first."""
    found: dict[int, bytes] = {}
    for code, piece in pieces:
        found[code] = found[code] + piece if code in found else piece
    return found


def pieces(options: Mapping[int, bytes]) -> Iterator[bytes]:
    """Each option as it is written; one that is too long for its length byte in several pieces.

    Raises:
        BadPacket: a code is none: 0 and 255 fill and end an area.
    """
    for code, value in options.items():
        if not _PAD < code < _END:
            raise BadPacket(f"{code} is no option")
        for at in range(0, max(len(value), 1), LONGEST):
            piece = value[at : at + LONGEST]
            yield bytes((code, len(piece))) + piece


def suboptions(value: bytes) -> dict[int, bytes]:
    """What is encapsulated in option 43 or 175. What comes after damage is left out: a machine is to boot anyway."""
    found: dict[int, bytes] = {}
    try:
        for code, piece in read(value):
            found.setdefault(code, piece)
    except BadPacket:
        pass
    return found


def encapsulated(options: Mapping[int, bytes]) -> bytes:
    """The value of option 43 with these sub-options, and the end mark that some firmware wants."""
    return b"".join(pieces(options)) + bytes((_END,))


def user_classes(value: bytes) -> tuple[str, ...]:
    """What option 77 says: strings each with its length (RFC 3004), or, as iPXE sends it, one bare string."""
    found: list[bytes] = []
    at = 0
    while at < len(value):
        size = value[at]
        part = value[at + 1 : at + 1 + size]
        if not size or len(part) < size:
            return (text(value),)
        found.append(part)
        at += 1 + size
    return tuple(map(text, found))


def architectures(value: bytes) -> tuple[int, ...]:
    """The codes in option 93, 16 bits each; a byte too many counts for nothing."""
    return tuple(int.from_bytes(value[at : at + 2]) for at in range(0, len(value) - 1, 2))


def text(value: bytes) -> str:
    r"""Text of an option: without closing NULs, and with what is not ASCII as `\xff`."""
    return value.rstrip(b"\0").decode("ascii", "backslashreplace")
