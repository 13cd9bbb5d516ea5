"""What the proxy answers: for every firmware the right loader by the right path, and never an address."""

import random
from dataclasses import replace
from typing import Any

import pytest

from bootsrv.dhcp.firmware import ARCHITECTURES
from bootsrv.dhcp.offer import (
    Answer,
    Asked,
    Destination,
    Machine,
    Path,
    Silence,
    Terms,
    decide,
    features,
    is_ipxe,
    loader_problem,
)
from bootsrv.dhcp.others import OtherServer, Seldom, other_server
from bootsrv.dhcp.packet import BadPacket, MessageType, Packet, parse
from bootsrv.dhcp.rules import Rules
from tests.bootsrv.dhcp_support import (
    ADDRESS,
    ASKED_4011,
    DISCOVERED,
    TERMS,
    changed,
    from_architecture,
    from_relay,
    hostile,
    recorded,
)

SCRIPT = f"http://{ADDRESS}:8080/boot.ipxe"
BROADCAST = Destination(address="255.255.255.255", port=68)


def answered(packet: Packet, asked: Asked = DISCOVERED, terms: Terms = TERMS, loader: str | None = None) -> Answer:
    decided = decide(packet, asked, terms, Machine(loader=loader))
    assert isinstance(decided, Answer), decided
    assert parse(decided.datagram) == decided.packet
    return decided


def silent(packet: Packet, asked: Asked = DISCOVERED, terms: Terms = TERMS, **machine: Any) -> Silence:
    decided = decide(packet, asked, terms, Machine(**machine))
    assert isinstance(decided, Silence), decided
    return decided


@pytest.mark.parametrize(
    ("code", "vendor", "file"),
    [
        (0, "PXEClient", "undionly.kpxe"),
        (6, "PXEClient", "ipxe-i386.efi"),
        (7, "PXEClient", "ipxe.efi"),
        (9, "PXEClient", "ipxe.efi"),
        (11, "PXEClient", "ipxe-arm64.efi"),
        (15, "HTTPClient", f"http://{ADDRESS}:8080/boot/ipxe-i386.efi"),
        (16, "HTTPClient", f"http://{ADDRESS}:8080/boot/ipxe.efi"),
        (19, "HTTPClient", f"http://{ADDRESS}:8080/boot/ipxe-arm64.efi"),
        (20, "HTTPClient", f"http://{ADDRESS}:8080/boot/undionly.kpxe"),
    ],
)
def test_each_architecture_gets_its_loader(code: int, vendor: str, file: str) -> None:
    reply = answered(from_architecture(code, vendor=vendor), terms=replace(TERMS, path=Path.BYPASS)).packet
    assert (reply.file.decode(), reply.boot_file, reply.vendor_class) == (file, file, vendor)
    assert reply.options[67] == file.encode() + b"\0"
    assert (reply.siaddr, reply.sname, reply.server_id) == (ADDRESS, ADDRESS.encode(), ADDRESS)
    assert reply.options.get(43) == (None if vendor == "HTTPClient" else b"\x06\x01\x08\xff")


def test_every_other_architecture_is_told_of_and_not_guessed_at() -> None:
    for code in range(60):
        known = ARCHITECTURES.get(code)
        if known is not None and known.loader:
            continue
        said = silent(from_architecture(code))
        assert (said.code, said.notable) == ("no-loader", True)
        assert f"architecture {code} (" in said.reason


def test_of_several_architectures_the_first_with_a_loader_counts() -> None:
    assert (
        answered(
            changed(from_architecture(10), {93: b"\0\x0a\0\7"}),
            Asked(binl=False, source="0.0.0.0", source_port=68),
            replace(TERMS, path=Path.BYPASS),
        ).packet.boot_file
        == "ipxe.efi"
    )


@pytest.mark.parametrize(
    ("code", "path", "binl", "later"),
    [
        (0, Path.AUTO, True, False),
        (7, Path.AUTO, True, True),
        (11, Path.AUTO, True, True),
        (7, Path.AUTO, False, False),  # nobody would answer on port 4011
        (7, Path.BYPASS, True, False),
        (0, Path.BINL, True, True),
        (0, Path.BINL, False, False),
    ],
)
def test_the_two_lawful_paths(code: int, path: Path, binl: bool, later: bool) -> None:
    offer = answered(from_architecture(code), terms=replace(TERMS, path=path, binl=binl))
    assert (43 in offer.packet.options, bool(offer.packet.boot_file)) == (not later, not later)
    assert offer.packet.siaddr == ADDRESS
    assert (offer.facts["path"], offer.facts["file"] is None) == ("4011" if later else "bypass", later)
    ack = answered(changed(from_architecture(code), {53: b"\x03"}), ASKED_4011)
    assert ack.packet.boot_file == ARCHITECTURES[code].loader
    assert (ack.packet.kind, 43 in ack.packet.options) == (MessageType.ACK, False)


def test_a_boot_item_that_was_asked_for_comes_back() -> None:
    asked = changed(recorded("ovmf-pxe-request-4011"), {43: b"\x47\x04\x80\x00\x00\x00\xff"})
    assert answered(asked, ASKED_4011).packet.options[43] == b"\x47\x04\x80\x00\x00\x00\xff"


@pytest.mark.parametrize("name", ["ipxe-bios-discover", "ipxe-uefi-discover"])
@pytest.mark.parametrize(
    ("user_class", "encapsulated"), [(b"iPXE", True), (b"\x04iPXE", True), (None, True), (b"iPXE", False)]
)
def test_ipxe_gets_the_script_however_it_says_that_it_is_ipxe(
    name: str, user_class: bytes | None, encapsulated: bool
) -> None:
    packet = changed(recorded(name), {77: user_class} if encapsulated else {77: user_class, 175: None})
    reply = answered(packet).packet
    assert (is_ipxe(packet), reply.boot_file, reply.file.decode()) == (True, SCRIPT, SCRIPT)
    assert (reply.siaddr, reply.options[43], reply.vendor_class) == (ADDRESS, b"\x06\x01\x08\xff", "PXEClient")


def test_a_build_of_ipxe_is_asked_what_it_can() -> None:
    packet = recorded("ipxe-bios-discover")
    assert "http" in (features(packet) or ())
    assert "https" not in (features(packet) or ())
    safe = replace(TERMS, http="https://boot.example")
    without = answered(packet, terms=safe)
    assert (without.packet.boot_file, without.facts["note"]) == (SCRIPT, "this build of iPXE has no HTTPS")
    able = changed(packet, {175: packet.options[175] + b"\x14\x01\x01"})
    assert answered(able, terms=safe).packet.boot_file == "https://boot.example/boot.ipxe"
    dumb = silent(changed(packet, {175: b"\x15\x01\x01"}))
    assert (dumb.code, dumb.notable) == ("no-http", True)


@pytest.mark.parametrize(
    ("packet", "asked", "to"),
    [
        (recorded("ovmf-pxe-discover"), DISCOVERED, BROADCAST),
        (changed(recorded("ovmf-pxe-discover"), flags=0), DISCOVERED, BROADCAST),
        (
            from_relay(recorded("ovmf-pxe-discover"), "10.9.0.1"),
            Asked(binl=False, source="10.9.0.1", source_port=67),
            Destination(address="10.9.0.1", port=67),
        ),
        (recorded("ovmf-pxe-request-4011"), ASKED_4011, Destination(address="10.0.0.130", port=4011)),
        (
            changed(recorded("ipxe-bios-request")),
            Asked(binl=True, source="10.0.0.131", source_port=68),
            Destination(address="10.0.0.131", port=68),
        ),
        (
            recorded("ovmf-pxe-request-4011"),
            Asked(binl=True, source="0.0.0.0", source_port=4011),
            Destination(address="255.255.255.255", port=4011),
        ),
        (
            changed(recorded("ovmf-pxe-discover"), {53: b"\x08"}, ciaddr="10.0.0.9"),
            Asked(binl=False, source="10.0.0.9", source_port=68),
            Destination(address="10.0.0.9", port=68),
        ),
        (
            changed(recorded("ovmf-pxe-discover"), {53: b"\x08"}, ciaddr="224.0.0.1"),
            Asked(binl=False, source="10.0.0.9", source_port=68),
            BROADCAST,
        ),
    ],
    ids=["flag", "no flag", "relay", "4011", "4011 from 68", "4011 without address", "inform", "inform of a group"],
)
def test_where_the_answer_goes(packet: Packet, asked: Asked, to: Destination) -> None:
    answer = answered(packet, asked)
    assert answer.to == to
    assert (answer.packet.xid, answer.packet.flags) == (packet.xid, packet.flags)
    assert (answer.packet.giaddr, answer.packet.chaddr) == (packet.giaddr, packet.chaddr)


def test_what_a_relay_added_comes_back_last() -> None:
    reply = answered(from_relay(recorded("ovmf-pxe-discover"), "10.9.0.1"))
    assert list(reply.packet.options)[-1] == 82
    assert reply.packet.options[82] == b"\x01\x04eth7"


@pytest.mark.parametrize("guid", [None, b"", b"\0" * 17, b"\0" + b"\xff" * 16])
def test_the_guid_is_mirrored_and_never_required(guid: bytes | None) -> None:
    assert answered(changed(recorded("ovmf-pxe-discover"), {97: guid})).packet.options.get(97) == guid


@pytest.mark.parametrize(
    ("packet", "asked", "code", "notable"),
    [
        (recorded("dnsmasq-address-offer"), DISCOVERED, "reply", False),
        (changed(recorded("ovmf-pxe-discover"), {60: None}), DISCOVERED, "not-boot", False),
        (changed(recorded("ovmf-pxe-discover"), {60: b"udhcp 1.35.0"}), DISCOVERED, "not-boot", False),
        (changed(recorded("ovmf-pxe-discover"), {53: b"\x07"}), DISCOVERED, "not-boot", False),
        (changed(recorded("ovmf-pxe-discover"), {53: b"\x63"}), DISCOVERED, "not-boot", False),
        (changed(recorded("ovmf-pxe-discover"), {53: None}), DISCOVERED, "not-boot", False),
        (recorded("ovmf-pxe-discover"), ASKED_4011, "not-boot", False),
        (recorded("ovmf-pxe-request"), DISCOVERED, "address", False),
        (changed(recorded("ovmf-pxe-discover"), {93: None}), DISCOVERED, "no-architecture", True),
        (changed(recorded("ovmf-pxe-discover"), chaddr=bytes(6)), DISCOVERED, "no-mac", True),
        (from_relay(recorded("ovmf-pxe-discover"), "127.0.0.1"), DISCOVERED, "relay", True),
        (from_relay(recorded("ovmf-pxe-discover"), "255.255.255.255"), DISCOVERED, "relay", True),
        (from_relay(recorded("ovmf-pxe-discover"), "0.0.0.9"), DISCOVERED, "relay", True),
    ],
)
def test_who_gets_no_answer(packet: Packet, asked: Asked, code: str, notable: bool) -> None:
    said = silent(packet, asked)
    assert (said.code, said.notable) == (code, notable)


def test_a_request_for_us_on_port_67_is_answered() -> None:
    request = changed(recorded("ovmf-pxe-request"), {54: bytes((10, 0, 0, 1)), 50: None})
    reply = answered(request).packet
    assert (reply.kind, reply.boot_file, reply.yiaddr) == (MessageType.ACK, "ipxe.efi", "0.0.0.0")
    # One for an address is for a DHCP server on this machine, under the same address.
    assert silent(changed(request, {50: bytes((10, 0, 0, 130))})).code == "address"
    assert silent(changed(request, ciaddr="10.0.0.130")).code == "address"
    assert answered(changed(request, {50: bytes(4)})).packet.kind is MessageType.ACK


def test_strangers_and_missing_loaders() -> None:
    packet = recorded("ovmf-pxe-discover")
    assert silent(packet, welcome=False).code == "unknown"
    lost = silent(packet, terms=replace(TERMS, missing={"ipxe.efi": "apt-get install ipxe"}))
    assert lost.reason == "ipxe.efi is missing: apt-get install ipxe"
    assert silent(packet, terms=replace(TERMS, tftp=None)).code == "no-tftp"
    assert answered(recorded("ipxe-bios-discover"), terms=replace(TERMS, tftp=None)).packet.siaddr == ADDRESS


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (Rules(), None),
        (Rules(deny=("52:54:00",)), "dhcp.deny has 52:54:00"),
        (Rules(deny=("52:54:01",)), None),
        (Rules(allow=("52:54:00:77",)), None),
        (Rules(allow=("aa:bb",)), "no rule of dhcp.allow fits"),
        (Rules(allow=("52:54",), deny=("52:54:00:77:00:01",)), "dhcp.deny has 52:54:00:77:00:01"),
        (Rules(deny=("vendor:PXEClient:Arch:00007",)), "dhcp.deny has vendor:PXEClient:Arch:00007"),
        (Rules(allow=("vendor:pxeclient",)), None),
        (Rules(allow=("vendor:HTTPClient",)), "no rule of dhcp.allow fits"),
    ],
)
def test_rules(rules: Rules, reason: str | None) -> None:
    decided = decide(recorded("ovmf-pxe-discover"), DISCOVERED, replace(TERMS, rules=rules), Machine())
    assert (decided.reason if isinstance(decided, Silence) else None) == reason


@pytest.mark.parametrize(
    ("code", "vendor", "chosen", "file", "note"),
    [
        (7, "PXEClient", "snponly.efi", "snponly.efi", ""),
        (7, "PXEClient", "debian/shimx64.efi", "debian/shimx64.efi", ""),
        (7, "PXEClient", "undionly.kpxe", "ipxe.efi", "is not for x86-64 UEFI"),
        (0, "PXEClient", "snponly.efi", "undionly.kpxe", "is not for x86 BIOS"),
        (0, "PXEClient", "pxelinux.0", "pxelinux.0", ""),
        (16, "HTTPClient", "snponly.efi", f"http://{ADDRESS}:8080/boot/snponly.efi", ""),
        (16, "HTTPClient", "a b/x.efi", f"http://{ADDRESS}:8080/boot/ipxe.efi", "without spaces"),
        (16, "HTTPClient", "d/é.efi", f"http://{ADDRESS}:8080/boot/ipxe.efi", "printable ASCII"),
        (16, "HTTPClient", "d/shim%.efi", f"http://{ADDRESS}:8080/files/d/shim%25.efi", ""),
    ],
)
def test_a_loader_that_was_chosen(code: int, vendor: str, chosen: str, file: str, note: str) -> None:
    terms = replace(TERMS, path=Path.BYPASS)
    answer = answered(from_architecture(code, vendor=vendor), terms=terms, loader=chosen)
    assert answer.packet.boot_file == file
    assert note in str(answer.facts.get("note", ""))
    assert bool(note) == ("note" in answer.facts)


@pytest.mark.parametrize("name", ["", "x" * 128, "../x.efi", "a/../b", "a\\b", "a\nb", "http://evil/x.efi", "a\0b"])
def test_names_that_no_firmware_is_told(name: str) -> None:
    assert loader_problem(name)


def test_a_url_too_long_for_the_header_stands_in_the_option() -> None:
    far = replace(TERMS, http="http://" + "long." * 40 + "example")
    reply = answered(recorded("ipxe-bios-discover"), terms=far).packet
    assert reply.file == b""
    assert reply.boot_file == f"{far.http}/boot.ipxe"
    endless = replace(TERMS, http="http://" + "long." * 400 + "example")
    assert silent(recorded("ipxe-bios-discover"), terms=endless).code == "too-long"


def test_no_packet_makes_the_proxy_give_an_address_or_fail() -> None:
    chance = random.Random(67)
    told = {MessageType.OFFER: 0, MessageType.ACK: 0}
    for _ in range(20_000):
        try:
            packet = parse(hostile(chance))
        except BadPacket:
            continue
        asked = chance.choice((DISCOVERED, ASKED_4011))
        decided = decide(packet, asked, TERMS, Machine())
        if isinstance(decided, Silence):
            continue
        reply = parse(decided.datagram)
        assert reply.kind in told
        told[MessageType(reply.options[53][0])] += 1
        assert reply.yiaddr == "0.0.0.0"
        assert not {1, 3, 6, 50, 51, 58, 59} & set(reply.options)
        assert packet.kind in (MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM)
        assert packet.vendor_class.startswith(("PXEClient", "HTTPClient"))
        assert len(decided.datagram) <= max(548, packet.room)
    assert all(count > 100 for count in told.values()), told


def offered(options: dict[int, bytes | None], **fields: Any) -> OtherServer | None:
    packet = changed(recorded("dnsmasq-address-offer"), options, **fields)
    return other_server(packet, "10.0.0.2", is_ours=lambda host: host in (ADDRESS, "boot.example"))


def test_another_boot_server_is_one_that_names_what_to_boot_elsewhere() -> None:
    other = bytes((10, 0, 0, 9))
    assert offered({}) is None  # the site's own: it gives an address
    assert offered({54: other}, file=b"pxelinux.0", siaddr="10.0.0.9") == OtherServer(
        address="10.0.0.9", mac="52:54:00:77:00:01", file="pxelinux.0", next_server="10.0.0.9"
    )
    assert offered({54: other, 60: b"PXEClient", 43: b"\x06\x01\x08"}) is not None
    assert offered({54: other, 67: b"http://10.0.0.9/x\0"}) is not None
    # It may well name us: then it is no rival.
    assert offered({54: other, 67: f"{SCRIPT}\0".encode()}) is None
    assert offered({54: other, 67: b"http://boot.example:8080/boot.ipxe"}) is None
    assert offered({54: other}, file=b"ipxe.efi", siaddr=ADDRESS) is None
    assert offered({54: other, 66: b"10.0.0.1\0", 67: b"ipxe.efi\0"}) is None
    # Nor are we one ourselves, nor is a question an answer.
    assert offered({54: bytes((10, 0, 0, 1)), 60: b"PXEClient"}) is None
    assert other_server(recorded("ovmf-pxe-discover"), "0.0.0.0", is_ours=lambda _: False) is None


def test_seldom_is_once_in_a_while_and_of_so_many_things() -> None:
    seldom = Seldom(10, 2)
    assert [seldom.may("a", 0), seldom.may("a", 9), seldom.may("b", 9), seldom.may("c", 9)] == [
        True,
        False,
        True,
        False,
    ]
    assert [seldom.may("a", 10), seldom.may("c", 19), seldom.may("b", 19)] == [True, True, False]
