"""One file being read by one peer: datagrams and time in, datagrams and the next deadline out; no socket, no clock.

RFC 1350 with options (RFC 2347), blksize (2348), tsize and timeout (2349). The states are in `State`; the rules:

- Only the timer repeats a packet. A duplicate ACK never does (RFC 1123 section 4.2.3.1, the sorcerer's apprentice).
- The time to a repeat follows the measured round trip (RFC 6298) and doubles with each repeat; after `Timing.repeats`
  the peer is taken for dead. A `timeout` that was negotiated replaces it, once the peer has answered the OACK: until
  then nobody has shown that he is there, and a forged request must not hold a transfer for as long as it likes.
- After block 65535 comes block 0, which is in no RFC and what every client expects.
- A file of n full blocks ends with an empty one.
- ERROR 8 or 0 instead of the first ACK is firmware that wanted to know the size only (EDK2 sends 8, iPXE and PXELINUX
  0) and will ask again: an ordinary end, not a failure.
- What is not understood, or acknowledges anything but the packet that is under way, is ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

from bootsrv.paths import shown
from bootsrv.tftp.packet import (
    MAX_BLOCK,
    BadPacket,
    Error,
    ErrorCode,
    OptionsAck,
    ReadRequest,
    encode,
    encode_ack,
    encode_data,
    parse,
)

DEFAULT_BLKSIZE = 512
MIN_BLKSIZE = 8
MAX_BLKSIZE = 65464
# The most that fits into one frame of 1500 bytes over IPv4: 1500 - 20 (IP) - 8 (UDP) - 4 (TFTP). Anything larger comes
# in fragments: one lost loses all, many boot ROMs cannot put them together and some switches drop them. Firmware seldom
# asks for more; where the network has larger frames the limit can be raised.
UNFRAGMENTED_BLKSIZE = 1468
MAX_TIMEOUT = 255  # RFC 2349


class Content(Protocol):
    """What is sent: a length, and parts of it at once, since it is asked for in the event loop. `bytes` is one."""

    def __len__(self) -> int:
        """Size in bytes."""

    def __getitem__(self, part: "slice[Any, Any, Any]", /) -> bytes:
        """The bytes from `part.start` to `part.stop`, fewer at the end."""


class State(StrEnum):
    """Where a transfer stands; the last three are ends."""

    NEGOTIATING = "negotiating"  # OACK sent, ACK 0 awaited
    SENDING = "sending"
    DONE = "done"
    PROBED = "probed"
    FAILED = "failed"


Ending = Literal["done", "probed", "failed"]
_ENDINGS: Mapping[State, Ending] = {State.DONE: "done", State.PROBED: "probed", State.FAILED: "failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a packet is repeated; seconds.

    `first` applies before anything was measured, `least` and `most` bound what is derived from measuring. By default a
    silent peer is given up after 39 s: longer than a switch port takes to forward after the link came up.
    """

    first: float = 1.0
    least: float = 0.25
    most: float = 8.0
    repeats: int = 6


DEFAULT_TIMING = Timing()


def accepted_options(asked: Mapping[str, str], *, size: int, max_blksize: int) -> dict[str, str]:
    """The options of the OACK, in the order asked; unknown ones and bad values are left out (RFC 2347).

    `size` is the file's; `max_blksize` bounds the block size, which the server may answer smaller than asked.
    """
    accepted: dict[str, str] = {}
    for name, value in asked.items():
        if not (value.isascii() and value.isdigit() and len(value) <= 10):
            continue
        number = int(value)
        if name == "blksize" and number >= MIN_BLKSIZE:
            accepted[name] = str(min(number, max_blksize, MAX_BLKSIZE))
        elif name == "tsize":
            accepted[name] = str(size)
        elif name == "timeout" and 1 <= number <= MAX_TIMEOUT:
            accepted[name] = value
    return accepted


class ReadTransfer:
    """One read. Call `start` once, then `receive` with each datagram of the peer and `tick` when `deadline` is reached.

    Each gives the datagrams to send now. `state` says where it stands, `sent` how many bytes the peer has acknowledged,
    `ending` how it ended (None: it goes on), `message` why it failed, fit to be shown. `deadline` is None before start
    and after the end. Times are seconds of any one steady clock.
    """

    def __init__(
        self,
        request: ReadRequest,
        content: Content,
        *,
        max_blksize: int = UNFRAGMENTED_BLKSIZE,
        timing: Timing = DEFAULT_TIMING,
    ) -> None:
        self.size = len(content)
        self.options = accepted_options(request.options, size=self.size, max_blksize=max_blksize)
        self.blksize = int(self.options.get("blksize", DEFAULT_BLKSIZE))
        self.state = State.NEGOTIATING if self.options else State.SENDING
        self.sent = 0
        self.ending: Ending | None = None
        self.message = ""
        self.deadline: float | None = None
        self._content = content
        self._timing = timing
        self._fixed = float(self.options["timeout"]) if "timeout" in self.options else None
        self._block = 0 if self.options else 1  # the packet under way; 0 is the OACK
        self._under_way = b""
        self._awaited = b""
        self._sent_at = 0.0
        self._repeats = 0
        self._interval = timing.first
        self._round_trip: float | None = None
        self._deviation = 0.0

    @property
    def answered(self) -> bool:
        """Whether the peer has acknowledged anything, so that he is known to be there."""
        return self._block > (0 if self.options else 1)

    def start(self, now: float) -> tuple[bytes, ...]:
        """The first packet: the OACK, or the first block where no option was accepted."""
        first = encode(OptionsAck(options=self.options)) if self.options else self._data()
        return self._send(first, now)

    def receive(self, datagram: bytes, now: float) -> tuple[bytes, ...]:
        """What follows from a datagram of the peer's own address and port; never raises for what is in it."""
        if self.ending is not None:
            return ()
        if datagram[:4] == self._awaited:
            return self._acknowledged(now)
        try:
            packet = parse(datagram)
        except BadPacket:
            return ()
        if isinstance(packet, Error):
            self._ended_by_peer(packet)
        return ()

    def tick(self, now: float) -> tuple[bytes, ...]:
        """Repeat the packet under way if its time has come; the last repeat unanswered, fail."""
        if self.deadline is None or now < self.deadline:
            return ()
        if self._repeats >= self._timing.repeats:
            self._end(State.FAILED, f"no answer to {self._name_of_packet()} after {self._repeats} repeats")
            return ()
        return self._repeat(now)

    def asked_again(self, now: float) -> tuple[bytes, ...]:
        """The peer repeated his request: repeat the first packet, unless he has had it or enough repeats."""
        if self.ending is not None or self.answered or self._repeats >= self._timing.repeats:
            return ()
        return self._repeat(now)

    def _acknowledged(self, now: float) -> tuple[bytes, ...]:
        self._measure(now)
        offset = self._block * self.blksize
        if self._block and offset > self.size:  # the block was short, so it was the last
            self.sent = self.size
            self._end(State.DONE)
            return ()
        self.state = State.SENDING
        self.sent = offset
        self._block += 1
        return self._send(self._data(), now)

    def _data(self) -> bytes:
        offset = (self._block - 1) * self.blksize
        return encode_data(self._block & MAX_BLOCK, self._content[offset : offset + self.blksize])

    def _send(self, datagram: bytes, now: float) -> tuple[bytes, ...]:
        self._under_way = datagram
        self._awaited = encode_ack(self._block & MAX_BLOCK)
        self._sent_at = now
        self._repeats = 0
        self.deadline = now + self._wait()
        return (datagram,)

    def _repeat(self, now: float) -> tuple[bytes, ...]:
        self._repeats += 1
        self.deadline = now + self._wait()
        return (self._under_way,)

    def _wait(self) -> float:
        if self._fixed is not None and self.answered:
            return self._fixed
        return min(self._interval * 2.0**self._repeats, self._timing.most)

    def _measure(self, now: float) -> None:
        """RFC 6298, sections 2 and 5: after a repeat nobody knows which copy was answered, so only back-off is kept."""
        if self._repeats:
            self._interval = self._wait() if self._fixed is None else self._interval
            return
        sample = now - self._sent_at
        if self._round_trip is None:
            self._round_trip, self._deviation = sample, sample / 2
        else:
            self._deviation += (abs(self._round_trip - sample) - self._deviation) / 4
            self._round_trip += (sample - self._round_trip) / 8
        wanted = self._round_trip + 4 * self._deviation
        self._interval = min(max(wanted, self._timing.least), self._timing.most)

    def _ended_by_peer(self, error: Error) -> None:
        probing = error.code in (ErrorCode.OPTIONS_REFUSED, ErrorCode.UNDEFINED)
        if probing and self.state is State.NEGOTIATING:
            self._end(State.PROBED)
        else:
            self._end(State.FAILED, f"the peer ended it with error {error.code}: {shown(error.message) or 'no reason'}")

    def _end(self, state: State, message: str = "") -> None:
        self.state, self.message, self.deadline = state, message, None
        self.ending = _ENDINGS[state]

    def _name_of_packet(self) -> str:
        return f"block {self._block}" if self._block else "the options"
