"""Fetching from servers that are slow, break off, lead astray or lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from engine.app import PureBoot
from engine.blobs.download import Manners, check_url
from engine.errors import Conflict, Invalid, NotFound, PureBootError, Unavailable
from engine.services.shelving import NewFile, Shelved
from tests.services.files_support import ADA, blobs_on_disk, digest

CONTENT = bytes(range(256)) * 20_000
TAG = '"one"'
HASTE = Manners(connect_seconds=5, stall_seconds=0.5, tries=3, pause_seconds=0.01)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Servers:
    """A server whose every request is handled by what the test says; `asked` are the ranges it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.handler: Handler | None = None
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("Range", ""))
        assert self.handler is not None
        return await self.handler(request)

    async def send(
        self, request: web.Request, *, most: int | None = None, tag: str = TAG, content: bytes = CONTENT
    ) -> web.StreamResponse:
        """Send the part that is asked for; after `most` bytes the connection breaks."""
        said = request.headers.get("Range")
        begin = int(said.removeprefix("bytes=").rstrip("-")) if said and request.headers.get("If-Range") == tag else 0
        response = web.StreamResponse(status=206 if begin else 200, headers={"ETag": tag, "Accept-Ranges": "bytes"})
        if begin:
            response.headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        response.content_length = len(content) - begin
        await response.prepare(request)
        part = content[begin:] if most is None else content[begin : begin + most]
        await response.write(part)
        if most is not None and request.transport is not None:
            await asyncio.sleep(0.05)
            request.transport.abort()
        return response


@pytest.fixture
async def server() -> AsyncIterator[Servers]:
    served = Servers()
    app = web.Application()
    app.router.add_get("/{path:.*}", served.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/boot/linux"
    yield served
    await runner.cleanup()


async def fetch(pureboot: PureBoot, url: str, sha256: str | None = None) -> Shelved:
    new = NewFile(name="kernel", filename="", type="kernel", sha256=sha256)
    return await pureboot.files.fetch(url, new, by=ADA, manners=HASTE)


async def test_a_file_is_fetched(pureboot: PureBoot, server: Servers) -> None:
    server.handler = server.send
    made = await fetch(pureboot, server.url, digest(CONTENT))
    assert (made.version.filename, made.version.blob) == ("linux", digest(CONTENT))
    with pytest.raises(Conflict, match="already"):
        await fetch(pureboot, server.url, digest(CONTENT))
    assert server.asked == [""]  # what is here is not fetched again


async def test_a_connection_that_breaks_is_taken_up_where_it_broke(pureboot: PureBoot, server: Servers) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await server.send(request, most=2_000_000 if len(server.asked) < 3 else None)

    server.handler = handler
    assert (await fetch(pureboot, server.url, digest(CONTENT))).version.size_bytes == len(CONTENT)
    assert len(server.asked) == 3
    begins = [int(said.removeprefix("bytes=").rstrip("-")) for said in server.asked[1:]]
    assert 0 < begins[0] < begins[1] < len(CONTENT)


async def test_a_file_that_was_changed_meanwhile_is_begun_anew(pureboot: PureBoot, server: Servers) -> None:
    other = CONTENT[::-1]

    async def handler(request: web.Request) -> web.StreamResponse:
        if len(server.asked) == 1:
            return await server.send(request, most=1_500_000)
        return await server.send(request, tag='"two"', content=other)

    server.handler = handler
    assert (await fetch(pureboot, server.url)).version.blob == digest(other)


async def test_another_part_than_was_asked_for_is_not_taken(pureboot: PureBoot, server: Servers) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if len(server.asked) == 1:
            return await server.send(request, most=1_500_000)
        if len(server.asked) == 2:
            headers = {"Content-Range": f"bytes 7-9/{len(CONTENT)}"}
            return web.Response(status=206, body=b"lie", headers=headers)
        return await server.send(request)

    server.handler = handler
    assert (await fetch(pureboot, server.url)).version.blob == digest(CONTENT)


async def test_who_never_gets_on_gives_up_and_leaves_nothing(pureboot: PureBoot, server: Servers) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 10
        await response.prepare(request)
        await asyncio.sleep(3)
        return response

    server.handler = handler
    with pytest.raises(Unavailable, match="cannot be fetched"):
        await fetch(pureboot, server.url)
    assert len(server.asked) == 3
    assert blobs_on_disk(pureboot) == set()
    assert list((pureboot.files.depot.root / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [(404, NotFound, "nothing at"), (403, Unavailable, "answered 403"), (500, Unavailable, "answered 500")],
)
async def test_what_a_server_refuses_is_said(
    pureboot: PureBoot, server: Servers, status: int, error: type[PureBootError], said: str
) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    server.handler = handler
    with pytest.raises(error, match=said):
        await fetch(pureboot, server.url)


async def test_redirects_are_followed_but_not_for_ever(pureboot: PureBoot, server: Servers) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/round":
            raise web.HTTPFound("/round")
        if request.path == "/astray":
            raise web.HTTPFound("file:///etc/passwd")
        if request.path != "/there":
            raise web.HTTPFound("/there")
        return await server.send(request)

    server.handler = handler
    assert (await fetch(pureboot, server.url)).version.blob == digest(CONTENT)
    base = server.url.removesuffix("/boot/linux")
    with pytest.raises(Invalid, match="more than 5 times"):
        await fetch(pureboot, f"{base}/round")
    with pytest.raises(Invalid, match="begins with http"):
        await fetch(pureboot, f"{base}/astray")


@pytest.mark.parametrize("said", [True, False])
async def test_a_file_without_end_is_refused(sqlite_url: str, opener: object, server: Servers, said: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if said:
            return await server.send(request)
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 20))

    server.handler = handler
    async with opener(sqlite_url, host=False, files__max_bytes="3M") as pureboot:  # type: ignore[operator]
        with pytest.raises(Conflict, match=r"more than 3\.1 MB"):
            await fetch(pureboot, server.url)
        assert list((pureboot.files.depot.root / "tmp").iterdir()) == []


async def test_a_wrong_checksum_leaves_nothing(pureboot: PureBoot, server: Servers) -> None:
    server.handler = server.send
    with pytest.raises(Invalid, match="changed or broken on the way"):
        await fetch(pureboot, server.url, "0" * 64)
    assert blobs_on_disk(pureboot) == set()


@pytest.mark.parametrize("url", ["", "x", "ftp://x/y", "file:///etc/passwd", "http://", "http:///x", "http://[x/"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(Invalid, match="no URL"):
        check_url(url)


def test_names_come_from_the_path(tmp_path: Path) -> None:
    from engine.blobs.download import filename_of

    assert filename_of("http://x/a/b%20c.iso?d=e") == "b c.iso"
    assert filename_of("http://x/") == ""
