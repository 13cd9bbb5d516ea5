"""The listening socket: how many, how slow, how long."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest
from aiohttp import web

from bootsrv.http.listener import Listener
from bootsrv.http.site import Limits
from engine.app import PureBoot
from engine.errors import Conflict, Unavailable
from tests.bootsrv.http_support import eventually, serving

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def connected(address: tuple[str, int], count: int, source: str = "127.0.0.1") -> AsyncIterator[list[Connection]]:
    """Connections that say nothing."""
    opened = [await asyncio.open_connection(*address, local_addr=(source, 0)) for _ in range(count)]
    try:
        yield opened
    finally:
        for _, writer in opened:
            writer.close()


async def _until(listener: Listener, connections: int) -> None:
    await eventually(lambda: listener.connections == connections)


async def _asked(connection: Connection) -> bytes:
    reader, writer = connection
    writer.write(GET)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0]))
    return head


async def test_one_address_cannot_take_all_connections(pureboot: PureBoot, caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(per_address=3, local_is_free=False)
    async with serving(pureboot, limits=limits) as client:
        address = client.listener.address
        async with connected(address, 3, "127.0.0.2") as greedy:
            await _until(client.listener, 3)
            async with connected(address, 5, "127.0.0.2") as more, connected(address, 1, "127.0.0.3") as other:
                for reader, _ in more:
                    assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
                assert (await _asked(other[0])).startswith(b"HTTP/1.1 200 ")
                assert (await _asked(greedy[0])).startswith(b"HTTP/1.1 200 ")
            assert client.listener.turned_away == 5
        await _until(client.listener, 0)
        async with connected(address, 1, "127.0.0.2") as again:
            assert (await _asked(again[0])).startswith(b"HTTP/1.1 200 ")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1  # a flood does not fill the log
    assert "127.0.0.2 has 3 connections already" in warnings[0].getMessage()


async def test_those_who_come_together_are_counted_one_by_one(pureboot: PureBoot) -> None:
    limits = Limits(per_address=3, connections=5, local_is_free=False)
    async with serving(pureboot, limits=limits) as client:
        address, loop = client.listener.address, asyncio.get_running_loop()
        asking = [  # while the loop stands still, so that all of them wait to be accepted
            socket.create_connection(address, source_address=(f"127.0.0.{2 + number % 3}", 0)) for number in range(12)
        ]
        try:
            await eventually(lambda: client.listener.turned_away == 7)
            assert client.listener.connections == 5
            for each in asking:
                each.setblocking(False)
                await loop.sock_sendall(each, GET)
            answers = [await loop.sock_recv(each, 12) for each in asking[:5]]
            assert answers == [b"HTTP/1.1 200"] * 5
        finally:
            for each in asking:
                each.close()


async def test_all_together_cannot_take_more_than_there_are(pureboot: PureBoot) -> None:
    async with serving(pureboot, limits=Limits(connections=4)) as client:
        async with connected(client.listener.address, 4):
            await _until(client.listener, 4)
            async with connected(client.listener.address, 1) as fifth:
                assert (await fifth[0][0].read()).startswith(b"HTTP/1.1 503 ")
        await _until(client.listener, 0)
        assert (await client.get("/health")).status == 200


async def test_this_machine_may_have_many(pureboot: PureBoot) -> None:
    limits = Limits(per_address=2)
    async with serving(pureboot, limits=limits) as client, connected(client.listener.address, 10) as many:
        assert [(await _asked(each)).startswith(b"HTTP/1.1 200 ") for each in many] == [True] * 10


@pytest.mark.parametrize("said", [b"", b"GET /heal", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_request_that_does_not_come_is_not_waited_for(pureboot: PureBoot, said: bytes) -> None:
    async with (
        serving(pureboot, limits=Limits(header_seconds=0.3)) as client,
        connected(client.listener.address, 1) as slow,
    ):
        reader, writer = slow[0]
        writer.write(said)
        async with asyncio.timeout(5):
            assert await reader.read() == b""


async def test_a_header_that_drips_is_cut_all_the_same(pureboot: PureBoot) -> None:
    async with (
        serving(pureboot, limits=Limits(header_seconds=0.4)) as client,
        connected(client.listener.address, 1) as slow,
    ):
        reader, writer = slow[0]
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ")

        async def drip() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        try:
            async with asyncio.timeout(5):
                assert await reader.read() == b""
        except ConnectionError:
            pass  # the next drop found the door shut
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not(pureboot: PureBoot) -> None:
    async with (
        serving(pureboot, limits=Limits(header_seconds=0.3)) as client,
        connected(client.listener.address, 1) as one,
    ):
        for _ in range(3):
            await _asked(one[0])
        async with asyncio.timeout(5):
            assert await one[0][0].read() == b""


async def test_a_peer_that_takes_nothing_is_cut_off(pureboot: PureBoot) -> None:
    """It keeps its window shut and acknowledges every probe, for ever if nobody counts."""
    folder = pureboot.settings.files.dir
    folder.mkdir()
    with (folder / "large").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    async with serving(pureboot, limits=Limits(stall_seconds=0.5)) as client:
        with closing(socket.socket()) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            await asyncio.get_running_loop().sock_connect(deaf, client.listener.address)
            await asyncio.get_running_loop().sock_sendall(deaf, b"GET /files/large HTTP/1.1\r\nHost: x\r\n\r\n")
            await _until(client.listener, 1)
            await _until(client.listener, 0)
        assert (await client.get("/health")).status == 200


async def test_a_client_that_asks_to_be_waited_for_and_hangs_up_is_no_fault(
    pureboot: PureBoot, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /api/v1/report HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    async with serving(pureboot) as client:
        for _ in range(20):
            async with connected(client.listener.address, 1) as one:
                one[0][1].write(head)
                await one[0][1].drain()
                one[0][1].transport.abort()
        await _until(client.listener, 0)
        assert (await client.get("/health")).status == 200
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_pipelined_requests_are_answered_in_order(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client, connected(client.listener.address, 1) as one:
        reader, writer = one[0]
        writer.write(GET.replace(b"/health", b"/nothing") + GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        rest = await reader.readuntil(b"\r\n\r\n")
        assert b"HTTP/1.1 200 " in rest


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("192.0.2.200", "not an address of this machine"),
        ("no-such-host.invalid", "the name has no address"),
    ],
)
async def test_where_it_cannot_listen_it_says_what_to_do(host: str, says: str) -> None:
    listener = Listener(web.Application(), host=host, port=0, setting="http", limits=Limits())
    with pytest.raises(Conflict):
        _ = listener.address
    with pytest.raises(Unavailable, match=r"http\.host") as error:
        await listener.start()
    assert says in str(error.value)


async def test_a_port_in_use_is_named_with_its_setting() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listener = Listener(web.Application(), host="127.0.0.1", port=port, setting="api", limits=Limits())
        with pytest.raises(Unavailable) as error:
            await listener.start()
    assert f"127.0.0.1 port {port}: another program does (`ss -ltnp sport = :{port}` names it)" in str(error.value)
    assert "api.port (PUREBOOT_API__PORT)" in str(error.value)


async def test_the_port_can_be_taken_up_again_at_once(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        host, port = client.listener.address
        async with connected((host, port), 1) as one:
            await _asked(one[0])
            await client.listener.close()
            again = Listener(web.Application(), host=host, port=port, setting="http", limits=Limits())
            await again.start()
            assert again.address == (host, port)
            await again.close()
