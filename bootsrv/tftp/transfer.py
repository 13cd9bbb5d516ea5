"""One file being read by one peer: datagrams and time in, datagrams and the next deadline out; no socket, no clock.

RFC 1350 with options (RFC 2347), blksize (2348), tsize and timeout (2349), windowsize (7440). The states are in
`State`; the rules:

- Only the timer repeats a packet. A duplicate ACK never does (RFC 1123 section 4.2.3.1, the sorcerer's apprentice).
- With a window of several blocks an ACK of one inside it says that the next was lost, and all goes on from there (RFC
  7440 section 4). An ACK of the block before it says that its first was lost: that is believed once, and only after a
  window that was sent once and acknowledged whole, for else each copy of a copy would be answered with a window.
- The time to a repeat follows the measured round trip (RFC 6298): the first repeat comes soon, the others double from
  `Timing.least` on; after `Timing.repeats` the peer is taken for dead. A `timeout` that was negotiated replaces it,
  once the peer has answered the OACK: until then nobody has shown that he is there, and a forged request must not hold
  a transfer for as long as it likes.
- After block 65535 comes block 0, which is in no RFC and what every client expects.
- A file of n full blocks ends with an empty one.
- ERROR 8 or 0 instead of the first ACK is firmware that wanted to know the size only (EDK2 sends 8, iPXE and PXELINUX
  0) and will ask again: an ordinary end, not a failure.
- What is not understood, or acknowledges anything but the packet that is under way, is ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bootsrv.paths import shown
from bootsrv.tftp.frames import Content, Frames, Part, Shelf
from bootsrv.tftp.packet import (
    MAX_BLOCK,
    Ack,
    BadPacket,
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
MIN_BLKSIZE = 8
MAX_BLKSIZE = 65464
# The most that fits into one frame of 1500 bytes over IPv4: 1500 - 20 (IP) - 8 (UDP) - 4 (TFTP). Anything larger comes
# in fragments: one lost loses all, many boot ROMs cannot put them together and some switches drop them. Firmware seldom
# asks for more; where the network has larger frames the limit can be raised.
UNFRAGMENTED_BLKSIZE = 1468
MAX_TIMEOUT = 255  # RFC 2349
# Blocks under way at once, at most. RFC 7440 knows 65535, but a receiver's socket holds what a hundred or so need.
MAX_WINDOW = 64
_ACK = int(Opcode.ACK)
_ACK_BYTES = _ACK.to_bytes(2)
_MEASURED = 8  # after so many round trips, one of so many is measured


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

    `first` applies before anything was measured. What is derived from measuring is at least `quick` for the first
    repeat and `least` for the others, and at most `most`. By default a peer that says nothing at all is given up after
    39 s: longer than a switch port takes to forward after the link came up.
    """

    first: float = 1.0
    quick: float = 0.12
    least: float = 0.25
    most: float = 8.0
    repeats: int = 6


DEFAULT_TIMING = Timing()


def accepted_options(
    asked: Mapping[str, str], *, size: int, max_blksize: int, max_windowsize: int = MAX_WINDOW
) -> dict[str, str]:
    """The options of the OACK, in the order asked; unknown ones and bad values are left out (RFC 2347).

    `size` is the file's; `max_blksize` bounds the block size (bytes) and `max_windowsize` the window (blocks), both of
    which the server may answer smaller than asked. With a `max_windowsize` of 1 no window is offered.
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
        elif name == "windowsize" and 1 <= number <= MAX_BLOCK and max_windowsize > 1:
            accepted[name] = str(min(number, max_windowsize, MAX_WINDOW))
    return accepted


class ReadTransfer:
    """One read. Call `start` once, then `receive` with each datagram of the peer and `tick` when `deadline` is reached.

    Each gives the datagrams to send now. `state` says where it stands, `ending` how it ended (None: it goes on),
    `message` why it failed, fit to be shown. `deadline` is None before start and after the end. Times are seconds of
    any one steady clock.
    """

    __slots__ = (
        "_answers",
        "_awaited",
        "_base",
        "_clean",
        "_deviation",
        "_easy",
        "_fixed",
        "_frames",
        "_interval",
        "_last",
        "_options_sent",
        "_part",
        "_part_at",
        "_plain",
        "_repeats",
        "_round_trip",
        "_sent_at",
        "_timing",
        "_trusted",
        "_under_way",
        "_window",
        "blksize",
        "deadline",
        "ending",
        "message",
        "options",
        "size",
        "state",
    )

    def __init__(
        self,
        request: ReadRequest,
        content: Content,
        *,
        max_blksize: int = UNFRAGMENTED_BLKSIZE,
        max_windowsize: int = MAX_WINDOW,
        timing: Timing = DEFAULT_TIMING,
        shelf: Shelf | None = None,
    ) -> None:
        self.size = len(content)
        self.options = accepted_options(
            request.options, size=self.size, max_blksize=max_blksize, max_windowsize=max_windowsize
        )
        self.blksize = int(self.options.get("blksize", DEFAULT_BLKSIZE))
        self.state = State.NEGOTIATING if self.options else State.SENDING
        self.ending: Ending | None = None
        self.message = ""
        self.deadline: float | None = None
        self._frames = Frames(content, self.blksize, shelf)
        self._part: Part = []
        self._part_at = 0  # blocks before the part
        self._easy = 0  # how many blocks may follow the one under way without a second thought
        self._timing = timing
        self._fixed = float(self.options["timeout"]) if "timeout" in self.options else None
        self._window = int(self.options.get("windowsize", 1))
        self._last = self.size // self.blksize + 1
        self._options_sent = bool(self.options)
        self._plain = not self.options
        self._base = -1 if self.options else 0  # the block acknowledged last; the OACK counts as block 0
        self._under_way: tuple[bytes, ...] = ()
        self._awaited = b""
        self._clean = self._trusted = True
        self._sent_at = 0.0
        self._repeats = 0
        self._interval = timing.first
        self._round_trip: float | None = None
        self._answers = 0
        self._deviation = 0.0

    @property
    def sent(self) -> int:
        """How many bytes the peer has acknowledged."""
        return max(0, min(self._base * self.blksize, self.size))

    @property
    def answered(self) -> bool:
        """Whether the peer has acknowledged anything, so that he is known to be there."""
        return self._base >= (0 if self._options_sent else 1)

    def start(self, now: float) -> tuple[bytes, ...]:
        """The first packet: the OACK, or the first block where no option was accepted."""
        if not self._options_sent:
            return self._send_window(now)
        return self._send((encode(OptionsAck(options=self.options)),), 0, now)

    def receive(self, datagram: bytes, now: float) -> tuple[bytes, ...]:
        """What follows from a datagram of the peer's own address and port; never raises for what is in it."""
        if self._easy and datagram == self._awaited:  # what a server does all day: a block of many follows the other
            self._easy -= 1
            self._base = base = self._base + 1
            sent = self._part[base - self._part_at]
            self._awaited = _ACK_BYTES + sent[2:4]
            self._sent_at = now
            self.deadline = now + self._interval
            self._under_way = under_way = (sent,)
            return under_way
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
        elif isinstance(packet, Ack) and self._window > 1 and self._base >= 0:
            return self._went_astray((packet.block - self._base) & MAX_BLOCK, now)
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

    def postponed(self, now: float) -> None:
        """What it gave last is sent only now: the time for an answer begins anew."""
        if self.deadline is not None:
            self._sent_at = now
            self.deadline = now + self._wait()

    def _acknowledged(self, now: float) -> tuple[bytes, ...]:
        """All that is under way has arrived."""
        self._answers += 1
        if self._answers <= _MEASURED or self._plain or not self._answers % _MEASURED or self._repeats:
            self._measure(now)
        base = self._base = self._base + len(self._under_way)
        self._trusted, self._clean = self._clean, True
        if base >= self._last:
            self._end(State.DONE)
            return ()
        if not base:
            self.state = State.SENDING
            self._plain = self._window == 1 and self._fixed is None
        return self._send_window(now)

    def _went_astray(self, arrived: int, now: float) -> tuple[bytes, ...]:
        """An ACK within a window of several blocks: so many of them have arrived, and the next has not."""
        if 0 < arrived < len(self._under_way):
            self._repeats = 0
            self._base += arrived
            self._under_way = self._under_way[arrived:]
            if not self._clean and now - self._sent_at < (self._round_trip or 0) / 2:
                return ()  # too soon for an answer to what was sent last, so it answers a copy
        elif arrived or not (self._trusted and self._clean):
            return ()
        self._clean = False
        return self._send_window(now)

    def _send_window(self, now: float) -> tuple[bytes, ...]:
        block = self._base + 1
        end = min(self._base + self._window, self._last)
        window = self._blocks(block, end)
        answers = self._send(tuple(window), end, now)
        if self._plain and self._answers >= _MEASURED:
            self._easy = min(_MEASURED - 1, self._part_at + len(self._part) - block, self._last - block)
        return answers

    def _blocks(self, block: int, end: int) -> Part:
        found: Part = []
        while block <= end:
            at = block - 1 - self._part_at
            if not 0 <= at < len(self._part):
                first, self._part = self._frames.part(block)
                self._part_at = first - 1
                at = block - first
            found += self._part[at : at + end + 1 - block]
            block = self._part_at + len(self._part) + 1
        return found

    def _send(self, datagrams: tuple[bytes, ...], last: int, now: float) -> tuple[bytes, ...]:
        self._under_way = datagrams
        self._awaited = pack_header(_ACK, last & MAX_BLOCK)
        self._sent_at = now
        self._repeats = 0
        # _wait(), without asking: this is what a server does all day
        self.deadline = now + (self._interval if self._fixed is None else self._wait())
        return datagrams

    def _repeat(self, now: float) -> tuple[bytes, ...]:
        self._repeats += 1
        self._easy = 0
        self._clean = False
        self.deadline = now + self._wait()
        return self._under_way

    def _wait(self) -> float:
        if self._fixed is not None and self.answered:
            return self._fixed
        if not self._repeats:
            return self._interval
        patient = max(self._interval, min(self._timing.least, self._timing.first))
        return min(patient * 2.0**self._repeats, self._timing.most)

    def _measure(self, now: float) -> None:
        """RFC 6298, sections 2 and 5: after a repeat nobody knows which copy was answered, so only back-off is kept."""
        if self._repeats:
            self._interval = self._wait() if self._fixed is None else self._interval
            self._answers = 0
            return
        sample = now - self._sent_at
        if self._round_trip is None:
            self._round_trip, self._deviation = sample, sample / 2
        else:
            self._deviation += (abs(self._round_trip - sample) - self._deviation) / 4
            self._round_trip += (sample - self._round_trip) / 8
        wanted = self._round_trip + 4 * self._deviation
        self._interval = min(max(wanted, min(self._timing.quick, self._timing.least)), self._timing.most)

    def _ended_by_peer(self, error: Error) -> None:
        probing = error.code in (ErrorCode.OPTIONS_REFUSED, ErrorCode.UNDEFINED)
        if probing and self.state is State.NEGOTIATING:
            self._end(State.PROBED)
        else:
            self._end(State.FAILED, f"the peer ended it with error {error.code}: {shown(error.message) or 'no reason'}")

    def _end(self, state: State, message: str = "") -> None:
        self.state, self.message, self.deadline = state, message, None
        self._under_way, self._part, self._easy = (), [], 0
        self.ending = _ENDINGS[state]

    def _name_of_packet(self) -> str:
        return f"block {self._base + 1}" if self._base >= 0 else "the options"
