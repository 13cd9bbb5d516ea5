"""The doors together: both open or neither, what they say, what they tell."""

import asyncio
import ctypes
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tftpy import TftpClient
from tftpy.TftpShared import TftpException

from bootsrv.doors import Doors
from bootsrv.tftp.files import TftpFiles
from engine.app import PureBoot
from engine.core.events import Kind
from engine.errors import Forbidden, NotFound, Unavailable
from tests.conftest import Opener

NET_BIND_SERVICE = 10
FIRST_FREE_PORT = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())


@asynccontextmanager
async def opened(opener: Opener, url: str, tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[PureBoot, Doors]]:
    """A PureBoot with its doors, and loaders of its own."""
    folder = tmp_path / "loaders"
    folder.mkdir(exist_ok=True)
    for name in ("undionly.kpxe", "ipxe.efi", "snponly.efi", "localboot.efi"):
        (folder / name).write_bytes(name.encode())
    async with opener(url, **{"files__loaders": str(folder), **settings}) as pureboot, Doors(pureboot) as doors:
        yield pureboot, doors


async def _get(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.read()


async def test_both_doors_open_and_close(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opened(opener, sqlite_url, tmp_path) as (pureboot, doors):
        host, port = doors.tftp_address or ("", 0)
        assert (host, doors.transfers, doors.api_url) == ("127.0.0.1", (), None)
        assert pureboot.server.url == doors.http_url
        assert pureboot.server.tftp_url == f"tftp://127.0.0.1:{port}"
        status, body = await _get(f"{doors.http_url}/health/ready")
        assert status == 200
        assert f"127.0.0.1 port {port}".encode() in body
        assert await _get(f"{doors.http_url}/boot/ipxe.efi") == (200, b"ipxe.efi")
        await asyncio.to_thread(TftpClient("127.0.0.1", port).download, "/ipxe.efi", str(tmp_path / "got"))
        assert (tmp_path / "got").read_bytes() == b"ipxe.efi"
        assert pureboot.settings.files.dir.is_dir()
        (begin,) = await pureboot.events_after(0)
        assert begin.kind is Kind.SERVER_STARTED
        assert begin.data == {
            "http_url": doors.http_url,
            "api_url": None,
            "tftp": f"127.0.0.1:{port}",
            "server_url": doors.http_url,
        }
        url = doors.http_url
    with pytest.raises(aiohttp.ClientConnectorError):
        await _get(f"{url}/health")
    async with opener(sqlite_url) as pureboot:
        assert [event.kind for event in await pureboot.events_after(0)] == [Kind.SERVER_STARTED, Kind.SERVER_STOPPED]


async def test_administrators_can_have_a_door_of_their_own(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opened(opener, sqlite_url, tmp_path, api__port=0) as (_, doors):
        assert doors.api_url is not None
        assert doors.api_url != doors.http_url
        assert (await _get(f"{doors.api_url}/api/v1/nodes"))[0] == 200
        assert (await _get(f"{doors.http_url}/api/v1/nodes"))[0] == 404
        assert (await _get(f"{doors.http_url}/boot.ipxe"))[0] == 200
        assert doors.api_url in doors.notices[0]


async def test_tftp_can_be_off(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opened(opener, sqlite_url, tmp_path, tftp__enabled=False) as (pureboot, doors):
        assert (doors.tftp_address, doors.transfers, pureboot.server.tftp_url) == (None, (), "")
        assert (await _get(f"{doors.http_url}/health/ready"))[0] == 200


@contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    with closing(socket.socket(socket.AF_INET, kind)) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        yield other.getsockname()[1]


def _sockets() -> set[str]:
    links = (str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize(
    ("kind", "setting"),
    [(socket.SOCK_DGRAM, "tftp"), (socket.SOCK_STREAM, "http"), (socket.SOCK_STREAM, "api")],
)
async def test_a_taken_port_is_named_and_nothing_stays_open(
    sqlite_url: str, opener: Opener, kind: socket.SocketKind, setting: str
) -> None:
    with taken(kind) as port:
        async with opener(sqlite_url, **{f"{setting}__port": port}) as pureboot:
            sockets = _sockets()
            with pytest.raises(Unavailable) as refused:
                async with Doors(pureboot):
                    pytest.fail("it is open")
            assert f"port {port}: another program does" in str(refused.value)
            assert f"{setting}.port" in str(refused.value)
            assert _sockets() == sockets
            names = {task.get_name() for task in asyncio.all_tasks()}
            assert not names & {"http-accept", "api-accept", "http-bells", "make-localboot"}
            assert await pureboot.events_after(0) == []


class _Data(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


@contextmanager
def without(capability: int) -> Iterator[None]:
    """This thread without a capability, if it has it: root is then as an ordinary user where that is asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = _Header(0x20080522, 0), (_Data * 2)()
    assert libc.capget(ctypes.byref(header), ctypes.byref(data)) == 0
    before = data[0].effective
    data[0].effective &= ~(1 << capability)
    assert libc.capset(ctypes.byref(header), ctypes.byref(data)) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        data[0].effective = before
        assert libc.capset(ctypes.byref(header), ctypes.byref(data)) == 0


async def test_tftp_goes_to_6969_where_69_is_not_permitted_and_says_so(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    assert FIRST_FREE_PORT > 69, (
        "every user may bind port 69 here (net.ipv4.ip_unprivileged_port_start): nothing to test"
    )
    with without(NET_BIND_SERVICE):
        async with opened(opener, sqlite_url, tmp_path, tftp__port=None, tftp__host="127.0.0.69") as (_, doors):
            assert doors.tftp_address == ("127.0.0.69", 6969)
            assert any("TFTP listens on port 6969, for 69 is not permitted here" in each for each in doors.notices)
        async with opener(sqlite_url, tftp__port=68) as pureboot:
            with pytest.raises(Unavailable, match="need root or the capability"):
                async with Doors(pureboot):
                    pytest.fail("it is open")


async def test_what_somebody_should_know_is_said(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opened(opener, sqlite_url, tmp_path, auth__mode="strict") as (_, doors):
        assert doors.notices == []
    async with opened(opener, sqlite_url, tmp_path) as (_, doors):
        assert doors.notices == [
            f"auth.mode is loose: whoever reaches {doors.http_url} may change everything without a token"
        ]


async def test_nodes_are_told_what_the_setting_says(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    url = "http://boot.example:8080"
    async with opened(opener, sqlite_url, tmp_path, server__url=url) as (pureboot, doors):
        assert pureboot.server.url == url
        assert pureboot.server.tftp_url == f"tftp://boot.example:{(doors.tftp_address or ('', 0))[1]}"
        assert doors.http_url.startswith("http://127.0.0.1:")


async def test_a_door_that_is_open_to_all_has_an_address_to_be_told(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    async with opened(opener, sqlite_url, tmp_path, http__host="0.0.0.0") as (_, doors):
        assert "0.0.0.0" not in doors.http_url
        assert (await _get(f"{doors.http_url}/health"))[0] == 200


async def test_tftp_serves_the_root_and_loaders_by_their_bare_names(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    root = tmp_path / "tftp"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "menu").write_bytes(b"menu")
    (root / "snponly.efi").write_bytes(b"the site's own")
    (tmp_path / "elsewhere").write_bytes(b"linked")
    async with opened(opener, sqlite_url, tmp_path, tftp__root=str(root)) as (_, doors):
        linked = tmp_path / "loaders" / "ipxe.efi"
        linked.unlink()
        linked.symlink_to("../elsewhere")  # as Debian's package has it
        (tmp_path / "loaders" / "private").write_bytes(b"private")
        files = TftpFiles(doors.loaders, root)

        async def content(name: str) -> bytes:
            return (await files(name))[:]

        assert await content("sub/menu") == b"menu"
        assert await content("snponly.efi") == b"the site's own"
        assert await content("\\undionly.kpxe") == b"undionly.kpxe"
        assert await content("ipxe.efi") == b"linked"
        for name in ("private", "loaders/undionly.kpxe", "sub", "nothing"):
            with pytest.raises(NotFound):
                await content(name)
        for name in ("../loaders/private", "x\0"):
            with pytest.raises(Forbidden):
                await content(name)
        client = TftpClient("127.0.0.1", (doors.tftp_address or ("", 0))[1])
        with pytest.raises(TftpException, match="File not found"):
            await asyncio.to_thread(client.download, "private", str(tmp_path / "got"))


async def test_an_engine_that_is_elsewhere_is_no_fault(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with opened(opener, sqlite_url, tmp_path, tftp__enabled=False) as (host, doors):
        assert host.engine_runs
        _, body = await _get(f"{doors.http_url}/health/ready")
        assert b"performs the steps" in body
        async with opener(sqlite_url, host=False) as guest:
            assert not guest.engine_runs
