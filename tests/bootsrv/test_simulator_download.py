"""How simulated machines read files: every form of an answer, at their own rate, and in little memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bootsrv.simulator.download import ROOM, Manner, Unspoken, download

BIG = bytes(3 * len(ROOM) + 17)


@asynccontextmanager
async def answering(answer: bytes, *, stays: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives this answer to whoever asks; its URL, and the requests that came."""
    asked: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if stays:
            await over.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
        over.set()


def manner(counted: list[int], *, rate: float = 1e12, stall: float = 10.0) -> Manner:
    return Manner(rate=rate, keep=8, stall=stall, agent="iPXE/1", source="127.16.0.5", count=counted.append)


@pytest.mark.parametrize(
    ("answer", "status", "beginning"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n0123456789", 200, b"01234567"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404, b"no"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BIG), BIG), 200, bytes(8)),
    ],
)
async def test_an_answer(answer: bytes, status: int, beginning: bytes) -> None:
    counted: list[int] = []
    async with answering(answer) as (url, asked):
        assert await download(f"{url}/a%20b?c=d", manner(counted)) == (status, beginning)
    assert sum(counted) == len(answer)
    lines = asked[0].decode().split("\r\n")
    assert lines[0] == "GET /a%20b?c=d HTTP/1.1"
    assert {f"Host: {url[7:]}", "User-Agent: iPXE/1", "Connection: close"} <= set(lines)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "before the end"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "before the end"),
        (b"", "before the end"),
        (b"SSH-2.0-x\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 good\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4000, "does not end"),
    ],
)
async def test_what_is_no_whole_answer(answer: bytes, why: str) -> None:
    async with answering(answer) as (url, _):
        with pytest.raises(OSError, match=why):
            await download(url, manner([]))


async def test_what_is_left_to_another_client() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") as (url, _):
        with pytest.raises(Unspoken):
            await download(url, manner([]))
    with pytest.raises(Unspoken):
        await download("https://127.0.0.1/", manner([]))


async def test_a_server_that_stops_in_the_middle() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", stays=True) as (url, _):
        with pytest.raises(TimeoutError, match="nothing came for"):
            await download(url, manner([], stall=0.3))


async def test_at_the_machines_own_rate_which_is_no_silence() -> None:
    loop = asyncio.get_running_loop()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BIG), BIG)
    async with answering(answer) as (url, _):
        began = loop.time()
        assert (await download(url, manner([], rate=len(BIG), stall=0.1)))[0] == 200
    assert loop.time() - began > 0.6


async def test_many_at_once_each_with_its_own_beginning() -> None:
    async def one(number: int) -> None:
        body = f"{number:08}".encode() + BIG
        async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)) as (url, _):
            assert await download(url, manner([])) == (200, f"{number:08}".encode())

    await asyncio.gather(*(one(number) for number in range(20)))


async def test_nobody_listens(unused_tcp_port: int) -> None:
    with pytest.raises(OSError, match="Connect"):
        await download(f"http://127.0.0.1:{unused_tcp_port}/", manner([]))
