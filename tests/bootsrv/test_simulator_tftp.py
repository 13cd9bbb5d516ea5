"""The TFTP of simulated firmware: the pure reading against the pure sending, and over real sockets."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv.simulator.reading import Progress, Reading
from bootsrv.simulator.tftp import Manner, TftpLost, read
from bootsrv.tftp.packet import (
    Data,
    Error,
    OptionsAck,
    ReadRequest,
    encode,
    encode_ack,
    encode_data,
    parse,
)
from tests.bootsrv.tftp_peers import peer, serving

QUICK = Manner(blksize=1432, windowsize=4, rate=1e9, seconds=0.2, retries=2)


class Sender:
    """A server in its simplest form: from the block that is acknowledged on, a window at a time."""

    def __init__(self, content: bytes, blksize: int, window: int) -> None:
        self._blocks = [content[at : at + blksize] for at in range(0, len(content) + 1, blksize)]
        self._window = window
        self._acknowledged = 0

    def answer(self, datagram: bytes) -> list[bytes]:
        number = int.from_bytes(datagram[2:4], "big")
        steps = (number - self._acknowledged) & 0xFFFF
        if steps <= self._window:
            self._acknowledged += steps
        first = self._acknowledged
        some = self._blocks[first : first + self._window]
        return [encode_data((first + at + 1) & 0xFFFF, block) for at, block in enumerate(some)]


def played(content: bytes, window: int, lose: Callable[[], bool], *, blksize: int = 8) -> Reading:
    """A reading to its end, some datagrams of either side lost."""
    reading = Reading("f", blksize=blksize, windowsize=window)
    sender = Sender(content, blksize, window)
    options = {"blksize": str(blksize), "windowsize": str(window)}
    to_machine = [encode(OptionsAck(options=options))]
    for _ in range(100_000):
        said = [answer for each in to_machine if not lose() and (answer := reading.receive(each)) is not None]
        if reading.ended:
            return reading
        said = said or [reading.again()]
        if said == [reading.request]:
            to_machine = [encode(OptionsAck(options=options))]
            continue
        to_machine = [each for answer in said if not lose() for each in sender.answer(answer)]
    raise AssertionError("it does not end")


@given(st.integers(0, 400), st.integers(1, 9), st.integers(0, 2**32))
def test_every_byte_comes_whatever_is_lost(size: int, window: int, seed: int) -> None:
    chance = random.Random(seed)
    reading = played(bytes(size), window, lambda: chance.random() < 0.2)
    assert (reading.progress, reading.size, reading.window) == (Progress.DONE, size, window)


@pytest.mark.parametrize("window", [1, 16])
def test_block_numbers_wrap(window: int) -> None:
    size = 8 * 65_600 + 3
    assert played(bytes(size), window, lambda: False).size == size


def test_a_server_that_knows_no_options() -> None:
    reading = Reading("f", blksize=1432, windowsize=4)
    assert parse(reading.request) == ReadRequest(name="f", options={"tsize": "0", "blksize": "1432", "windowsize": "4"})
    assert reading.receive(encode_data(1, bytes(512))) == encode_ack(1)
    assert reading.receive(encode_data(2, b"end")) == encode_ack(2)
    assert (reading.progress, reading.size) == (Progress.DONE, 515)


def test_a_gap_is_told_once_until_there_is_progress() -> None:
    reading = Reading("f", blksize=8, windowsize=4)
    reading.receive(encode(OptionsAck(options={"blksize": "8", "windowsize": "4"})))
    assert reading.receive(encode_data(1, bytes(8))) is None
    assert reading.receive(encode_data(3, bytes(8))) == encode_ack(1)
    assert reading.receive(encode_data(4, bytes(8))) is None
    assert reading.receive(encode_data(2, bytes(8))) is None
    assert reading.receive(encode_data(9, bytes(8))) == encode_ack(2)


@pytest.mark.parametrize(
    ("datagram", "why"),
    [
        (encode(Error(code=1, message="there is no f")), "there is no f"),
        (encode(Error(code=4)), "error 4"),
        (encode(OptionsAck(options={"blksize": "9999"})), "agreed to what was not offered"),
        (encode(OptionsAck(options={"blksize": "many"})), "agreed to what was not offered"),
    ],
)
def test_what_ends_it(datagram: bytes, why: str) -> None:
    reading = Reading("f", blksize=8)
    reading.receive(datagram)
    assert reading.progress is Progress.FAILED
    assert why in reading.error
    assert reading.receive(encode(Data(block=1, payload=b"x"))) is None


@given(st.binary(max_size=60))
def test_noise_does_no_harm(noise: bytes) -> None:
    reading = Reading("f", blksize=8)
    reading.receive(noise)
    assert reading.size <= len(noise)


@pytest.mark.parametrize("size", [0, 1, 1432, 1432 * 4, 200_000])
@pytest.mark.parametrize("window", [1, 4])
async def test_from_our_server(tmp_path: Path, size: int, window: int) -> None:
    (tmp_path / "f").write_bytes(bytes(size))
    manner = Manner(blksize=1432, windowsize=window, rate=1e9, seconds=2, retries=2)
    async with serving(tmp_path) as served:
        assert await read("127.0.0.1", served.port, "f", manner, source="127.16.0.9") == size
        report = await served.report()
    assert (report.outcome, report.size, report.peer) == ("done", size, "127.16.0.9")


async def test_at_the_machines_own_rate(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(100_000))
    slow = Manner(blksize=1432, windowsize=4, rate=200_000, seconds=0.2, retries=0)
    began = asyncio.get_running_loop().time()
    async with serving(tmp_path) as served:
        assert await read("127.0.0.1", served.port, "f", slow) == 100_000
    assert asyncio.get_running_loop().time() - began > 0.45


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        with pytest.raises(TftpLost, match="none"):
            await read("127.0.0.1", served.port, "none", QUICK)


async def test_a_server_that_says_nothing_is_asked_three_times() -> None:
    with peer() as silent:
        with pytest.raises(TftpLost, match="no answer in 3 times"):
            await read("127.0.0.1", silent.port, "f", QUICK)
        asked = [await silent.receive() for _ in range(3)]
    assert {datagram for datagram, _ in asked} == {Reading("f", blksize=1432, windowsize=4).request}


async def test_what_was_not_heard_is_said_again() -> None:
    with peer() as server:
        reading = asyncio.create_task(read("127.0.0.1", server.port, "f", QUICK))
        _, machine = await server.receive()
        await server.send(encode_data(1, bytes(512)), machine)
        assert (await server.receive())[0] == encode_ack(1)
        assert (await server.receive())[0] == encode_ack(1)
        await server.send(encode_data(2, b"rest"), machine)
        assert await reading == 516
