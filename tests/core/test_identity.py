"""Which machine it is: the MAC address first, then UUID and serial number; nothing merged where they disagree."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.identity import Clash, Said, identify, other_order, real_serial, real_uuid, spellings
from engine.core.nodes import Node

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
ONE, TWO = "4c4c4544-0043-4a10-8000-000000000001", "4c4c4544-0043-4a10-8000-000000000002"
SWAPPED = "44454c4c-4300-104a-8000-000000000001"
ZEROS, FS = "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
FILLED = "To be filled by O.E.M."


def node(mac: str, uuid: str | None = None, serial: str | None = None, vendor: str | None = None) -> Node:
    return Node(
        id=mac,
        mac_address=mac,
        system_uuid=uuid,
        serial_number=serial,
        vendor=vendor,
        state_changed_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )


def said(mac: str, uuid: str | None = None, serial: str | None = None, vendor: str | None = None) -> Said:
    return Said(mac_address=mac, uuid=uuid, serial=serial, vendor=vendor)


CASES: dict[str, tuple[Said, Node | None, Sequence[Node], str | None, Clash | None]] = {
    "nobody knows it": (said(MAC, ONE, "S0001"), None, [], None, None),
    "the same in everything": (said(MAC, ONE, "S0001"), node(MAC, ONE, "S0001"), [], MAC, None),
    "it says nothing but its MAC address": (said(MAC), node(MAC, ONE, "S0001"), [], MAC, None),
    "the node says nothing but its MAC address": (said(MAC, ONE, "S0001"), node(MAC), [], MAC, None),
    "the UUID in another order of bytes": (said(MAC, SWAPPED), node(MAC, ONE), [], MAC, None),
    "the UUID in capitals": (said(MAC, ONE.upper()), node(MAC, ONE), [], MAC, None),
    "new firmware, new UUID": (said(MAC, TWO, "S0001"), node(MAC, ONE, "S0001"), [], MAC, None),
    "a repair, a new serial number": (said(MAC, ONE, "S0002"), node(MAC, ONE, "S0001"), [], MAC, None),
    "a shared USB adapter": (said(MAC, TWO, "S0002"), node(MAC, ONE, "S0001"), [], MAC, Clash.OTHER_MACHINE),
    "a shared USB adapter, no serial numbers": (
        said(MAC, TWO, FILLED), node(MAC, ONE, FILLED), [], MAC, Clash.OTHER_MACHINE,
    ),
    "a shared USB adapter, serial numbers only": (
        said(MAC, ZEROS, "S0002"), node(MAC, ZEROS, "S0001"), [], MAC, Clash.OTHER_MACHINE,
    ),
    "zeros against a UUID": (said(MAC, ZEROS), node(MAC, ONE), [], MAC, None),
    "a UUID against Fs": (said(MAC, ONE), node(MAC, FS), [], MAC, None),
    "a new network card": (said(MAC, ONE, "S0001"), None, [node(OTHER, ONE, "S0001")], None, Clash.SAME_UUID),
    "a new network card, other order": (said(MAC, SWAPPED), None, [node(OTHER, ONE)], None, Clash.SAME_UUID),
    "two machines of zeros": (said(MAC, ZEROS, FILLED), None, [node(OTHER, ZEROS, FILLED)], None, None),
    "two machines of Fs": (said(MAC, FS), None, [node(OTHER, FS)], None, None),
    "one serial number, no UUIDs": (
        said(MAC, None, "S0001"), None, [node(OTHER, None, "S0001")], None, Clash.SAME_SERIAL,
    ),
    "one serial number, other UUIDs": (said(MAC, TWO, "S0001"), None, [node(OTHER, ONE, "S0001")], None, None),
    "one serial number, other makers": (
        said(MAC, None, "S0001", "ACME"), None, [node(OTHER, None, "S0001", "Initech")], None, None,
    ),
    "a known one with another's UUID": (said(MAC, ONE), node(MAC), [node(OTHER, ONE)], MAC, Clash.SAME_UUID),
    "itself is not another": (said(MAC, ONE), node(MAC, ONE), [node(MAC, ONE)], MAC, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_which_node_it_is_and_what_does_not_fit(case: str) -> None:
    machine, by_mac, alike, expected, clash = CASES[case]
    found = identify(machine, by_mac, alike)
    assert (found.node.mac_address if found.node else None, found.clash) == (expected, clash)
    assert bool(found.message) is bool(found.other) is (clash is not None)


@pytest.mark.parametrize(
    ("text", "is_real"),
    [(ONE, True), ("{" + ONE + "}", True), (ONE.replace("-", ""), True), (ZEROS, False), (FS, False), ("", False),
     (None, False), ("Not Settable", False), ("03000200-0400-0500-0006-000700080009", False), (ONE[:-1], False)],
)  # fmt: skip
def test_uuids_that_name_nobody(text: str | None, is_real: bool) -> None:
    assert (real_uuid(text) is not None) is is_real


@pytest.mark.parametrize(
    ("text", "is_real"),
    [("S0001", True), ("CZ 3421-AB", True), (FILLED, False), ("Default  string", False), ("0000000", False),
     ("N/A", False), ("....", False), ("", False), (None, False), ("123456789", False)],
)  # fmt: skip
def test_serial_numbers_that_name_nobody(text: str | None, is_real: bool) -> None:
    assert (real_serial(text) is not None) is is_real


@given(st.uuids())
def test_the_order_of_bytes_goes_there_and_back_and_is_among_the_spellings(uuid: object) -> None:
    digits = str(uuid).replace("-", "")
    assert other_order(other_order(digits)) == digits
    if real_uuid(str(uuid)):
        assert {str(uuid), str(uuid).upper()} <= set(spellings(str(uuid)))
        assert identify(said(MAC, str(uuid)), node(MAC, spellings(str(uuid))[-1])).clash is None


@given(st.sampled_from(list(CASES)))
def test_the_node_of_a_mac_address_is_never_another(case: str) -> None:
    machine, by_mac, alike, _, _ = CASES[case]
    assert identify(machine, by_mac, alike).node is by_mac
    assert identify(replace(machine, uuid=None, serial=None), by_mac, alike).clash is None
