"""TFTP datagrams and the values they carry, bytes to values and back (RFC 1350, options RFC 2347); no I/O.

Strict where a mistake could be exploited or would be guessed at, lenient where firmware in the field needs it: an ACK
may be longer than four bytes, an ERROR may lack its text or the NUL after it, and a request may be padded with NULs.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from engine.errors import Invalid

MAX_REQUEST_BYTES = 512  # RFC 2347
MAX_BLOCK = 0xFFFF
MAX_MESSAGE_BYTES = 400  # firmware keeps an error's text in a buffer of one default block

_HEADER = struct.Struct("!HH")
pack_header = _HEADER.pack
"""Operation and number to the first four bytes, unchecked, for those who send blocks all day."""


class Opcode(IntEnum):
    """The first two bytes of a datagram (RFC 1350 section 5, RFC 2347)."""

    READ_REQUEST = 1
    WRITE_REQUEST = 2
    DATA = 3
    ACK = 4
    ERROR = 5
    OPTIONS_ACK = 6


class ErrorCode(IntEnum):
    """Error codes (RFC 1350 appendix, RFC 2347)."""

    UNDEFINED = 0
    FILE_NOT_FOUND = 1
    ACCESS_VIOLATION = 2
    DISK_FULL = 3
    ILLEGAL_OPERATION = 4
    UNKNOWN_TRANSFER = 5
    FILE_EXISTS = 6
    NO_SUCH_USER = 7
    OPTIONS_REFUSED = 8


class BadPacket(Invalid):
    """A datagram that is not TFTP, or a value that cannot be written as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """A request to read. `mode` and option names are in lower case; option values are as sent."""

    name: str
    mode: str = "octet"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """A request to write; fields as in `ReadRequest`."""

    name: str
    mode: str = "octet"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """One block; `block` counts from 1 and wraps from 65535 to 0."""

    block: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """A block was received; `block` 0 answers an `OptionsAck`."""

    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The end of a transfer. `code` may be a number that nobody defined; escape the text before showing it."""

    code: int
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsAck:
    """The options that the server accepted (OACK)."""

    options: Mapping[str, str]


_Request = TypeVar("_Request", ReadRequest, WriteRequest)
Packet = ReadRequest | WriteRequest | Data | Ack | Error | OptionsAck


def parse(datagram: bytes) -> Packet:
    """The value of a datagram.

    Raises:
        BadPacket: it is no TFTP packet; the message says what is wrong.
    """
    if len(datagram) < _HEADER.size:
        raise BadPacket("shorter than any TFTP packet")
    opcode, second = _HEADER.unpack_from(datagram)
    match opcode:
        case Opcode.READ_REQUEST:
            return _request(ReadRequest, datagram)
        case Opcode.WRITE_REQUEST:
            return _request(WriteRequest, datagram)
        case Opcode.DATA:
            return Data(block=second, payload=datagram[4:])
        case Opcode.ACK:
            return Ack(block=second)
        case Opcode.ERROR:
            return Error(code=second, message=datagram[4:].partition(b"\0")[0].decode("utf-8", "replace"))
        case Opcode.OPTIONS_ACK:
            return OptionsAck(options=_options(_strings(datagram[2:])))
    raise BadPacket(f"unknown TFTP operation {opcode}")


def encode(packet: Packet) -> bytes:
    """The datagram of a value.

    Raises:
        BadPacket: a block number or code is over 65535, or a name, mode or option is empty or cannot be written.
    """
    match packet:
        case ReadRequest() | WriteRequest():
            opcode = Opcode.READ_REQUEST if isinstance(packet, ReadRequest) else Opcode.WRITE_REQUEST
            return _terminated(opcode, packet.name, packet.mode, *_flat(packet.options))
        case Data():
            return encode_data(packet.block, packet.payload)
        case Ack():
            return encode_ack(packet.block)
        case Error():
            text = packet.message.encode("ascii", "backslashreplace").replace(b"\0", b"?")
            return _header(Opcode.ERROR, packet.code) + text[:MAX_MESSAGE_BYTES] + b"\0"
        case OptionsAck():
            return _terminated(Opcode.OPTIONS_ACK, *_flat(packet.options))


def encode_data(block: int, payload: bytes) -> bytes:
    """The datagram of one block, without making a `Data` first: this is what a server does all day.

    Raises:
        BadPacket: the block number is not in 0..65535.
    """
    return _header(Opcode.DATA, block) + payload


def encode_ack(block: int) -> bytes:
    """The datagram of an ACK, without making an `Ack` first.

    Raises:
        BadPacket: the block number is not in 0..65535.
    """
    return _header(Opcode.ACK, block)


def _header(opcode: Opcode, number: int) -> bytes:
    try:
        return _HEADER.pack(opcode, number)
    except struct.error:
        raise BadPacket(f"{number} does not fit in a TFTP packet") from None


def _request(kind: type[_Request], datagram: bytes) -> _Request:
    if len(datagram) > MAX_REQUEST_BYTES:
        raise BadPacket(f"a request may have {MAX_REQUEST_BYTES} bytes at most")
    strings = _strings(datagram[2:])
    if len(strings) < 2:
        raise BadPacket("a request needs a file name and a mode")
    try:
        name = strings[0].decode()
    except UnicodeDecodeError:
        raise BadPacket("the file name is not UTF-8") from None
    return kind(name=name, mode=_ascii(strings[1]).lower(), options=_options(strings[2:]))


def _strings(body: bytes) -> list[bytes]:
    if not body.endswith(b"\0"):
        raise BadPacket("the last string is not ended by a NUL")
    return body[:-1].split(b"\0")


def _options(strings: list[bytes]) -> dict[str, str]:
    options: dict[str, str] = {}
    for at in range(0, len(strings), 2):
        name = _ascii(strings[at]).lower()
        if not name and not any(strings[at:]):
            break  # padding
        if not name or at + 1 == len(strings):
            raise BadPacket("the options are not pairs of name and value")
        if name in options:
            raise BadPacket("an option is given twice")
        options[name] = _ascii(strings[at + 1])
    return options


def _ascii(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadPacket("a mode or option is not ASCII") from None


def _flat(options: Mapping[str, str]) -> list[str]:
    return [text for pair in options.items() for text in pair]


def _terminated(opcode: Opcode, *strings: str) -> bytes:
    try:
        raw = [text.encode() for text in strings]
    except UnicodeEncodeError:
        raise BadPacket("a string cannot be written as UTF-8") from None
    if not all(raw) or any(b"\0" in text for text in raw):
        raise BadPacket("a string is empty or contains a NUL")
    return opcode.to_bytes(2) + b"".join(text + b"\0" for text in raw)
