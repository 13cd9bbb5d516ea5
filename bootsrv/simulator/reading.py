"""One file that firmware reads by TFTP: datagrams in, datagrams out; no socket, no clock.

RFC 1350 with options (RFC 2347), blksize (2348), tsize (2349) and windowsize (7440). What is received is counted and
forgotten. A block out of order is answered with an ACK of the last good one, once until there is progress; whoever
hears nothing sends `again`.
"""

from enum import StrEnum

from bootsrv.tftp.packet import (
    MAX_BLOCK,
    Ack,
    BadPacket,
    Data,
    Error,
    ErrorCode,
    Opcode,
    OptionsAck,
    ReadRequest,
    encode,
    pack_header,
    parse,
)

DEFAULT_BLKSIZE = 512
_DATA, _HEAD = int(Opcode.DATA), 4


class Progress(StrEnum):
    """Where the reading stands; the last two are ends."""

    ASKED = "asked"
    GOING = "going"
    DONE = "done"
    FAILED = "failed"


class Reading:
    """One transfer. `size` is what came, in bytes, `error` why no more comes."""

    def __init__(self, name: str, *, blksize: int, windowsize: int = 1) -> None:
        options = {"tsize": "0", "blksize": str(blksize)}
        if windowsize > 1:
            options["windowsize"] = str(windowsize)
        self.request = encode(ReadRequest(name=name, options=options))
        self.progress = Progress.ASKED
        self.size = 0
        self.error = ""
        self.window = 1
        self._offered = {"blksize": blksize, "windowsize": windowsize}
        self._blksize = DEFAULT_BLKSIZE
        self._got = 0  # the last block in order
        self._unacknowledged = 0
        self._told_of_gap = False
        self._last = self.request

    @property
    def ended(self) -> bool:
        """Whether nothing more is wanted."""
        return self.progress in (Progress.DONE, Progress.FAILED)

    def again(self) -> bytes:
        """What to send when nothing came for too long."""
        self._told_of_gap = False
        return self._last

    def receive(self, datagram: bytes | memoryview) -> bytes | None:
        """Take what came; gives what to send, if anything."""
        if self.ended:
            return None
        if len(datagram) >= _HEAD and datagram[1] == _DATA and not datagram[0]:
            return self._block(int.from_bytes(datagram[2:4], "big"), len(datagram) - _HEAD)
        try:
            packet = parse(bytes(datagram))
        except BadPacket:
            return None
        match packet:
            case OptionsAck():
                return self._agree(packet)
            case Error():
                self._fail(packet.message or f"error {packet.code}")
            case Data() | _:
                pass
        return None

    def _block(self, number: int, length: int) -> bytes | None:
        self.progress = Progress.GOING
        if number != (self._got + 1) & MAX_BLOCK:
            if self._told_of_gap:
                return None
            self._told_of_gap = True
            return self._acknowledge()
        self._got, self._told_of_gap = number, False
        self.size += length
        self._unacknowledged += 1
        if length < self._blksize:
            self.progress = Progress.DONE
        elif self._unacknowledged < self.window:
            return None
        return self._acknowledge()

    def _acknowledge(self) -> bytes:
        self._unacknowledged = 0
        self._last = pack_header(Opcode.ACK, self._got)
        return self._last

    def _agree(self, packet: OptionsAck) -> bytes | None:
        if self.progress is not Progress.ASKED or self._got:
            return None
        try:
            agreed = {name: int(packet.options[name]) for name in self._offered if name in packet.options}
        except ValueError:
            agreed = {"blksize": 0}
        if any(not 0 < value <= self._offered[name] for name, value in agreed.items()):
            self._fail("the server agreed to what was not offered")
            return encode(Error(code=ErrorCode.OPTIONS_REFUSED, message=self.error))
        self._blksize = agreed.get("blksize", DEFAULT_BLKSIZE)
        self.window = agreed.get("windowsize", 1)
        self._last = encode(Ack(block=0))
        return self._last

    def _fail(self, why: str) -> None:
        self.progress, self.error = Progress.FAILED, why
