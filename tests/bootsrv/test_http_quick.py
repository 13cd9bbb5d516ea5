"""The script for iPXE past aiohttp: the same answers as with it; a connection becomes aiohttp's when it must."""

import asyncio
import random
import threading
from email.parser import BytesHeaderParser

import pytest

from bootsrv.http.site import Limits
from engine.app import PureBoot
from tests.bootsrv.http_support import INSTALL, MAC, Client, eventually, installed, node, serving, started
from tests.bootsrv.test_http_boot import boot_files
from tests.bootsrv.test_http_listener import GET, Connection, connected

AGENT = "iPXE/1.0.0+git-20190125.36a4c85-5.1"


def question(query: str = f"mac={MAC}&platform=efi&arch=x86_64", *more: str, agent: str = AGENT) -> bytes:
    """As iPXE writes it."""
    lines = ("Connection: keep-alive", f"User-Agent: {agent}", "Host: 192.0.2.1:8080", *more)
    return f"GET /boot.ipxe?{query} HTTP/1.1\r\n".encode() + "".join(f"{each}\r\n" for each in lines).encode() + b"\r\n"


async def answer(connection: Connection) -> tuple[bytes, dict[str, str], bytes]:
    """Status line, header fields and body."""
    reader, _ = connection
    async with asyncio.timeout(10):
        status, _, fields = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
        headers = dict(BytesHeaderParser().parsebytes(fields).items())
        return status, headers, await reader.readexactly(int(headers["Content-Length"]))


async def asked(connection: Connection, data: bytes) -> tuple[bytes, dict[str, str], bytes]:
    connection[1].write(data)
    return await answer(connection)


async def by_both(client: Client, data: bytes) -> list[tuple[bytes, dict[str, str], bytes]]:
    """What is answered if the question comes in one piece, and if it comes in two, which is aiohttp's to read."""
    async with connected(client.listener.address, 2) as (one, other):
        quick = await asked(one, data)
        await eventually(lambda: client.listener.quick_connections == 2)  # those of before have ended
        other[1].write(data[:20])
        await eventually(lambda: client.listener.quick_connections == 1)
        slow = await asked(other, data[20:])
    for _, headers, _ in (quick, slow):
        headers.pop("Date")
    return [quick, slow]


@pytest.mark.parametrize(
    "query",
    [
        f"mac={MAC}&platform=efi&arch=x86_64",
        f"mac={MAC.upper().replace(':', '-')}&manufacturer=Dell%20Inc.&product=R%2B+1&serial=%FFFFFFC3%A4&again=true",
        f"mac={MAC}&mac=52:54:00:00:00:99&hostname=&x&=y&choice=enrol",
        "mac=&uuid=",
        "mac=52:54:00:00:00:77",
        "mac=nonsense",
        "mac=%00%0aecho&platform=%zz",
    ],
)
async def test_both_ways_say_the_same(pureboot: PureBoot, query: str) -> None:
    boot_files(pureboot)
    await node(pureboot, vendor="Dell Inc.")
    await started(pureboot, INSTALL)
    async with serving(pureboot) as client:
        await by_both(client, question(query))  # asked a second time nobody is new
        quick, slow = await by_both(client, question(query))
    assert quick[0] == b"HTTP/1.1 200 OK"
    assert quick == slow
    assert quick[2].startswith(b"#!ipxe\n")


@pytest.mark.parametrize(
    "said",
    [
        question(agent="curl/7"),
        question(f"mac={MAC}", "Expect: 100-continue"),
        question(f"mac={MAC}", "Content-Length: 0"),
        question(f"mac={MAC}", "Host: two"),
        question(f"mac={MAC}").replace(b"192.0.2.1:8080", b"a/b"),
        question(f"mac={MAC}").replace(b"1.1\r\n", b"1.0\r\n"),
        question(f"mac={MAC}").replace(b"GET", b"HEAD"),
        question(f"mac={MAC}").replace(b"boot.ipxe?", b"health?"),
        question(f"mac={MAC}#x"),
        question("x" * 3000 + f"&mac={MAC}", "X-Long: " + "y" * 2000),
        b"GET /boot.ipxe?mac=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n",
        b"\0",
    ],
)
async def test_anything_else_is_for_aiohttp(pureboot: PureBoot, said: bytes) -> None:
    async with serving(pureboot) as client, connected(client.listener.address, 1) as one:
        await eventually(lambda: client.listener.quick_connections == 1)
        one[0][1].write(said)
        await eventually(lambda: client.listener.quick_connections == 0)


async def test_an_error_is_a_problem_to_whoever_can_read_it(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        (await client.get("/boot.ipxe?mac=nonsense")).problem(422)


async def test_a_connection_is_kept_and_goes_over_to_aiohttp_in_order(pureboot: PureBoot) -> None:
    await installed(pureboot)
    async with serving(pureboot) as client, connected(client.listener.address, 1) as (one,):
        for _ in range(3):
            assert b"boots its disk" in (await asked(one, question()))[2]
        assert client.listener.quick_connections == 1
        one[1].write(question())
        one[1].write(GET + question())  # comes while the first is answered, or in one piece with it
        bodies = [(await answer(one))[2] for _ in range(3)]
        assert [b"#!ipxe" in body for body in bodies] == [True, False, True]
        assert client.listener.quick_connections == 0
        assert b"boots its disk" in (await asked(one, question()))[2]


async def test_many_questions_at_once_are_all_answered_in_order(pureboot: PureBoot) -> None:
    await installed(pureboot)
    async with serving(pureboot) as client, connected(client.listener.address, 1) as (one,):
        one[1].write(question())
        await asyncio.sleep(0)
        for _ in range(50):
            one[1].write(question())
        for _ in range(51):
            assert (await answer(one))[0] == b"HTTP/1.1 200 OK"


async def test_it_ends_when_the_client_wants_it(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client, connected(client.listener.address, 1) as (one,):
        said = question().replace(b"keep-alive", b"close")
        assert (await asked(one, said))[1]["Connection"] == "close"
        async with asyncio.timeout(5):
            assert await one[0].read() == b""
        await eventually(lambda: client.listener.quick_connections == 0)


async def test_one_that_asks_nothing_more_is_closed(pureboot: PureBoot) -> None:
    async with (
        serving(pureboot, limits=Limits(header_seconds=0.3)) as client,
        connected(client.listener.address, 1) as (one,),
    ):
        await asked(one, question())
        async with asyncio.timeout(5):
            assert await one[0].read() == b""


async def test_whoever_hangs_up_gets_no_answer_and_the_trace_says_so(pureboot: PureBoot) -> None:
    await installed(pureboot)
    async with serving(pureboot) as client:
        async with connected(client.listener.address, 1) as (one,):
            one[1].write(question())
            one[1].transport.abort()
        await eventually(lambda: client.listener.connections == 0)

        async def outcomes() -> list[str]:
            listed = (await client.get(f"/api/v1/nodes/{MAC}/trace")).data
            return [line["outcome"] for line in listed]

        async with asyncio.timeout(10):
            while not (found := await outcomes()):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        assert found == ["failed"]


async def test_an_answer_under_way_is_given_before_the_doors_close(pureboot: PureBoot) -> None:
    await installed(pureboot)
    held = threading.Event()
    async with serving(pureboot) as client, connected(client.listener.address, 2) as (one, idle):
        await eventually(lambda: client.listener.quick_connections == 2)
        holding = asyncio.ensure_future(pureboot.context.database.write(lambda _: held.wait(10)))
        one[1].write(question())
        await eventually(lambda: any(task.get_name() == "http-quick" for task in asyncio.all_tasks()))
        closing = asyncio.ensure_future(client.listener.close())
        async with asyncio.timeout(5):
            assert await idle[0].read() == b""
        held.set()
        assert b"boots its disk" in (await answer(one))[2]
        await asyncio.gather(closing, holding)
        assert await one[0].read() == b""
        assert client.listener.quick_connections == 0


async def test_what_nobody_would_send_leaves_the_door_open(pureboot: PureBoot) -> None:
    chance = random.Random(4)
    whole = question()
    async with serving(pureboot) as client:
        for _ in range(300):
            said = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                said[chance.randrange(len(said))] = chance.randrange(256)
            async with connected(client.listener.address, 1) as (one,):
                one[1].write(bytes(said[: chance.randint(1, len(said))]))
                await one[1].drain()
        async with connected(client.listener.address, 1) as (one,):
            assert (await asked(one, whole))[0] == b"HTTP/1.1 200 OK"
        await eventually(lambda: client.listener.connections == 0)
        assert client.listener.quick_connections == 0
