"""Large files to many connections at once: every byte, in turns, and nothing left behind by those who go."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from bootsrv.http.outlet import SLICE, Outlet
from engine.app import PureBoot
from tests.bootsrv.http_support import eventually, serving

MIB = 1024 * 1024
SIZE = 8 * MIB
NOISE = random.Random(5).randbytes(SIZE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "noise"
    path.write_bytes(NOISE)
    return path


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[asyncio.Transport, socket.socket]]:
    """A connection: our end as asyncio has it, the other as a socket that is read by hand, both with small buffers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        other = socket.create_connection(listening.getsockname())
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        ours, _ = listening.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    other.setblocking(False)
    transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, ours)
    try:
        yield transport, other
    finally:
        transport.abort()
        other.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def pairs_of(count: int) -> AsyncIterator[list[tuple[asyncio.Transport, socket.socket]]]:
    """Many connections."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(pair()) for _ in range(count)]


def open_files() -> int:
    """How many this process has."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - paths are not wanted


async def taken(other: socket.socket, count: int) -> bytes:
    """So many bytes of the other end."""
    got = bytearray()
    while len(got) < count:
        piece = await asyncio.get_running_loop().sock_recv(other, min(MIB, count - len(got)))
        assert piece
        got += piece
    return bytes(got)


async def test_the_bytes_that_were_asked_for(file: Path) -> None:
    outlet, first = Outlet(), 12_345
    async with pair() as (transport, other):
        with file.open("rb") as opened:
            sending = asyncio.create_task(outlet.send(transport, opened.fileno(), first, SIZE - first))
            got = await taken(other, SIZE - first)
            await sending
    assert sha256(got).digest() == sha256(NOISE[first:]).digest()


async def test_nothing_at_all(file: Path) -> None:
    async with pair() as (transport, _):
        with file.open("rb") as opened:
            await Outlet().send(transport, opened.fileno(), SIZE, 0)


async def test_one_that_takes_nothing_keeps_nobody_waiting(file: Path) -> None:
    outlet = Outlet()
    async with pair() as (lazy, _), pair() as (transport, other):
        with file.open("rb") as opened:
            stuck = asyncio.create_task(outlet.send(lazy, opened.fileno(), 0, SIZE))
            sending = asyncio.create_task(outlet.send(transport, opened.fileno(), 0, SIZE))
            assert await asyncio.wait_for(taken(other, SIZE), 20) == NOISE
            await sending
            assert not stuck.done()
            stuck.cancel()
            await asyncio.gather(stuck, return_exceptions=True)


async def test_others_come_between_two_turns_however_many_wait_for_theirs(file: Path) -> None:
    outlet, count, passed = Outlet(turn_seconds=0), 20, 0
    async with pairs_of(count) as pairs:
        with file.open("rb") as opened:
            sendings = [asyncio.create_task(outlet.send(ours, opened.fileno(), 0, SIZE)) for ours, _ in pairs]
            reading = asyncio.gather(*(taken(other, SIZE) for _, other in pairs))
            while not reading.done():
                await asyncio.sleep(0)
                passed += 1
            assert await reading == [NOISE] * count
            await asyncio.gather(*sendings)
    assert passed >= count * SIZE // SLICE


async def test_a_client_that_goes_ends_its_sending_and_leaves_nothing_open(file: Path) -> None:
    outlet, before = Outlet(), open_files()
    with file.open("rb") as opened:
        async with pair() as (transport, other):
            sending = asyncio.create_task(outlet.send(transport, opened.fileno(), 0, SIZE))
            await taken(other, SLICE)
            other.close()
            with pytest.raises(OSError, match=r"reset|pipe|gone"):
                await asyncio.wait_for(sending, 10)
    await eventually(lambda: open_files() <= before)


async def test_a_transport_that_is_closed_is_not_written_to(file: Path) -> None:
    """Its descriptor may be another connection's by then."""
    outlet = Outlet()
    async with pair() as (transport, other):
        with file.open("rb") as opened:
            sending = asyncio.create_task(outlet.send(transport, opened.fileno(), 0, SIZE))
            await taken(other, SLICE)
            transport.abort()
            await asyncio.sleep(0)
            await drained(other)
            with pytest.raises(ConnectionResetError, match="gone"):
                await asyncio.wait_for(sending, 10)


async def drained(other: socket.socket) -> None:
    """Take what is on its way, so that there is room again."""
    try:
        while await asyncio.get_running_loop().sock_recv(other, MIB):
            pass
    except ConnectionResetError:
        pass


async def test_a_file_that_becomes_shorter(file: Path) -> None:
    outlet = Outlet()
    async with pair() as (transport, other):
        with file.open("rb") as opened:
            sending = asyncio.create_task(outlet.send(transport, opened.fileno(), 0, SIZE))
            await taken(other, SLICE)
            os.truncate(file, MIB)
            reading = asyncio.create_task(drained(other))
            with pytest.raises(ConnectionResetError, match="shorter"):
                await asyncio.wait_for(sending, 10)
            reading.cancel()


async def test_over_http_with_clients_that_leave_in_the_middle(pureboot: PureBoot) -> None:
    below = pureboot.settings.files.dir
    below.mkdir(parents=True, exist_ok=True)
    (below / "big").write_bytes(NOISE)
    async with serving(pureboot) as client:
        await client.get("/health")
        before = open_files()

        async def leave() -> None:
            reader, writer = await asyncio.open_connection(*client.listener.address, limit=65536)
            writer.write(b"GET /files/big HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readexactly(100_000)
            writer.transport.abort()

        answers = asyncio.gather(*(client.get("/files/big") for _ in range(6)))
        await asyncio.gather(*(leave() for _ in range(20)))
        assert [each.body == NOISE for each in await answers] == [True] * 6
        ranged = await client.get("/files/big", headers={"Range": f"bytes=100-{SIZE - 7}"})
        assert ranged.body == NOISE[100 : SIZE - 6]
        await eventually(lambda: not client.site.pace.takers)
        await eventually(lambda: open_files() <= before + 14)  # the kept connections, both ends
