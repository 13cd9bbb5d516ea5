"""Which ports transfers have, windows and netascii over real sockets, rates, and what is opened at once."""

import asyncio
import time
from pathlib import Path

import pytest

from bootsrv.tftp.allowance import Allowance, Allowances
from bootsrv.tftp.frames import Content
from bootsrv.tftp.netascii import Netascii
from tests.bootsrv.tftp_peers import (
    Address,
    ack,
    begin,
    download,
    error,
    parsed,
    peer,
    request,
    run,
    served_still,
    serving,
)
from tests.programs import program

CONTENT = bytes(range(256)) * 12  # six blocks and an empty one
RANGE = range(45100, 45104)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "x").write_bytes(CONTENT)
    return folder


# --- a range


async def test_transfers_have_ports_of_the_range(files: Path) -> None:
    async with serving(files, ports=(RANGE[0], RANGE[-1])) as served:
        seen = set()
        for _ in range(12):
            with peer() as asking:
                _, transfer = await asking.ask(request("x", tsize="0"), served.address)
                await asking.send(b"\0\5\0\0only asking\0", transfer)
                await served.report()
                _, refusal = await asking.ask(b"\0\2x\0octet\0", served.address)
                await served.report()
            seen |= {transfer[1], refusal[1]}
        assert seen == set(RANGE)


async def test_without_a_free_port_of_the_range_a_request_is_dropped(files: Path) -> None:
    with peer("127.0.0.1", RANGE[1]):  # another program has one of them
        async with serving(files, ports=(RANGE[0], RANGE[2])) as served:
            with peer() as one, peer() as two, peer() as three:
                transfers = [await begin(one, served), await begin(two, served)]
                assert {transfer[1] for transfer in transfers} == {RANGE[0], RANGE[2]}
                await three.send(request("x"), served.address)
                await asyncio.sleep(0)
                await one.send(b"\0\5\0\0enough\0", transfers[0])
                await served.report()
                assert served.server.dropped == 1
                assert await download(three, served.address, "x") == CONTENT


# --- one port


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::", "0.0.0.0"])
async def test_one_port_serves_all(files: Path, host: str) -> None:
    asked = {"::": "::ffff:127.0.0.5", "0.0.0.0": "127.0.0.5"}.get(host, host)
    async with serving(files, host=host, single_port=True) as served:
        server: Address = (asked, served.port)
        with peer(host if ":" in host else "127.0.0.1") as asking, peer("::" if ":" in host else "127.0.0.2") as other:
            for datagram in (request("x", blksize="1024"), b"\0\2x\0octet\0", request("missing")):
                _, sender = await other.ask(datagram, server)
                assert sender[:2] == server
                if datagram[1] == 2:
                    await other.send(b"\0\5\0\0enough\0", server)
            assert await download(asking, server, "x", windowsize="1") == CONTENT
            assert await download(asking, server, "x", blksize="100") == CONTENT
        endings = [(await served.report()).outcome for _ in range(5)]
        assert sorted(endings) == ["done", "done", "probed", "refused", "refused"]
        assert served.server.transfers == ()


async def test_many_transfers_share_one_port(files: Path) -> None:
    async with serving(files, single_port=True) as served:

        async def boot(index: int) -> bytes:
            with peer(f"127.0.1.{index % 32 + 1}") as machine:
                return await download(machine, served.address, "x", tsize="0")

        got = await asyncio.gather(*(boot(index) for index in range(128)))
    assert set(got) == {CONTENT}


async def test_strangers_get_nothing_from_the_one_port(files: Path) -> None:
    async with serving(files, single_port=True) as served:
        with peer() as asking, peer() as stranger:
            transfer = await begin(asking, served)
            for datagram in (ack(1), b"\0\5\0\0stop\0", b"junk"):
                await stranger.send(datagram, transfer)
            assert error((await stranger.ask(request("missing"), served.address))[0])[0] == 1
            assert (await asking.ask(ack(1), transfer))[0] == b"\0\3\0\2" + CONTENT[512:1024]
        assert served.server.dropped == 3


# --- after a while only the peer is heard


async def test_a_long_transfer_hears_its_peer_only(files: Path) -> None:
    (files / "long").write_bytes(CONTENT * 20)
    async with serving(files) as served:
        with peer() as asking, peer() as stranger:
            _, transfer = await asking.ask(request("long"), served.address)
            for block in range(1, 60):
                answer, _ = await asking.ask(ack(block), transfer)
                await stranger.send(ack(block + 1), transfer)
                await stranger.send(b"\0\5\0\0stop\0", transfer)
                assert answer == b"\0\3" + (block + 1).to_bytes(2) + (CONTENT * 20)[block * 512 : block * 512 + 512]
            await asking.send(b"\0\5\0\3disk full\0", transfer)
            report = await served.report()
    assert (report.outcome, report.sent) == ("failed", 59 * 512)
    assert report.message == "the peer ended it with error 3: disk full"


# --- windows, over real sockets


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("blksize", "windowsize"), [(1428, 16), (8, 64), (1468, 64), (512, 2)])
async def test_a_window_comes_whole(files: Path, blksize: int, windowsize: int, single: bool) -> None:
    async with serving(files, single_port=single, max_blksize=1468) as served:
        with peer() as asking:
            options = {"blksize": str(blksize), "windowsize": str(windowsize)}
            datagram, transfer = await asking.ask(request("x", **options), served.address)
            assert parsed(datagram).options == options
            last, got, block = len(CONTENT) // blksize + 1, b"", 0
            while block < last:
                await asking.send(ack(block), transfer)
                for expected in range(block + 1, min(block + windowsize, last) + 1):
                    packet = parsed((await asking.receive())[0])
                    assert packet.blocknumber == expected
                    got += packet.data
                block = min(block + windowsize, last)
            await asking.send(ack(last), transfer)
            assert (await served.report()).outcome == "done"
    assert got == CONTENT


async def test_blocks_that_fit_into_no_frame_go_alone(files: Path) -> None:
    """Loopback takes 64 KiB in a frame; more than one such block cannot be handed over at once."""
    (files / "long").write_bytes(CONTENT * 100)
    async with serving(files, max_blksize=65464) as served:
        with peer() as asking:
            _, transfer = await asking.ask(request("long", blksize="65464", windowsize="3"), served.address)
            await asking.send(ack(0), transfer)
            for block in (1, 2, 3):
                assert (await asking.receive())[0][:4] == b"\0\3\0" + bytes([block])


async def test_atftp_reads_with_windows(files: Path, tmp_path: Path) -> None:
    atftp = program("atftp")
    (files / "long").write_bytes(CONTENT * 300)
    async with serving(files) as served:
        for options in ((), ("--option", "windowsize 8"), ("--option", "blksize 1428", "--option", "windowsize 16")):
            command = (atftp, *options, "-g", "-r", "long", "-l", "got", "127.0.0.1", str(served.port))
            code, printed = await run(*command, folder=tmp_path)
            assert (code, (tmp_path / "got").read_bytes() == CONTENT * 300) == (0, True), printed
            assert (await served.report()).outcome == "done"


# --- netascii


@pytest.mark.parametrize("text", [b"", b"a\nb\r\nc\rd", b"\n" * 70_000, bytes(range(256)) * 300, b"\r" * 40_000])
def test_netascii_is_the_same_in_any_pieces(text: bytes) -> None:
    whole = text.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
    content = Netascii(text)
    assert len(content) == len(whole)
    for size in (7, 512, 1468, 40_000):
        assert b"".join(content[at : at + size] for at in range(0, len(whole), size)) == whole
    assert content[10:20] == whole[10:20]


async def test_tftp_hpa_reads_text(files: Path, tmp_path: Path) -> None:
    tftp = program("tftp")
    text = "".join(f"line {number}\n" for number in range(5000)).encode()
    (files / "text").write_bytes(text)
    async with serving(files) as served:
        command = (tftp, "-m", "ascii", "127.0.0.1", str(served.port), "-c", "get", "text", "got")
        assert await run(*command, folder=tmp_path) == (0, "")
        report = await served.report()
    assert (tmp_path / "got").read_bytes() == text
    assert (report.outcome, report.size) == ("done", len(text) + 5000)


# --- rates


def test_an_allowance_fills_with_time() -> None:
    allowance = Allowance(10, 2)
    assert [allowance.take(0) for _ in range(3)] == [True, True, False]
    assert [allowance.take(0.1) for _ in range(2)] == [True, False]
    assert allowance.borrow(0.1, 5) == pytest.approx(0.5)
    assert allowance.borrow(10, 1) == 0


def test_allowances_are_remembered_within_bounds() -> None:
    allowances = Allowances(1, 1, remembered=100)
    assert allowances.of("a").take(0)
    for other in range(99):
        allowances.of(str(other))
    assert not allowances.of("a").take(0)
    for other in range(1000):
        allowances.of(f"b{other}")
    assert len(allowances) == 100
    assert allowances.of("a").take(0)  # forgotten meanwhile


async def test_an_address_gets_no_more_than_its_rate(files: Path) -> None:
    (files / "long").write_bytes(bytes(200_000))
    async with serving(files, max_rate=400_000) as served:

        async def boot(host: str) -> float:
            begun = time.monotonic()
            with peer(host) as machine:
                assert len(await download(machine, served.address, "long", blksize="1428")) == 200_000
            return time.monotonic() - begun

        slow = await asyncio.gather(*(boot("127.0.0.2") for _ in range(2)), boot("127.0.0.3"))
    # 100 kB at once, the rest of 400 kB (200 kB) as the rate has it
    assert max(slow[:2]) >= 0.7
    assert slow[2] >= 0.2
    assert max(slow) < 5


async def test_who_asks_too_often_gets_no_answer(files: Path) -> None:
    async with serving(files, max_requests=5) as served:
        with peer() as asking:
            for _ in range(40):
                await asking.send(b"\0\2x\0octet\0", served.address)
            await served_still(served)
            assert served.server.dropped == 20
            for _ in range(20):
                assert error((await asking.receive())[0])[0] == 2


# --- what is opened


async def test_few_are_opened_at_once_and_all_in_the_end() -> None:
    opened, most, full, go_on = 0, 0, asyncio.Event(), asyncio.Event()

    async def slowly(_name: str) -> Content:
        nonlocal opened, most
        opened += 1
        most = max(most, opened)
        if opened == 32:
            full.set()
        await go_on.wait()
        opened -= 1
        return CONTENT

    async with serving(slowly, max_per_peer=100) as served:

        async def boot() -> bytes:
            with peer() as machine:
                return await download(machine, served.address, "x")

        boots = [asyncio.ensure_future(boot()) for _ in range(100)]
        await full.wait()
        with peer("127.0.0.2") as last:  # when it is answered, those before it have been heard
            await last.ask(b"\0\2x\0octet\0", served.address)
        assert len(served.server.transfers) == 100
        go_on.set()
        assert set(await asyncio.gather(*boots)) == {CONTENT}
    assert most == 32


async def test_what_is_in_memory_is_not_asked_for_again(files: Path) -> None:
    asked = []

    async def once(name: str) -> Content:
        asked.append(name)
        return CONTENT

    async with serving(once, at_once=lambda request: CONTENT if asked else None) as served:
        with peer() as asking:
            for _ in range(3):
                assert await download(asking, served.address, "x") == CONTENT
    assert asked == ["x"]
