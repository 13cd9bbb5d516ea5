"""DHCP packets: recorded ones are read as they are, all are written as they are read, and bad ones are refused."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootsrv.dhcp.options import architectures, encapsulated, suboptions, user_classes
from bootsrv.dhcp.packet import LEAST_ROOM, SMALLEST, BadPacket, MessageType, Packet, build, parse
from tests.bootsrv.dhcp_support import RECORDED, changed, hostile, rebuilt, recorded

COOKIE_AT = 236
addresses = st.lists(st.integers(0, 255), min_size=4, max_size=4).map(lambda parts: ".".join(map(str, parts)))
texts = st.binary(max_size=63).map(lambda raw: raw.replace(b"\0", b"x"))
packets = st.builds(
    Packet,
    op=st.sampled_from((1, 2)),
    xid=st.integers(0, 2**32 - 1),
    chaddr=st.binary(max_size=16),
    htype=st.integers(0, 255),
    hops=st.integers(0, 255),
    secs=st.integers(0, 65535),
    flags=st.integers(0, 65535),
    ciaddr=addresses,
    yiaddr=addresses,
    siaddr=addresses,
    giaddr=addresses,
    sname=texts,
    file=texts,
    options=st.dictionaries(st.integers(1, 254).filter(lambda code: code != 52), st.binary(max_size=700), max_size=12),
)


@given(packets)
def test_what_is_written_is_read_again(packet: Packet) -> None:
    assert rebuilt(packet) == packet


@given(packets)
def test_what_does_not_fit_is_put_into_free_fields_or_refused(packet: Packet) -> None:
    try:
        datagram = build(packet)
    except BadPacket:
        return
    assert SMALLEST <= len(datagram) <= LEAST_ROOM
    assert parse(datagram) == packet


def test_options_overflow_into_file_and_then_sname() -> None:
    options = {53: b"\x01", **{code: bytes([code]) * 60 for code in range(128, 135)}}
    packet = replace(recorded("ovmf-pxe-discover"), options=options)
    room = 240 + 300
    datagram = build(packet, room)
    assert len(datagram) <= room
    assert parse(datagram) == packet
    assert b"\x34\x01\x03" in datagram[240:]
    # In file alone while it suffices; never where something else stands.
    some = replace(packet, options={code: options[code] for code in (53, 128, 129, 130, 131, 132)})
    assert b"\x34\x01\x01" in build(some, room)[240:]
    with pytest.raises(BadPacket, match="left over"):
        build(changed(packet, file=b"x", sname=b"x"), room)
    with pytest.raises(BadPacket, match="file has 128 bytes, and 127 fit"):
        build(changed(packet, file=b"x" * 128), room)


def test_a_long_option_is_one_value_cut_into_pieces() -> None:
    packet = changed(recorded("ovmf-pxe-discover"), {67: b"u" * 600})
    datagram = build(packet, 1472)
    assert datagram.count(b"\x43\xff" + b"u" * 255) == 2
    assert parse(datagram).options[67] == b"u" * 600


def test_pieces_in_other_fields_come_after_those_in_options() -> None:
    datagram = bytearray(RECORDED["ovmf-pxe-discover"])
    datagram[240:] = b"\x34\x01\x03\x3c\x01a\x35\x01\x01\xff"
    datagram[44:50], datagram[108:114] = b"\x3c\x01c\xff\0\0", b"\x3c\x01b\xff\0\0"
    packet = parse(bytes(datagram))
    assert (packet.vendor_class, packet.kind, packet.file, packet.sname) == ("abc", MessageType.DISCOVER, b"", b"")


@pytest.mark.parametrize(
    ("name", "kind", "vendor", "users", "codes", "is_ipxe"),
    [
        ("ovmf-pxe-discover", MessageType.DISCOVER, "PXEClient:Arch:00007:UNDI:003000", (), (7,), False),
        ("ovmf-pxe-request", MessageType.REQUEST, "PXEClient:Arch:00007:UNDI:003000", (), (7,), False),
        ("ovmf-pxe-request-4011", MessageType.REQUEST, "PXEClient:Arch:00007:UNDI:003000", (), (7,), False),
        ("ovmf-http-discover", MessageType.DISCOVER, "HTTPClient:Arch:00016:UNDI:003000", (), (16,), False),
        ("ipxe-bios-discover", MessageType.DISCOVER, "PXEClient:Arch:00000:UNDI:002001", ("iPXE",), (0,), True),
        ("ipxe-uefi-discover", MessageType.DISCOVER, "PXEClient:Arch:00007:UNDI:003010", ("iPXE",), (7,), True),
        ("dnsmasq-address-offer", MessageType.OFFER, "", (), (), False),
    ],
)
def test_recorded_packets(
    name: str, kind: MessageType, vendor: str, users: tuple[str, ...], codes: tuple[int, ...], is_ipxe: bool
) -> None:
    packet = recorded(name)
    assert (packet.kind, packet.vendor_class, packet.user_classes, packet.architectures) == (kind, vendor, users, codes)
    assert (packet.mac, packet.ipxe is not None) == ("52:54:00:77:00:01", is_ipxe)
    assert rebuilt(packet) == packet
    if kind is not MessageType.OFFER:
        assert packet.guid == "907e47d94996c755832131 13ab4a1d6f".replace(" ", "")


def test_what_ipxe_says_it_can_do_is_encapsulated() -> None:
    told = recorded("ipxe-bios-discover").ipxe or {}
    assert (told[19], told.get(20), told[21]) == (b"\x01", None, b"\x01")


@pytest.mark.parametrize(
    ("value", "classes"),
    [
        (b"", ()),
        (b"iPXE", ("iPXE",)),
        (b"\x04iPXE", ("iPXE",)),
        (b"\x04iPXE\x03lab", ("iPXE", "lab")),
        (b"\x04iPX", ("\x04iPX",)),
        (b"\x00iPXE", ("\0iPXE",)),
        (b"\xff\xfe", ("\\xff\\xfe",)),
    ],
)
def test_user_classes_bare_and_by_rfc_3004(value: bytes, classes: tuple[str, ...]) -> None:
    assert user_classes(value) == classes


@pytest.mark.parametrize(
    ("value", "codes"), [(b"", ()), (b"\0\7", (7,)), (b"\0\7\0\x10", (7, 16)), (b"\0\7\0", (7,)), (b"\7", ())]
)
def test_architectures(value: bytes, codes: tuple[int, ...]) -> None:
    assert architectures(value) == codes


def test_encapsulated_options_and_what_comes_before_damage() -> None:
    assert encapsulated({6: b"\x08"}) == b"\x06\x01\x08\xff"
    assert suboptions(b"\0\x06\x01\x08\xff\x09\x01x") == {6: b"\x08"}
    assert suboptions(b"\x06\x01\x08\x47\x09x") == {6: b"\x08"}


@pytest.mark.parametrize(
    ("value", "guid"),
    [
        (b"", None),
        (b"\0" * 17, None),
        (b"\0" + b"\xff" * 16, None),
        (b"\0" + bytes(range(16)), bytes(range(16)).hex()),
        (b"\0" + bytes(range(9)), None),
    ],
)
def test_an_identity_that_is_none(value: bytes, guid: str | None) -> None:
    assert changed(recorded("ovmf-pxe-discover"), {97: value}).guid == guid


@pytest.mark.parametrize(
    ("chaddr", "htype", "mac"),
    [
        (b"\x52\x54\0\0\0\1", 1, "52:54:00:00:00:01"),
        (bytes(6), 1, None),
        (b"\xff" * 6, 1, None),
        (b"\x01\0\0\0\0\1", 1, None),  # a group's address, which no card has
        (b"\x52\x54\0\0\0\1", 32, None),
        (b"\x52\x54\0\0\0\1\0\0", 1, None),
    ],
)
def test_a_mac_address_of_a_machine(chaddr: bytes, htype: int, mac: str | None) -> None:
    assert changed(recorded("ovmf-pxe-discover"), chaddr=chaddr, htype=htype).mac == mac


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: raw[:239], "239 bytes are no DHCP packet"),
        (lambda raw: raw[:COOKIE_AT] + b"cook" + raw[240:], "magic cookie"),
        (lambda raw: b"\x07" + raw[1:], "operation 7"),
        (lambda raw: raw[:2] + b"\x11" + raw[3:], "17 bytes does not fit"),
        (lambda raw: raw[:240] + b"\x3c\x20PXE", "option 60 says it has 32 bytes, and 3 are left"),
        (lambda raw: raw[:240] + b"\x3c", "option 60 has no length"),
        (lambda raw: raw[:108] + b"\x3c\xff" * 64 + raw[236:240] + b"\x34\x01\x01\xff", "option 60 says"),
    ],
)
def test_bad_packets_are_refused_with_what_is_wrong(damage: object, words: str) -> None:
    assert callable(damage)
    with pytest.raises(BadPacket, match=words):
        parse(damage(RECORDED["ovmf-pxe-discover"]))


def test_a_packet_without_an_end_mark_is_read() -> None:
    raw = RECORDED["ovmf-pxe-discover"]
    assert parse(raw.rstrip(b"\0").removesuffix(b"\xff")) == parse(raw)


def test_hostile_packets_are_read_or_refused() -> None:
    chance = random.Random(4011)
    read = 0
    for _ in range(20_000):
        datagram = hostile(chance)
        try:
            packet = parse(datagram)
        except BadPacket:
            continue
        read += 1
        assert rebuilt(packet) == packet
    assert 1000 < read < 19_000
