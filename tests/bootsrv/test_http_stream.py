"""The live event log with the clients that people use: aiohttp, curl, and one that does not read."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bootsrv.http.site import Limits
from engine.app import PureBoot
from engine.core.events import Kind
from tests.bootsrv.http_support import MAC, Client, eventually, node, serving
from tests.conftest import Opener

PATH = "/api/v1/events/stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event of a stream, or a comment."""

    id: str = ""
    event: str = ""
    data: Any = None
    comment: str | None = None


class Stream:
    """A stream of server-sent events as a client reads it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> Told | None:
        """The next event or comment; None at the end."""
        found: dict[str, str] = {}
        async with asyncio.timeout(10):
            while line := (await self.response.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(":")
                if line == "\n" and found:
                    break
                if line != "\n":
                    found[name] = value.strip()
        if not found:
            return None
        if "" in found:
            return Told(comment=found[""])
        if "retry" in found:
            return await self.next()
        return Told(id=found.get("id", ""), event=found["event"], data=json.loads(found["data"]))

    async def events(self, count: int) -> list[Told]:
        """So many events; comments are passed over."""
        found: list[Told] = []
        while len(found) < count:
            told = await self.next()
            assert told is not None, "the stream ended"
            if told.comment is None:
                found.append(told)
        return found

    async def end(self) -> Any:
        """What the last event says; after it nothing comes."""
        while (told := await self.next()) is not None:
            if told.event == "end":
                assert await self.next() is None
                return told.data
        raise AssertionError("it ended without a word")


@asynccontextmanager
async def following(client: Client, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if client.token:
        given["Authorization"] = f"Bearer {client.token}"
    async with client.session.get(f"{client.url}{PATH}{query}", headers=given) as response:
        assert response.status == 200, await response.text()
        yield Stream(response)


def _names(told: list[Told]) -> list[str]:
    return [each.data["data"]["name"] for each in told]


async def test_a_reader_that_was_cut_off_goes_on_where_it_was(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        for at in range(3):
            await client.post("/api/v1/groups", {"name": f"g{at}"})
        async with following(client, "?after=0") as first:
            seen = await first.events(2)
        assert _names(seen) == ["g0", "g1"]
        # A browser comes back to the address it was given at first, with what it has seen in a header.
        async with following(client, "?after=0", Last_Event_ID=seen[-1].id) as again:
            await client.post("/api/v1/groups", {"name": "g3"})
            assert _names(await again.events(2)) == ["g2", "g3"]
        beyond = await client.get(f"{PATH}?after=99999")
        assert "the newest is" in beyond.problem(409)["detail"]
        assert "after" in (await client.get(f"{PATH}?after=x")).wrong()
        assert "heartbeat" in (await client.get(f"{PATH}?heartbeat=0")).wrong()


async def test_none_is_lost_and_none_told_twice_while_many_are_written(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:

        async def write() -> None:
            for at in range(300):
                await pureboot.note(Kind.GROUP_CREATED, name=f"g{at}")

        writing = asyncio.create_task(write())
        cursor = "0"
        names: list[str] = []
        while len(names) < 300:  # a link that breaks all the time
            async with following(client, "?after=0", Last_Event_ID=cursor) as stream:
                told = await stream.events(min(37, 300 - len(names)))
                names += _names(told)
                cursor = told[-1].id
        await writing
        assert names == [f"g{at}" for at in range(300)]


async def test_a_change_that_is_no_event_is_a_comment(pureboot: PureBoot) -> None:
    await node(pureboot)
    async with serving(pureboot) as client, following(client, "?heartbeat=60") as stream:
        await client.post("/api/v1/report", {"mac_address": MAC, "vendor": "ACME"})
        while (told := await stream.next()) is not None and told.comment != "columns":
            assert told.event == "node.reported"
        assert told is not None


async def test_curl_follows_and_is_told_that_the_server_stops(pureboot: PureBoot) -> None:
    async with serving(pureboot) as client:
        await client.post("/api/v1/groups", {"name": "one"})
        curl = await asyncio.create_subprocess_exec(
            "curl", "-sSN", "-H", "Last-Event-ID: 0", client.url + PATH, stdout=asyncio.subprocess.PIPE
        )
        assert curl.stdout is not None
        assert await curl.stdout.readuntil(b'"name": "one"') is not None
        await client.listener.close()
        rest, _ = await curl.communicate()
        assert b'event: end\ndata: {"reason": "stopping"' in rest
        assert curl.returncode == 0


async def test_one_token_may_not_take_all_the_places(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url, auth__mode="strict") as pureboot:
        tokens = [(await pureboot.access.create(name, "viewer", by="user:test")).secret for name in ("a", "b", "c")]
        async with serving(pureboot, limits=Limits(event_readers=3, event_readers_each=2)) as client:
            mine, yours, theirs = (client.with_token(token) for token in tokens)
            async with following(mine), following(mine):
                refused = await mine.get(PATH)
                assert "token:a follows the events 2 times" in refused.problem(429)["detail"]
                assert refused.headers["Retry-After"] == "5"
                async with following(yours):
                    (await theirs.get(PATH)).problem(503)
            await eventually(lambda: not client.site.readers)


async def test_a_stream_ends_with_its_token(sqlite_url: str, opener: Opener) -> None:
    async with opener(sqlite_url, auth__mode="strict") as pureboot:
        token = (await pureboot.access.create("short", "viewer", by="user:test")).secret
        agent = (await pureboot.access.create("robot", "agent", by="user:test")).secret
        async with serving(pureboot) as client:
            (await client.with_token(agent).get(PATH)).problem(403)
            async with following(client.with_token(token)) as stream:
                await pureboot.access.revoke("short", by="user:test")
                assert (await stream.end())["reason"] == "access_ended"


async def test_a_slow_reader_is_dropped_with_a_reason_and_takes_no_memory(
    pureboot: PureBoot, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(pureboot, limits=Limits(event_seconds=0.3)) as client:
        for _ in range(30):
            await pureboot.note(Kind.GROUP_CREATED, name="x" * 500_000)
        reader, writer = await asyncio.open_connection(*client.listener.address, limit=2**16)
        writer.write(f"GET {PATH}?after=0 HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await eventually(lambda: "takes nothing: dropped" in caplog.text)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        got = await reader.read()  # within its time of grace it reads on, and is told
        assert b'event: end\ndata: {"reason": "slow_reader"' in got[-300:]
        assert len(got) < 15_000_000  # of fifteen million, what the kernel and one socket hold
        writer.close()
        await eventually(lambda: not client.site.readers)


async def test_a_reader_that_is_only_slow_gets_everything(pureboot: PureBoot) -> None:
    async with serving(pureboot, limits=Limits(event_seconds=0.2)) as client:
        for _ in range(16):
            await pureboot.note(Kind.GROUP_CREATED, name="x" * 500_000)
        reader, writer = await asyncio.open_connection(*client.listener.address, limit=2**16)
        writer.write(f"GET {PATH}?after=0 HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        got = 0
        while got < 8_000_000:
            piece = await reader.read(400_000)
            assert piece, got
            got += len(piece)
            await asyncio.sleep(0.01)
        writer.close()
