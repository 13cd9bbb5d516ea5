"""One TFTP read as a pure machine: options, ends, timers; and networks that lose, double, reorder and invent."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv.tftp.frames import Content
from bootsrv.tftp.packet import Error, OptionsAck, ReadRequest, encode, encode_ack, encode_data
from bootsrv.tftp.transfer import (
    DEFAULT_TIMING,
    MAX_BLKSIZE,
    UNFRAGMENTED_BLKSIZE,
    ReadTransfer,
    State,
    Timing,
    accepted_options,
)
from tests.bootsrv.tftp_network import Network, Play, Reader, runs

REPEATS = DEFAULT_TIMING.repeats


def read(content: Content, **options: str) -> ReadTransfer:
    return ReadTransfer(ReadRequest(name="x", options=options), content)


def pattern(size: int) -> bytes:
    return random.Random(size).randbytes(size)


# --- options


@pytest.mark.parametrize(
    ("asked", "accepted"),
    [
        ({}, {}),
        ({"blksize": "1432"}, {"blksize": "1432"}),
        ({"blksize": "8"}, {"blksize": "8"}),
        ({"blksize": "7"}, {}),
        ({"blksize": "0"}, {}),
        ({"blksize": "65464"}, {"blksize": "1468"}),
        ({"blksize": "99999"}, {"blksize": "1468"}),
        ({"blksize": "-512"}, {}),
        ({"blksize": "512.5"}, {}),
        ({"blksize": " 512"}, {}),
        ({"blksize": "٥١٢"}, {}),
        ({"blksize": "9" * 5000}, {}),
        ({"blksize": ""}, {}),
        ({"tsize": "0"}, {"tsize": "1000"}),
        ({"tsize": "77"}, {"tsize": "1000"}),
        ({"tsize": "abc"}, {}),
        ({"timeout": "1"}, {"timeout": "1"}),
        ({"timeout": "255"}, {"timeout": "255"}),
        ({"timeout": "0"}, {}),
        ({"timeout": "256"}, {}),
        ({"windowsize": "1"}, {"windowsize": "1"}),
        ({"windowsize": "64"}, {"windowsize": "64"}),
        ({"windowsize": "65535"}, {"windowsize": "64"}),
        ({"windowsize": "65536"}, {}),
        ({"windowsize": "0"}, {}),
        ({"multicast": "", "x": "1"}, {}),
        (
            {"tsize": "0", "windowsize": "4", "blksize": "1468", "timeout": "5", "rollover": "0"},
            {"tsize": "1000", "windowsize": "4", "blksize": "1468", "timeout": "5"},
        ),
    ],
)
def test_options(asked: dict[str, str], accepted: dict[str, str]) -> None:
    given_options = accepted_options(asked, size=1000, max_blksize=UNFRAGMENTED_BLKSIZE)
    assert list(given_options.items()) == list(accepted.items())


def test_a_larger_block_is_given_where_it_is_allowed() -> None:
    assert accepted_options({"blksize": "65464"}, size=0, max_blksize=MAX_BLKSIZE) == {"blksize": "65464"}
    assert accepted_options({"blksize": "99999"}, size=0, max_blksize=10**9) == {"blksize": "65464"}


def test_windows_can_be_left_out() -> None:
    assert accepted_options({"windowsize": "16"}, size=0, max_blksize=512, max_windowsize=8) == {"windowsize": "8"}
    assert accepted_options({"windowsize": "16"}, size=0, max_blksize=512, max_windowsize=1) == {}


def test_without_options_the_first_block_comes_at_once() -> None:
    assert read(b"abc").start(0) == (encode_data(1, b"abc"),)


def test_no_accepted_option_is_no_option() -> None:
    assert read(b"abc", windowsize="0", blksize="1").start(0) == (encode_data(1, b"abc"),)


def test_accepted_options_are_acknowledged_before_data() -> None:
    transfer = read(b"x" * 30, blksize="16", tsize="0")
    assert transfer.start(0) == (encode(OptionsAck(options={"blksize": "16", "tsize": "30"})),)
    assert str(transfer.state) == State.NEGOTIATING
    assert transfer.receive(encode_ack(0), 0) == (encode_data(1, b"x" * 16),)
    assert str(transfer.state) == State.SENDING
    assert transfer.receive(encode_ack(1), 0) == (encode_data(2, b"x" * 14),)
    assert (transfer.sent, transfer.ending) == (16, None)
    assert transfer.receive(encode_ack(2), 0) == ()
    assert (transfer.sent, transfer.ending, transfer.deadline) == (30, "done", None)


# --- ends


@pytest.mark.parametrize(
    ("size", "lengths"), [(0, [0]), (1, [1]), (511, [511]), (512, [512, 0]), (513, [512, 1]), (1024, [512, 512, 0])]
)
def test_the_last_block_is_short_or_empty(size: int, lengths: list[int]) -> None:
    transfer = read(pattern(size))
    sent = list(transfer.start(0))
    for block in range(1, len(lengths) + 1):
        assert transfer.ending is None
        sent += transfer.receive(encode_ack(block), 0)
    assert [len(datagram) - 4 for datagram in sent] == lengths
    assert (transfer.ending, transfer.sent) == ("done", size)


@pytest.mark.parametrize(
    ("code", "options", "acknowledged", "ending"),
    [
        (8, {"tsize": "0"}, 0, "probed"),
        (0, {"tsize": "0"}, 0, "probed"),
        (3, {"tsize": "0"}, 0, "failed"),
        (0, {"tsize": "0"}, 1, "failed"),
        (8, {"tsize": "0"}, 2, "failed"),
        (8, {}, 0, "failed"),
        (0, {}, 1, "failed"),
    ],
)
def test_an_error_from_the_peer_ends_it(code: int, options: dict[str, str], acknowledged: int, ending: str) -> None:
    transfer = read(pattern(5000), **options)
    transfer.start(0)
    first = 0 if options else 1
    for block in range(first, first + acknowledged):
        transfer.receive(encode_ack(block), 0)
    assert transfer.receive(encode(Error(code=code, message="stop\x1b[2J")), 0) == ()
    assert transfer.ending == ending
    assert transfer.message == ("" if ending == "probed" else f"the peer ended it with error {code}: stop\\x1b[2J")
    assert transfer.receive(encode_ack(acknowledged), 0) == transfer.tick(1e9) == transfer.asked_again(0) == ()


def test_what_is_not_understood_is_ignored() -> None:
    transfer = read(pattern(5000))
    transfer.start(0)
    deadline = transfer.deadline
    junk = [b"", b"\0", b"\0\4", b"\0\4\0", b"\0\x63ab", b"\0\1x\0octet\0", encode_data(1, b"x"), b"\xff" * 600]
    for datagram in [*junk, encode_ack(0), encode_ack(2), encode_ack(65535)]:
        assert transfer.receive(datagram, 0.5) == ()
    assert (transfer.ending, transfer.deadline, transfer.sent) == (None, deadline, 0)
    assert len(transfer.receive(encode_ack(1) + b"padding", 0.6)) == 1


# --- time


def test_a_silent_peer_is_given_up_after_bounded_repeats() -> None:
    transfer = read(pattern(5000))
    first = transfer.start(0)
    times = []
    while (deadline := transfer.deadline) is not None:
        assert transfer.tick(deadline - 0.001) == ()
        if transfer.tick(deadline):
            times.append(deadline)
    assert first == (encode_data(1, pattern(5000)[:512]),)
    assert times == [1, 3, 7, 15, 23, 31]
    assert (transfer.ending, transfer.message) == ("failed", "no answer to block 1 after 6 repeats")


def test_a_negotiated_timeout_holds_once_the_peer_has_answered() -> None:
    transfer = read(pattern(5000), timeout="7")
    transfer.start(0)
    before = transfer.deadline
    transfer.receive(encode_ack(0), 0.5)
    deadlines = []
    while (deadline := transfer.deadline) is not None:
        deadlines.append(deadline)
        transfer.tick(deadline)
    assert before == 1  # nobody had shown to be there yet
    assert deadlines == [7.5 + 7 * repeat for repeat in range(REPEATS + 1)]
    assert transfer.message == "no answer to block 1 after 6 repeats"


def test_the_options_are_repeated_as_well() -> None:
    transfer = read(b"abc", tsize="0")
    first = transfer.start(0)
    assert transfer.tick(1) == first
    for _ in range(REPEATS):
        transfer.tick(transfer.deadline or 0)
    assert (transfer.ending, transfer.message) == ("failed", "no answer to the options after 6 repeats")


@pytest.mark.parametrize("round_trip", [0.001, 0.1, 0.6, 3.0])
def test_the_time_to_a_repeat_follows_the_round_trip(round_trip: float) -> None:
    """A peer that is merely slow is soon left in peace, a fast one is helped soon."""
    transfer = read(pattern(512 * 40))
    now = 0.0
    transfer.start(now)
    repeats = []
    for block in range(1, 41):
        repeats.append(0)
        answer_at = now + round_trip
        while transfer.deadline is not None and transfer.deadline < answer_at:
            repeats[-1] += len(transfer.tick(transfer.deadline))
        now = answer_at
        assert transfer.receive(encode_ack(block), now)
    assert not any(repeats[4:])
    assert transfer.deadline is not None
    assert transfer.deadline - now <= max(DEFAULT_TIMING.least, 1.1 * round_trip + 0.1)


def test_a_repeated_request_gets_the_first_packet_again_but_not_for_ever() -> None:
    transfer = read(pattern(5000), blksize="1000")
    first = transfer.start(0)
    assert [transfer.asked_again(0.1 * again) for again in range(REPEATS + 2)] == [first] * REPEATS + [()] * 2
    assert transfer.receive(encode_ack(0), 1) == (encode_data(1, pattern(5000)[:1000]),)
    assert transfer.answered
    assert transfer.asked_again(1) == ()


# --- the sorcerer's apprentice, and the wrap of the block number


def test_a_duplicate_ack_never_repeats_data() -> None:
    transfer = read(pattern(512 * 50))
    sent = list(transfer.start(0))
    for block in range(1, 52):
        for _ in range(3):
            sent += transfer.receive(encode_ack(block), 0)
            sent += transfer.receive(encode_ack(block - 1), 0)
    assert transfer.ending == "done"
    assert len(sent) == len(set(sent)) == 51


class _Endless:
    """Content of any size that takes no memory: eight bytes at each place say where it is."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: "slice[Any, Any, Any]") -> bytes:
        start: int = part.start
        count: int = (min(part.stop, self._size) - start) // 8
        return start.to_bytes(8) * count


@pytest.mark.parametrize("options", [{}, {"tsize": "0"}])
def test_after_block_65535_comes_block_0(options: dict[str, str]) -> None:
    size = 512 * 65540 + 8  # past 32 MiB
    transfer = ReadTransfer(ReadRequest(name="x", options=options), _Endless(size))
    answers = transfer.start(0)
    if options:
        answers = transfer.receive(encode_ack(0), 0)
    for index in range(65541):
        block = (index + 1) & 0xFFFF
        (datagram,) = answers
        assert datagram[:12] == b"\0\3" + block.to_bytes(2) + (512 * index).to_bytes(8)
        answers = transfer.receive(encode_ack(block), 0)
    assert (transfer.ending, transfer.sent) == ("done", size)


# --- whole networks


_contents = st.integers(0, 6000).map(pattern)
_block_sizes = st.sampled_from([None, 8, 100, 512, 1000, 1468])


@given(_contents, _block_sizes, st.floats(0, 1), st.floats(0, 0.05), st.integers(0, 1000))
def test_a_network_that_doubles_and_reorders_costs_no_repeats(
    content: bytes, blksize: int | None, doubled: float, delay: float, seed: int
) -> None:
    transfer = read(content, **({"blksize": str(blksize)} if blksize else {}))
    peer = Reader()
    sent = Play(transfer, peer, Network(seed=seed, doubled=doubled, delay=delay, junk=0.2)).sent
    assert (transfer.ending, bytes(peer.received), transfer.sent) == ("done", content, len(content))
    assert len(sent) == len(content) // (blksize or 512) + 1 + bool(blksize)


@given(_contents, _block_sizes, st.floats(0, 0.6), st.floats(0, 3), st.integers(0, 10_000))
def test_a_network_that_loses_is_survived_or_given_up(
    content: bytes, blksize: int | None, loss: float, delay: float, seed: int
) -> None:
    transfer = read(content, **({"blksize": str(blksize)} if blksize else {}))
    peer = Reader()
    sent = Play(transfer, peer, Network(seed=seed, loss=loss, doubled=0.1, delay=delay, junk=0.2)).sent
    assert max(runs(sent)) <= 1 + REPEATS
    assert content.startswith(peer.received)
    if transfer.ending == "done":
        assert peer.finished
        assert bytes(peer.received) == content
    else:
        assert transfer.ending == "failed"
        assert transfer.message.startswith("no answer to ")


def test_an_ordinary_bad_network_is_survived() -> None:
    endings = []
    for seed in range(40):
        content = pattern(30_000 + seed)
        transfer, peer = read(content, blksize="1428", tsize="0"), Reader()
        Play(transfer, peer, Network(seed=seed, loss=0.1, doubled=0.1, delay=0.05, junk=0.1))
        endings.append((transfer.ending, bytes(peer.received) == content))
    assert endings == [("done", True)] * 40


@given(st.integers(0, 1000))
def test_what_a_forged_request_can_cost_is_bounded(seed: int) -> None:
    """Nobody answers; whatever the options, that is seven packets and well under a minute."""
    chance = random.Random(seed)
    options = {name: str(chance.randrange(300)) for name in ("timeout", "blksize", "tsize") if chance.random() < 0.5}
    transfer = ReadTransfer(ReadRequest(name="x", options=options), pattern(100_000), timing=Timing())
    sent, now = len(transfer.start(0)), 0.0
    while transfer.deadline is not None:
        now = transfer.deadline
        sent += len(transfer.tick(now))
    assert sent == 1 + REPEATS
    assert now == 39
