"""Large files by the sender's thread: whole, in parts, side by side; and whoever does not take them to the end."""

import asyncio
import hashlib
import os
import socket
import threading
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from bootsrv.http import sender
from bootsrv.http.sender import Sender
from engine.app import PureBoot
from tests.bootsrv.http_support import Client, eventually, serving
from tests.bootsrv.test_http_listener import GET, connected
from tests.bootsrv.test_http_quick import answer

SIZE = 24 * 1024 * 1024 + 17


@pytest.fixture
def large(pureboot: PureBoot) -> bytes:
    """What is in the file `large`."""
    folder = pureboot.settings.files.dir
    folder.mkdir(parents=True, exist_ok=True)
    content = os.urandom(SIZE)
    (folder / "large").write_bytes(content)
    return content


def running() -> bool:
    return any(thread.name == "http-sender" for thread in threading.enumerate())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def deaf(client: Client, path: str) -> socket.socket:
    """A client that asks and takes nothing."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asking.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(asking, client.listener.address)
    await loop.sock_sendall(asking, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return asking


async def test_many_get_all_of_it_side_by_side(pureboot: PureBoot, large: bytes) -> None:
    digest = hashlib.sha256(large).digest()
    async with serving(pureboot) as client:
        answers = await asyncio.gather(*(client.get("/files/large") for _ in range(8)))
        assert [hashlib.sha256(each.body).digest() for each in answers] == [digest] * 8
        assert running()


@pytest.mark.parametrize(("first", "last"), [(0, SIZE - 1), (5, SIZE - 6), (1024 * 1024 - 1, 20_000_000)])
async def test_a_part_of_it(pureboot: PureBoot, large: bytes, first: int, last: int) -> None:
    async with serving(pureboot) as client:
        found = await client.get("/files/large", headers={"Range": f"bytes={first}-{last}"})
    assert found.status == 206
    assert found.body == large[first : last + 1]


async def test_the_connection_goes_on_after_it(pureboot: PureBoot, large: bytes) -> None:
    async with serving(pureboot) as client, connected(client.listener.address, 1) as (one,):
        one[1].write(b"GET /files/large HTTP/1.1\r\nHost: x\r\n\r\n" + GET)  # the second is read behind the first
        assert (await answer(one))[2] == large
        assert (await answer(one))[0] == b"HTTP/1.1 200 OK"


async def test_whoever_hangs_up_holds_nobody_up_and_leaves_nothing(pureboot: PureBoot, large: bytes) -> None:
    async with serving(pureboot) as client:
        await client.get("/files/large")
        before = descriptors()
        lost = [await deaf(client, "/files/large") for _ in range(5)]
        await eventually(lambda: len(client.site.pace.takers) == 1 and client.site.pace.transfers == 5)
        assert (await client.get("/files/large")).body == large
        for each in lost:
            each.close()
        await eventually(lambda: client.site.pace.transfers == 0)
        await eventually(lambda: descriptors() <= before)


async def test_a_file_that_became_shorter_breaks_the_connection_off(pureboot: PureBoot, large: bytes) -> None:
    async with serving(pureboot) as client:
        with closing(await deaf(client, "/files/large")) as slow:
            await eventually(lambda: client.site.pace.transfers == 1)
            os.truncate(pureboot.settings.files.dir / "large", 1000)
            got, loop = 0, asyncio.get_running_loop()
            async with asyncio.timeout(20):
                try:
                    while piece := await loop.sock_recv(slow, 1 << 20):
                        got += len(piece)
                except ConnectionError:
                    pass
        assert got < SIZE
        await eventually(lambda: client.site.pace.transfers == 0)


async def test_the_doors_close_although_somebody_takes_nothing(pureboot: PureBoot, large: bytes) -> None:
    async with serving(pureboot) as client:
        slow = await deaf(client, "/files/large")
        await eventually(lambda: client.site.pace.transfers == 1)
    with closing(slow):
        await eventually(lambda: client.site.pace.transfers == 0)


async def test_the_thread_ends_when_nothing_is_to_be_sent_and_comes_back(
    pureboot: PureBoot, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await eventually(lambda: not running())
    monkeypatch.setattr(sender, "_IDLE_SECONDS", 0.05)
    async with serving(pureboot) as client:
        for _ in range(2):
            assert len((await client.get("/files/large")).body) == SIZE
            await eventually(lambda: not running())


async def test_without_the_thread_it_is_sent_as_well(
    pureboot: PureBoot, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_SHARE", 10**9)  # no descriptors for it
    async with serving(pureboot) as client:
        assert (await client.get("/files/large")).body == large


async def test_a_transport_that_is_gone_is_not_begun() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1")
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        transport = cast("asyncio.Transport", writer.transport)
        transport.abort()
        await eventually(lambda: transport.get_extra_info("socket").fileno() < 0)
        assert not await Sender().send(transport, 0, 0, 1)
