"""The proxy on real ports of a network of its own: independent clients, relays, rivals, and what it may not do."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bootsrv.dhcp.packet import MessageType, Packet, build, parse
from bootsrv.doctor.dhcp import check_dhcp, judge_ports, judge_running
from bootsrv.doctor.finding import Verdict
from bootsrv.doctor.ports import Running
from bootsrv.doors import Doors
from engine.app import PureBoot
from engine.core.events import Event, Kind
from tests.bootsrv.dhcp_support import RECORDED, changed, from_relay, recorded
from tests.bootsrv.test_doors import FIRST_FREE_PORT, NET_BIND_SERVICE, without
from tests.conftest import Opener
from tests.e2e.lab.child import Child
from tests.e2e.lab.network import Network
from tests.ports import free_port
from tests.programs import lacking, program

CLIENT = Path(__file__).with_name("dhcp_client.py")
PATIENCE = 20.0
Told = list[tuple[str, str, Mapping[str, object]]]


@asynccontextmanager
async def network(folder: Path, *, names_boot: bool = False) -> AsyncIterator[Network]:
    for name in ("ip", "nsenter", "unshare", "dnsmasq"):
        program(name)
    if os.geteuid() != 0:
        lacking("networks of their own need root: run the tests as root")
    made = Network(folder, names_boot=names_boot)
    try:
        await made.start()
    except RuntimeError as error:
        await made.stop()
        lacking(f"no network of its own can be made here: {error}")
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def proxy(
    opener: Opener, url: str, made: Network, folder: Path, told: Told | None = None, **settings: Any
) -> AsyncIterator[tuple[PureBoot, Doors]]:
    """A PureBoot that is the proxy of a network."""
    loaders = folder / "loaders"
    loaders.mkdir(exist_ok=True)
    for name in ("undionly.kpxe", "ipxe.efi", "snponly.efi", "localboot.efi"):
        (loaders / name).write_bytes(name.encode())
    given = {
        "dhcp__mode": "proxy",
        "dhcp__interfaces": made.cable,
        "files__loaders": str(loaders),
        "http__host": made.site.server,
        "tftp__host": made.site.server,
        **settings,
    }
    contacts = None if told is None else lambda kind, mac, facts: told.append((kind, mac, facts))
    async with opener(url, **given) as pureboot, Doors(pureboot, contacts=contacts) as doors:
        yield pureboot, doors


async def asked(made: Network, *datagrams: bytes, own: str = "0.0.0.0:68", to: str = "255.255.255.255:67") -> list[Any]:
    """Send datagrams out of the namespace; gives host, port and packet of each answer of the proxy, in order."""
    words = (sys.executable, str(CLIENT), own, to, "2" if len(datagrams) == 1 else "4", *(d.hex() for d in datagrams))
    client = await Child.start(*made.enter(*words))
    try:
        await client.log.wait_for("end", timeout=PATIENCE)
        lines = [line.split() for line in client.log.text.splitlines() if line.count(" ") == 2]
    finally:
        await client.stop()
    return [(host, int(port), parse(bytes.fromhex(raw))) for host, port, raw in lines]


async def happened(pureboot: PureBoot, kind: Kind) -> Event:
    async with asyncio.timeout(PATIENCE):
        async for batch in pureboot.feed.follow(0):
            for event in batch:
                if event.kind is kind:
                    return event
    raise AssertionError("the feed ended")


async def test_firmware_is_answered_beside_the_sites_own_server(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    told: Told = []
    async with network(tmp_path) as made, proxy(opener, sqlite_url, made, tmp_path, told) as (_, doors):
        assert (doors.dhcp_ports, doors.notices) == ((67, 4011), doors.notices[:1])  # the one about auth.mode
        await made.dhcp.stop()
        us = made.site.server
        [(host, port, offer)] = await asked(made, RECORDED["ovmf-pxe-discover"])
        assert (host, port, offer.kind, offer.boot_file, offer.siaddr) == (us, 67, MessageType.OFFER, "", us)
        [(host, port, ack)] = await asked(
            made, RECORDED["ovmf-pxe-request-4011"], own=f"{made.site.dhcp}:4011", to=f"{us}:4011"
        )
        assert (host, port, ack.kind, ack.boot_file) == (us, 4011, MessageType.ACK, "ipxe.efi")
        [(_, _, ipxe)] = await asked(made, RECORDED["ipxe-bios-discover"])
        assert ipxe.boot_file == f"{doors.http_url}/boot.ipxe"
        [(_, _, http)] = await asked(made, RECORDED["ovmf-http-discover"])
        assert (http.vendor_class, http.boot_file) == ("HTTPClient", f"{doors.http_url}/boot/ipxe.efi")
        assert await asked(made, RECORDED["ovmf-pxe-request"]) == []
        assert [(kind, facts["answer"], facts["port"]) for kind, _, facts in told] == [
            ("dhcp.discover", "offer", 67),
            ("dhcp.request", "ack", 4011),
            ("dhcp.discover", "offer", 67),
            ("dhcp.discover", "offer", 67),
            ("dhcp.request", None, 67),
        ]
        assert {mac for _, mac, _ in told} == {"52:54:00:77:00:01"}
        assert told[0][2]["interface"] == made.cable
        assert (told[0][2]["path"], told[2][2]["path"], told[3][2]["path"]) == ("4011", "bypass", "http")
        assert (told[4][2]["reason"], told[4][2]["chosen"]) == ("address", recorded("ovmf-pxe-request").server_id)


async def test_a_client_that_knows_nothing_of_us_reads_the_offer(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    busybox = program("busybox")
    script = tmp_path / "lease"
    script.write_text(f'#!{busybox} sh\necho "$1 ip=$ip siaddr=$siaddr file=$boot_file server=$serverid."\n')
    script.chmod(0o755)
    async with network(tmp_path) as made, proxy(opener, sqlite_url, made, tmp_path):
        await made.dhcp.stop()  # else it would take the offer of an address
        words = ("udhcpc", "-i", "br0", "-f", "-n", "-q", "-t", "3", "-T", "2", "-s", str(script))
        vendor = ("-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000", "-O", "bootfile", "-O", "tftp")
        client = await Child.start(*made.enter(busybox, *words, *vendor))
        try:
            await client.log.wait_for("bound", timeout=PATIENCE)
            await client.log.wait_for(f"server={made.site.server}.", timeout=PATIENCE)
        finally:
            await client.stop()
        us = made.site.server
        assert f"ip=0.0.0.0 siaddr={us} file=undionly.kpxe server={us}." in client.log.text


async def test_a_relay_is_answered_on_its_own_port(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    async with network(tmp_path) as made, proxy(opener, sqlite_url, made, tmp_path, dhcp__path="bypass"):
        await made.dhcp.stop()
        relay, us = made.site.dhcp, made.site.server
        relayed = build(from_relay(recorded("ovmf-pxe-discover"), relay), 1472)
        [(host, port, reply)] = await asked(made, relayed, own=f"{relay}:67", to=f"{us}:67")
        assert (host, port, reply.giaddr, reply.boot_file) == (us, 67, relay, "ipxe.efi")
        assert reply.options[82] == b"\x01\x04eth7"


async def test_only_who_is_allowed_is_answered_and_the_log_says_why(
    sqlite_url: str, opener: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: Told = []
    rules: dict[str, Any] = {"dhcp__deny": "52:54:00:77:00:01", "dhcp__allow": "52:54:00,vendor:HTTPClient"}
    async with network(tmp_path) as made, proxy(opener, sqlite_url, made, tmp_path, told, **rules):
        await made.dhcp.stop()
        denied, other = recorded("ovmf-pxe-discover"), bytes.fromhex("0250aa000001")
        welcome = changed(denied, chaddr=bytes.fromhex("525400770002"))
        stranger = changed(denied, chaddr=other)
        sent = [build(each) for each in (denied, denied, stranger, stranger, welcome)]
        [(_, _, reply)] = await asked(made, *sent)
        assert reply.mac == "52:54:00:77:00:02"
        assert [facts.get("reason") for _, _, facts in told] == ["denied"] * 4 + [None]
        lines = [each for each in caplog.messages if "gets no answer" in each]
        assert lines == [
            "proxyDHCP: 52:54:00:77:00:01 gets no answer: dhcp.deny has 52:54:00:77:00:01",
            "proxyDHCP: 02:50:aa:00:00:01 gets no answer: no rule of dhcp.allow fits",
        ]


async def test_the_loader_of_a_node_or_its_group_is_offered_at_once(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    strict: dict[str, Any] = {"dhcp__path": "bypass", "discovery__enabled": False}
    discover = RECORDED["ovmf-pxe-discover"]
    async with network(tmp_path) as made, proxy(opener, sqlite_url, made, tmp_path, **strict) as (pureboot, _):
        await made.dhcp.stop()

        async def offered(wanted: str) -> None:
            """Ask until it is offered: the proxy follows the log, a moment behind."""
            async with asyncio.timeout(PATIENCE):
                while [reply.boot_file for _, _, reply in await asked(made, discover)] != [wanted]:
                    pass

        assert await asked(made, discover) == []  # a stranger, where discovery is off
        group = await pureboot.groups.create({"name": "r1", "metadata": {"loader": "snponly"}}, by="user:test")
        node = await pureboot.nodes.create("52:54:00:77:00:01", {}, by="user:test")
        await offered("ipxe.efi")
        await pureboot.nodes.update(node.id, {"group_id": group.id}, by="user:test")
        await offered("snponly.efi")
        await pureboot.groups.update(group.id, {"metadata": {"loader": "r1/shimx64.efi"}}, by="user:test")
        await offered("r1/shimx64.efi")
        await pureboot.nodes.update(node.id, {"metadata": {"loader": "ipxe.efi"}}, by="user:test")
        await offered("ipxe.efi")
        await pureboot.nodes.update(node.id, {"metadata": {"loader": "../../etc/passwd.efi"}}, by="user:test")
        await pureboot.nodes.update(node.id, {"metadata": {}}, by="user:test")
        await offered("r1/shimx64.efi")


async def test_a_second_boot_server_is_told_of_once(sqlite_url: str, opener: Opener, tmp_path: Path) -> None:
    told: Told = []
    async with (
        network(tmp_path, names_boot=True) as made,
        proxy(opener, sqlite_url, made, tmp_path, told, http__port=free_port()) as (pureboot, _),
    ):
        # This dnsmasq names us: it is the site's own server, and no rival.
        await asked(made, RECORDED["ovmf-pxe-discover"])
        assert [kind for kind, _, _ in told] == ["dhcp.discover"]
        elsewhere = (tmp_path / "dnsmasq.conf").read_text().replace(f",,{made.site.server}", ",,192.0.2.9")
        (tmp_path / "other.conf").write_text(elsewhere)
        await made.dhcp.stop()
        words = ("dnsmasq", "--no-daemon", f"--conf-file={tmp_path / 'other.conf'}")
        rival = await Child.start(*made.enter(*words))
        try:
            await rival.log.wait_for("DHCP, IP range", timeout=PATIENCE)
            for _ in range(2):
                await asked(made, RECORDED["ovmf-pxe-discover"])
            seen = await happened(pureboot, Kind.DHCP_OTHER_SERVER)
        finally:
            await rival.stop()
        assert seen.data == {
            "server": made.site.dhcp,
            "file": "ipxe.efi",
            "next_server": "192.0.2.9",
            "mac_address": "52:54:00:77:00:01",
        }
        assert [kind for kind, _, _ in told].count("dhcp.other_offer") >= 2
        [ports, finding] = await check_dhcp(pureboot.settings)
        assert (ports.verdict, ports.message) == (Verdict.OK, "PureBoot answers on ports 67 and 4011")
        assert finding.verdict is Verdict.WARNING
        assert f"{made.site.dhcp} tells machines what to boot too: ipxe.efi" in finding.message
        events = [event for event in await pureboot.events_after(0) if event.kind is Kind.DHCP_OTHER_SERVER]
        assert len(events) == 1


async def test_garbage_changes_nothing(
    sqlite_url: str, opener: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with network(tmp_path) as made, proxy(opener, sqlite_url, made, tmp_path, dhcp__path="bypass") as (_, doors):
        await made.dhcp.stop()
        raw = RECORDED["ovmf-pxe-discover"]
        bad = [b"x", raw[:239], raw[:250], b"\x02" + raw[1:], raw + b"x" * 1200, raw.replace(b"PXE", b"\x1b[2")]
        [*_, (_, _, reply)] = await asked(made, *bad, raw)
        assert reply.boot_file == "ipxe.efi"
        assert doors.dhcp_ports == (67, 4011)
        assert sum("a packet from" in each for each in caplog.messages) == 1


async def test_ports_that_are_not_allowed_are_said_aloud_and_the_rest_goes_on(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    assert FIRST_FREE_PORT > 67, "every user may bind port 67 here (net.ipv4.ip_unprivileged_port_start)"
    with without(NET_BIND_SERVICE):
        running = {"dhcp__mode": "proxy", "http__port": free_port()}
        async with opener(sqlite_url, **running) as pureboot, Doors(pureboot) as doors:
            assert doors.dhcp_ports == ()
            assert any("proxyDHCP does not answer: port 67 is not permitted" in each for each in doors.notices)
            assert doors.http_url
            [ports, _] = await check_dhcp(pureboot.settings)
            assert (ports.verdict, "does not answer on port 67" in ports.message) == (Verdict.PROBLEM, True)
        async with opener(sqlite_url, dhcp__mode="proxy") as pureboot:
            [ports, _] = await check_dhcp(pureboot.settings)
            assert "port 67 is not allowed to this user" in ports.message


async def test_an_interface_that_is_not_there_is_named(sqlite_url: str, opener: Opener) -> None:
    settings = {"dhcp__mode": "proxy", "dhcp__interfaces": "nosuch0", "http__port": free_port()}
    async with opener(sqlite_url, **settings) as pureboot, Doors(pureboot) as doors:
        assert any("does not answer on nosuch0 (dhcp.interfaces): there is no such" in each for each in doors.notices)
        assert any("; there are " in each and "lo" in each for each in doors.notices)
        assert doors.dhcp_ports == ()
        [while_it_runs, _] = await check_dhcp(pureboot.settings)
    async with opener(sqlite_url, **settings) as pureboot:
        [ports, _] = await check_dhcp(pureboot.settings)
    for each in (while_it_runs, ports):
        assert "dhcp.interfaces names nosuch0, which this machine has not" in each.message


async def test_beside_another_server_of_this_machine_it_hears_broadcasts(
    sqlite_url: str, opener: Opener, tmp_path: Path
) -> None:
    async with network(tmp_path) as made:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, made.cable.encode() + b"\0")
            other.bind(("0.0.0.0", 67))
            other.settimeout(PATIENCE)
            await made.dhcp.stop()
            async with proxy(opener, sqlite_url, made, tmp_path, dhcp__path="bypass") as (_, doors):
                assert any("shares port 67 of" in each for each in doors.notices)
                [(host, _, reply)] = await asked(made, RECORDED["ovmf-pxe-discover"])
                assert (host, reply.boot_file) == (made.site.server, "ipxe.efi")
                assert other.recv(4096) == RECORDED["ovmf-pxe-discover"]
                # What is sent to this machine itself is for the other one alone.
                unicast = build(Packet(op=1, xid=7, chaddr=b"\x52\x54\0\0\0\7", options={53: b"\x03"}))
                assert await asked(made, unicast, own=f"{made.site.dhcp}:68", to=f"{made.site.server}:67") == []
                assert parse(other.recv(4096)).xid == 7


def test_what_the_doctor_makes_of_ports() -> None:
    assert judge_ports(None, None).verdict is Verdict.OK
    assert judge_ports(PermissionError(13, "x"), None).verdict is Verdict.PROBLEM
    assert judge_ports(OSError(98, "x"), None).verdict is Verdict.WARNING
    assert "port 4011" in judge_ports(None, OSError(98, "x")).message
    assert judge_running(Running(parts={"store": {}})).verdict is Verdict.WARNING
    assert judge_running(Running(parts={"dhcp": {"status": "ok", "message": "port 67"}})).verdict is Verdict.OK
    assert judge_running(Running(parts={"dhcp": {"status": "off"}})).verdict is Verdict.PROBLEM
