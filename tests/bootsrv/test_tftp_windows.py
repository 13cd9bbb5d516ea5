"""Windows of blocks (RFC 7440): what an ACK within one says, what a copy of one must not do, and lossy networks."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv.tftp.packet import ReadRequest, encode_ack
from bootsrv.tftp.transfer import DEFAULT_TIMING, ReadTransfer
from tests.bootsrv.tftp_network import Network, Play, WindowReader

SIZE = 512 * 20 + 100  # 21 blocks


def pattern(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def begun(size: int = SIZE, window: int = 4) -> ReadTransfer:
    """A transfer whose options are acknowledged; its first window is under way."""
    transfer = ReadTransfer(ReadRequest(name="x", options={"windowsize": str(window)}), pattern(size))
    transfer.start(0)
    assert blocks(transfer.receive(encode_ack(0), 0)) == list(range(1, min(window, size // 512 + 1) + 1))
    return transfer


def blocks(datagrams: tuple[bytes, ...]) -> list[int]:
    return [int.from_bytes(datagram[2:4]) for datagram in datagrams]


def hear(transfer: ReadTransfer, block: int, now: float = 0.0) -> list[int]:
    return blocks(transfer.receive(encode_ack(block), now))


def test_a_window_follows_the_ack_of_its_last_block() -> None:
    transfer = begun()
    assert hear(transfer, 4) == [5, 6, 7, 8]
    assert transfer.sent == 4 * 512
    for last in (8, 12, 16):
        assert hear(transfer, last) == list(range(last + 1, last + 5))
    assert hear(transfer, 20) == [21]
    assert (hear(transfer, 21), transfer.ending, transfer.sent) == ([], "done", SIZE)


def test_an_ack_within_a_window_says_where_to_go_on() -> None:
    transfer = begun()
    assert hear(transfer, 2) == [3, 4, 5, 6]
    assert transfer.sent == 2 * 512
    assert hear(transfer, 6) == [7, 8, 9, 10]


def test_the_ack_before_a_window_is_believed_once() -> None:
    transfer = begun()
    hear(transfer, 4)
    assert hear(transfer, 4) == [5, 6, 7, 8]
    assert [hear(transfer, 4) for _ in range(20)] == [[]] * 20
    assert hear(transfer, 8) == [9, 10, 11, 12]
    assert hear(transfer, 8) == []  # the answers to the copies of the window before
    assert hear(transfer, 12) == [13, 14, 15, 16]
    assert hear(transfer, 12) == [13, 14, 15, 16]


def test_acks_that_answer_copies_start_nothing() -> None:
    transfer = begun()
    assert hear(transfer, 2) == [3, 4, 5, 6]
    assert [hear(transfer, 2) for _ in range(5)] == [[]] * 5
    for stale in (0, 1, 7, 100, 65535):
        assert hear(transfer, stale) == []
    assert hear(transfer, 6) == [7, 8, 9, 10]


def test_the_timer_repeats_what_is_under_way() -> None:
    transfer = begun()
    hear(transfer, 2, 0.01)
    repeats = []
    while (deadline := transfer.deadline) is not None:
        repeats.append(blocks(transfer.tick(deadline)))
    assert repeats == [[3, 4, 5, 6]] * DEFAULT_TIMING.repeats + [[]]
    assert transfer.message == "no answer to block 3 after 6 repeats"


@pytest.mark.parametrize(("size", "last"), [(0, [1]), (511, [1]), (512, [1, 2]), (512 * 4, [5])])
def test_ends(size: int, last: list[int]) -> None:
    transfer = ReadTransfer(ReadRequest(name="x", options={"windowsize": "4"}), pattern(size))
    transfer.start(0)
    sent = blocks(transfer.receive(encode_ack(0), 0))
    while sent != last:
        sent = hear(transfer, sent[-1])
    assert (hear(transfer, last[-1]), transfer.ending, transfer.sent) == ([], "done", size)


def test_the_block_number_wraps_within_a_window() -> None:
    size = 8 * 65600
    options = {"windowsize": "64", "blksize": "8"}
    transfer = ReadTransfer(ReadRequest(name="x", options=options), bytes(size))
    transfer.start(0)
    expected, window = 1, transfer.receive(encode_ack(0), 0)
    chance = random.Random(7440)
    while transfer.ending is None:
        assert blocks(window) == [(expected + at) & 0xFFFF for at in range(len(window))]
        arrived = chance.randrange(1, len(window) + 1)
        expected += arrived
        window = transfer.receive(encode_ack((expected - 1) & 0xFFFF), 0)
    assert (transfer.ending, expected) == ("done", 65602)


@given(st.integers(0, 60_000).map(pattern), st.sampled_from([2, 3, 16, 64]), st.floats(0, 1), st.integers(0, 1000))
def test_a_network_that_doubles_costs_no_endless_copies(content: bytes, window: int, doubled: float, seed: int) -> None:
    """Each packet comes twice at most, and costs no more than that again: no sorcerer's apprentice."""
    transfer = ReadTransfer(ReadRequest(name="x", options={"windowsize": str(window)}), content)
    peer = WindowReader(window=window)
    sent = Play(transfer, peer, Network(seed=seed, doubled=doubled)).sent
    assert (transfer.ending, bytes(peer.received)) == ("done", content)
    assert len(sent) <= 4 * (len(content) // 512 + 2)


@given(
    st.integers(0, 60_000).map(pattern),
    st.sampled_from([2, 4, 16, 64]),
    st.floats(0, 0.4),
    st.floats(0, 1),
    st.integers(0, 10_000),
)
def test_a_network_that_loses_is_survived_or_given_up(
    content: bytes, window: int, loss: float, delay: float, seed: int
) -> None:
    transfer = ReadTransfer(ReadRequest(name="x", options={"windowsize": str(window), "blksize": "1000"}), content)
    peer = WindowReader(window=window)
    Play(transfer, peer, Network(seed=seed, loss=loss, doubled=0.05, delay=delay, junk=0.1))
    assert content.startswith(peer.received)
    if transfer.ending == "done":
        assert bytes(peer.received) == content
    else:
        assert transfer.message.startswith("no answer to ")


def test_an_ordinary_bad_network_is_survived() -> None:
    endings = []
    for seed in range(40):
        content = pattern(200_000 + seed)
        options = {"windowsize": "16", "blksize": "1428", "tsize": "0"}
        transfer, peer = ReadTransfer(ReadRequest(name="x", options=options), content), WindowReader(window=16)
        Play(transfer, peer, Network(seed=seed, loss=0.05, doubled=0.02, delay=0.005, junk=0.02))
        endings.append((transfer.ending, bytes(peer.received) == content))
    assert endings == [("done", True)] * 40
