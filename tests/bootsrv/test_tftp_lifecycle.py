"""The TFTP server's start and end, what it tells of its transfers, and sources and listeners that fail."""

import asyncio
import errno
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bootsrv.tftp.frames import Content
from bootsrv.tftp.server import Asked, TftpServer, TransferReport
from bootsrv.tftp.transfer import Timing
from engine.errors import Conflict, Unavailable
from tests.bootsrv.tftp_peers import Address, ack, begin, download, error, parsed, peer, request, served_still, serving

CONTENT = bytes(range(256)) * 12  # six blocks and an empty one
SILENT = Timing(first=0.02, least=0.02, most=0.02, repeats=2)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "x").write_bytes(CONTENT)
    return folder


# --- what is told of it


async def test_a_live_transfer_and_its_report(files: Path) -> None:
    async with serving(_always(CONTENT)) as served:
        with peer() as asking:
            datagram, transfer = await asking.ask(request("x\\y", blksize="1024"), served.address)
            assert parsed(datagram).options == {"blksize": "1024"}
            await asking.ask(ack(0), transfer)
            await asking.ask(ack(1), transfer)
            (live,) = served.server.transfers
            assert (live.peer, live.port, live.name) == ("127.0.0.1", asking.port, "x\\y")
            assert (live.size, live.sent, live.started_at.utcoffset()) == (3072, 1024, timedelta(0))
            await asking.send(b"\0\5\0\3disk full\x1b\0", transfer)
            report = await served.report()
            assert served.server.transfers == ()
    assert (report.outcome, report.message) == ("failed", r"the peer ended it with error 3: disk full\x1b")
    assert (report.peer, report.size, report.sent, report.started_at) == (live.peer, 3072, 1024, live.started_at)
    assert timedelta(0) <= report.finished_at - report.started_at < timedelta(seconds=10)


async def test_firmware_that_asks_for_the_size_is_no_failure(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(files) as served:
        with peer() as asking:
            datagram, transfer = await asking.ask(request("x", tsize="0", blksize="1468"), served.address)
            assert parsed(datagram).options == {"tsize": "3072", "blksize": "1468"}
            await asking.send(b"\0\5\0\x08User aborted the transfer\0", transfer)
            report = await served.report()
            assert (report.outcome, report.message) == ("probed", "")
            assert await download(asking, served.address, "x", tsize="0", blksize="1468") == CONTENT
            assert (await served.report()).outcome == "done"
    assert not caplog.records  # nothing at warning or above


async def test_a_silent_peer_is_given_up(files: Path) -> None:
    async with serving(files, timing=SILENT) as served:
        with peer() as asking:
            transfer = await begin(asking, served)
            assert await asking.ask(ack(1), transfer) == (b"\0\3\0\2" + CONTENT[512:1024], transfer)
            report = await served.report()
            repeats = [await asking.receive() for _ in range(2)]
            assert set(repeats) == {(b"\0\3\0\2" + CONTENT[512:1024], transfer)}
    assert (report.outcome, report.sent) == ("failed", 512)
    assert report.message == "no answer to block 2 after 2 repeats"


async def test_the_timer_follows_the_measured_round_trip(files: Path) -> None:
    """Before the first answer a repeat is an hour away; after it, moments."""
    async with serving(files, timing=Timing(first=3600, least=0.02, most=3600)) as served:
        with peer() as asking:
            transfer = await begin(asking, served)
            second, _ = await asking.ask(ack(1), transfer)
            assert await asking.receive() == (second, transfer)


# --- sources and listeners that fail


def _always(content: Content) -> Any:
    async def open_file(_name: str) -> Content:
        return content

    return open_file


class _Rotten:
    """Content whose third block cannot be read."""

    def __len__(self) -> int:
        return 5000

    def __getitem__(self, part: "slice[Any, Any, Any]") -> bytes:
        if part.start >= 1024:
            raise OSError(errno.EIO, "/srv/secret/path: I/O error")
        return bytes(part.stop - part.start)


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (Unavailable("ask again in a moment"), "ask again in a moment"),
        (OSError(errno.EIO, "/srv/secret/path"), "the server could not open the file; its log says why"),
        (TimeoutError(), "the file could not be read in time"),
    ],
)
async def test_a_source_that_fails_ends_one_request(files: Path, raised: Exception, text: str) -> None:
    async def open_file(_name: str) -> Content:
        raise raised

    async with serving(open_file) as served:
        with peer() as asking:
            for _ in range(2):
                assert error((await asking.ask(request("x"), served.address))[0]) == (0, text)
                assert (await served.report()).outcome == "refused"


async def test_content_that_cannot_be_read_ends_one_transfer() -> None:
    async with serving(_always(_Rotten())) as served:
        with peer() as asking, peer() as other:
            transfer, others = await begin(asking, served), await begin(other, served)
            await asking.ask(ack(1), transfer)
            assert error((await asking.ask(ack(2), transfer))[0]) == (0, "the server could not read the file")
            assert (await served.report()).outcome == "failed"
            assert (await other.ask(ack(1), others))[0][:4] == b"\0\3\0\2"


async def test_a_listener_that_fails_is_no_harm(files: Path) -> None:
    def fail(_report: TransferReport) -> None:
        raise RuntimeError("listener")

    server = TftpServer(_always(CONTENT), host="127.0.0.1", port=0, on_report=fail)
    await server.start()
    with peer() as asking:
        for _ in range(2):
            assert await download(asking, server.address, "x") == CONTENT
    await server.close()


# --- start and end


async def test_a_port_in_use_is_said_clearly(files: Path) -> None:
    async with serving(files) as served:
        second = TftpServer(_always(CONTENT), host="127.0.0.1", port=served.port)
        with pytest.raises(Unavailable) as refused:
            await second.start()
        assert refused.value.message.startswith(f"TFTP cannot listen on 127.0.0.1 port {served.port}: another program")
        assert f"sport = :{served.port}" in refused.value.message
        await second.close()
        await served_still(served)


@pytest.mark.parametrize(
    ("host", "said"),
    [("203.0.113.1", "not an address of this machine"), ("no-such-name.invalid", "the name has no address")],
)
async def test_an_address_of_others_is_said_clearly(host: str, said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        await TftpServer(_always(CONTENT), host=host, port=0).start()


async def test_a_port_that_is_not_permitted_is_said_clearly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Played, since root may do anything."""

    def bind(_socket: socket.socket, _address: Address) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(Unavailable, match=r"port 69: ports below 1024 need root or .* tftp.port to 6969"):
        await TftpServer(_always(CONTENT), host="127.0.0.1", port=69).start()


async def test_closing_tells_the_peers_and_frees_the_port(files: Path) -> None:
    async def never(_asked: Asked) -> Content:
        await asyncio.Event().wait()
        return b""

    told: list[TransferReport] = []
    server = TftpServer(never, host="127.0.0.1", port=0, on_report=told.append)
    await server.start()
    with pytest.raises(Conflict):
        await server.start()
    address = server.address
    with peer() as asking, peer() as other:
        await asking.send(request("x"), address)
        await other.ask(b"\0\2x\0octet\0", address)
        await server.close()
        assert error((await asking.receive())[0]) == (0, "the server was stopped")
    assert [(report.outcome, report.message) for report in told[1:]] == [("failed", "the server was stopped")]
    assert server.transfers == ()
    with pytest.raises(Conflict):
        _ = server.address
    await server.close()
    again = TftpServer(_always(CONTENT), host="127.0.0.1", port=address[1])
    await again.start()
    with peer() as asking:
        assert await download(asking, again.address, "x") == CONTENT
    await again.close()
