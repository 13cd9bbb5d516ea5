"""The TFTP server against peers that are wrong, hostile, silent or in the way, datagram by datagram."""

import asyncio
import errno
import logging
import random
import socket
from pathlib import Path

import pytest

from bootsrv.tftp.exchange import LOOP_PORTS
from bootsrv.tftp.frames import Content
from bootsrv.tftp.sockets import transfer_socket
from bootsrv.tftp.transfer import Timing
from tests.bootsrv.tftp_peers import Address, ack, begin, download, error, parsed, peer, request, served_still, serving

CONTENT = bytes(range(256)) * 12  # six blocks and an empty one
SILENT = Timing(first=0.02, least=0.02, most=0.02, repeats=2)
PATIENT = Timing(first=60, most=60)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "x").write_bytes(CONTENT)
    return folder


# --- what is refused


@pytest.mark.parametrize(
    ("datagram", "code", "text"),
    [
        (b"\0\1missing\0octet\0", 1, "there is no file missing"),
        (b"\0\1\0octet\0", 1, "no file was named"),
        (b"\0\1/\0octet\0", 1, "no file was named"),
        (b"\0\1../x\0octet\0", 2, "../x: '..' is not allowed in a file name"),
        (b"\0\1..\\..\\x\0octet\0", 2, "..\\..\\x: '..' is not allowed in a file name"),
        (b"\0\1/x/../../x\0octet\0", 2, "/x/../../x: '..' is not allowed in a file name"),
        (b"\0\1a\x1b[2J\n\0octet\0", 2, r"a\x1b[2J\n: a file name may not contain control characters"),
        (b"\0\1x\0mail\0", 4, "only the modes octet and netascii are served, not mail"),
        (b"\0\1x\0m\x1b[2J\0", 4, r"only the modes octet and netascii are served, not m\x1b[2j"),
        (b"\0\2x\0octet\0", 2, "this server takes no files"),
        (b"\0\1x", 4, "shorter than any TFTP packet"),
        (b"\0\1x\0octet", 4, "the last string is not ended by a NUL"),
        (b"\0\1" + b"x" * 1500, 4, "a request may have 512 bytes at most"),
    ],
)
async def test_a_refusal_says_why(
    files: Path, datagram: bytes, code: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bootsrv")
    async with serving(files) as served:
        with peer() as asking:
            assert error((await asking.ask(datagram, served.address))[0]) == (code, text)
        report = await served.report()
        await served_still(served)
    assert (report.outcome, report.message, report.size, report.sent) == ("refused", text, None, 0)
    assert report.name.isprintable()
    assert len([record for record in caplog.records if "refused" in record.message]) == 1
    assert all(record.message.isprintable() for record in caplog.records)
    assert (files / "x").read_bytes() == CONTENT


async def test_what_is_no_request_gets_no_answer(files: Path) -> None:
    others = [b"", b"\0", b"\0\3\0\1data", b"\0\4\0\1", b"\0\5\0\1no\0", b"\0\6tsize\0001\0", b"\0\7x\0", b"\xff" * 9]
    async with serving(files) as served:
        with peer() as asking:
            for datagram in others:
                await asking.send(datagram, served.address)
            first, _ = await asking.ask(request("missing"), served.address)
        assert error(first)[0] == 1
        assert served.server.dropped == len(others)


async def test_ports_that_answer_whatever_comes_get_nothing(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {0, 7, 13, 17, 19, 53, 69, 123} == LOOP_PORTS
    async with serving(files) as served:
        with peer() as asking:  # these ports can be bound by root only, so another stands for them
            monkeypatch.setattr("bootsrv.tftp.server.LOOP_PORTS", LOOP_PORTS | {asking.port})
            for datagram in (request("x"), request("missing"), b"\0\2x\0octet\0", b"\0\1"):
                await asking.send(datagram, served.address)
            await served_still(served)
            monkeypatch.undo()
            assert error((await asking.ask(request("missing"), served.address))[0])[0] == 1
        assert served.server.dropped == 4


async def test_a_request_to_all_is_not_answered(files: Path) -> None:
    async with serving(files, host="0.0.0.0") as served:
        with peer(broadcast=True) as asking:
            await asking.send(request("x"), ("127.255.255.255", served.port))
            await served_still(served)
            assert error((await asking.ask(request("missing"), ("127.0.0.1", served.port)))[0])[0] == 1
        assert served.server.dropped == 1


async def test_refusals_are_limited(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootsrv.tftp.server.REFUSALS_AT_ONCE", 5.0)
    monkeypatch.setattr("bootsrv.tftp.server.REFUSALS_PER_SECOND", 0.001)
    async with serving(files) as served:
        with peer() as asking:
            for _ in range(10):
                await asking.send(b"\0\2x\0octet\0", served.address)
            for _ in range(10):
                await asking.send(request("missing"), served.address)
            await served_still(served)
            assert [error((await asking.receive())[0])[0] for _ in range(5)] == [2] * 5
            assert await download(asking, served.address, "x") == CONTENT  # and nothing came in between
        assert (await served.report()).outcome == "done"
        assert served.server.dropped >= 6  # a request again while one is being dealt with is not counted
        assert served.server.transfers == ()


# --- whose transfer it is


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.77"])
async def test_a_stranger_is_told_and_disturbs_nothing(files: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(files) as served:
        with peer() as asking, peer(host) as stranger:
            transfer = await begin(asking, served)
            for datagram in (ack(1), ack(7), b"\0\3\0\1data"):
                assert error((await stranger.ask(datagram, transfer))[0]) == (5, "no transfer of yours")
            for datagram in (b"\0\5\0\0stop\0", b"junk", b"", b"\0\1x\0octet\0"):
                await stranger.send(datagram, transfer)
            with monkeypatch.context() as patched, peer() as looping:
                patched.setattr("bootsrv.tftp.exchange.LOOP_PORTS", LOOP_PORTS | {looping.port})
                await looping.send(ack(1), transfer)
                assert error((await stranger.ask(ack(1), transfer))[0])[0] == 5
                await looping.send(request("missing"), served.address)
                assert error((await looping.receive())[0])[0] == 1
            answer, sender = await asking.ask(ack(1), transfer)
            assert (answer, sender) == (b"\0\3\0\2" + CONTENT[512:1024], transfer)
            assert error((await stranger.ask(ack(1), transfer))[0])[0] == 5  # the next it hears: the others got nothing


async def test_a_stranger_is_not_told_for_ever(files: Path) -> None:
    async with serving(files) as served:
        with peer() as asking, peer() as stranger:
            transfer = await begin(asking, served)
            for _ in range(100):
                await stranger.send(ack(1), transfer)
            await asking.ask(ack(1), transfer)
            answers = [await stranger.receive() for _ in range(8)]
            await stranger.send(request("missing"), served.address)
            answers.append(await stranger.receive())
        assert [error(datagram)[0] for datagram, _ in answers] == [5] * 8 + [1]


async def test_it_answers_from_the_address_that_was_asked(files: Path) -> None:
    async with serving(files, host="0.0.0.0") as served:
        for host in ("127.0.0.1", "127.0.0.5", "127.1.2.3"):
            with peer() as asking:
                _, transfer = await asking.ask(request("x"), (host, served.port))
                _, refusal = await asking.ask(b"\0\2x\0octet\0", (host, served.port))
            assert (transfer[0], refusal[0]) == (host, host)
    async with serving(files, host="::") as served:
        for host in ("::ffff:127.0.0.5", "::1"):
            with peer("::") as asking:
                _, transfer = await asking.ask(request("x"), (host, served.port))
            assert transfer[0] == host


async def test_a_block_fits_into_a_frame(files: Path) -> None:
    for host, blksize in (("127.0.0.1", 1468), ("::1", 1448)):
        async with serving(files, host=host) as served:
            with peer(host) as asking:
                datagram, _ = await asking.ask(request("x", blksize="65464"), served.address)
        assert parsed(datagram).options == {"blksize": str(blksize)}


# --- the same request again


async def test_a_repeated_request_gets_the_same_first_packet(files: Path) -> None:
    async with serving(files) as served:
        with peer() as asking:
            first = await asking.ask(request("x", tsize="0"), served.address)
            for _ in range(3):
                assert await asking.ask(request("x", tsize="0"), served.address) == first
            assert len(served.server.transfers) == 1
            assert (await asking.ask(ack(0), first[1]))[0] == b"\0\3\0\1" + CONTENT[:512]


async def test_a_request_that_the_network_doubled_is_ignored(files: Path) -> None:
    async with serving(files) as served:
        with peer() as asking:
            transfer = await begin(asking, served)
            await asking.ask(ack(1), transfer)
            await asking.send(request("x"), served.address)
            await served_still(served)
            assert (await asking.ask(ack(2), transfer))[0] == b"\0\3\0\3" + CONTENT[1024:1536]


@pytest.mark.parametrize("other", [request("x"), request("x", tsize="0")])
async def test_a_peer_that_begins_anew_gets_a_new_transfer(
    files: Path, other: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootsrv.tftp.exchange.DUPLICATE_SECONDS", 0.0)
    async with serving(files) as served:
        with peer() as asking:
            old = await begin(asking, served)
            await asking.ask(ack(1), old)
            _, new = await asking.ask(other, served.address)
            report = await served.report()
            assert new != old
            assert (report.outcome, report.message) == ("failed", "the peer began anew from the same port")
            assert [transfer.port for transfer in served.server.transfers] == [asking.port]


async def test_another_request_replaces_one_that_was_not_acknowledged(files: Path) -> None:
    async with serving(files) as served:
        with peer() as asking:
            old = await begin(asking, served)
            new = await begin(asking, served, blksize="1024")
            assert new != old
            assert (await served.report()).outcome == "failed"
            assert (await asking.ask(ack(0), new))[0] == b"\0\3\0\1" + CONTENT[:1024]


async def test_a_request_while_the_file_is_opened_starts_nothing(files: Path) -> None:
    opened, go_on = [], asyncio.Event()

    async def slowly(name: str) -> Content:
        opened.append(name)
        await go_on.wait()
        return CONTENT

    async with serving(slowly) as served:
        with peer() as asking, peer() as other:
            await asking.send(request("x"), served.address)
            await asking.send(request("x"), served.address)
            await asking.send(request("y"), served.address)
            assert error((await other.ask(b"\0\2x\0octet\0", served.address))[0])[0] == 2
            assert [(live.name, live.size) for live in served.server.transfers] == [("x", None)]
            go_on.set()
            datagram, _ = await asking.receive()
        assert (datagram, opened) == (b"\0\3\0\1" + CONTENT[:512], ["x"])


# --- limits


async def test_no_peer_takes_more_than_its_share(files: Path) -> None:
    async with serving(files, max_per_peer=2) as served:
        with peer() as one, peer() as two, peer() as three:
            first = await begin(one, served)
            await begin(two, served)
            await three.send(request("x"), served.address)
            await served_still(served)  # another address is served
            assert served.server.dropped == 1
            await one.send(b"\0\5\0\0enough\0", first)
            assert (await served.report()).outcome == "failed"
            assert await download(three, served.address, "x") == CONTENT


async def test_there_is_a_limit_for_all(files: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(files, max_transfers=3, timing=SILENT) as served:
        with peer("127.0.0.2") as one, peer("127.0.0.3") as two, peer("127.0.0.4") as three, peer("127.0.0.5") as four:
            for asking in (one, two, three):
                await begin(asking, served)
            for _ in range(50):
                await four.send(request("x"), served.address)
            reports = [await served.report() for _ in range(3)]
            assert {report.message for report in reports} == {"no answer to block 1 after 2 repeats"}
            assert await download(four, served.address, "x") == CONTENT
    assert len([record for record in caplog.records if "drops requests" in record.message]) == 1


async def test_without_a_free_descriptor_it_goes_on(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = 2

    def few_left(local: Address) -> socket.socket:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise OSError(errno.EMFILE, "Too many open files")
        return transfer_socket(local)

    monkeypatch.setattr("bootsrv.tftp.server.transfer_socket", few_left)
    async with serving(files) as served:
        with peer() as asking:
            for datagram in (request("x"), b"\0\2x\0octet\0"):
                await asking.send(datagram, served.address)
            assert await download(asking, served.address, "x") == CONTENT
        assert served.server.dropped == 2


async def test_junk_harms_nothing(files: Path) -> None:
    """Thousands of random and of slightly broken datagrams, to the listening port and to a transfer under way."""
    chance = random.Random(69)
    good = [request("x", blksize="1428", tsize="0"), request("../x"), ack(1), b"\0\5\0\1no\0", b"\0\2x\0octet\0"]

    def broken() -> bytes:
        datagram = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 4)):
            datagram[chance.randrange(len(datagram))] = chance.randrange(256)
        return bytes(datagram[: chance.randrange(len(datagram) + 1)])

    async with serving(files, timing=PATIENT) as served:
        with peer() as asking, peer("127.0.0.66") as junk:
            transfer = await begin(asking, served)
            for _ in range(40):
                for _ in range(100):
                    datagram = broken() if chance.random() < 0.7 else chance.randbytes(chance.randrange(700))
                    await junk.send(datagram, chance.choice([served.address, transfer]))
                await served_still(served)
            for _ in range(150):  # no more than a socket holds
                await asking.send(b"\0" + chance.choice(b"\0\1\2\3\6\7").to_bytes(1) + chance.randbytes(9), transfer)
            assert (await asking.ask(ack(1), transfer))[0] == b"\0\3\0\2" + CONTENT[512:1024]
        assert served.server.dropped > 1000
