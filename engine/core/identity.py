"""Which machine this is: by its MAC address first, then by UUID and serial number. Pure.

What the field taught: boards are sold with a UUID of zeros, of Fs or of one and the same example; serial numbers say
"To be filled by O.E.M."; such values name nobody. One USB network adapter goes from machine to machine, and carries
its MAC address along. A new network card makes an old machine look new. Firmware and systems write the first half of a
UUID in another order of bytes (SMBIOS 2.6). So a MAC address decides which node is meant, and where UUID and serial
number contradict it, or name another node, that is told and nothing is merged: a person knows which is true.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from engine.core.nodes import Node

_UUID = re.compile(r"[0-9a-f]{32}")
_NO_UUIDS = frozenset(
    {
        "03000200040005000006000700080009",  # what AMI's example says; sold in thousands
        "00020003000400050006000700080009",
        "12345678123456781234567812345678",
        "12345678123456789012345678901234",
        "fefefefefefefefefefefefefefefefe",
        "00000000000000000000000000000001",
    }
)
_NO_SERIALS = frozenset(
    {
        *("default string", "to be filled by o.e.m.", "to be filled by o.e.m", "system serial number", "none"),
        *("not specified", "not applicable", "n/a", "na", "oem", "o.e.m.", "serial", "unknown", "empty", "null"),
        *(
            "chassis serial number",
            "base board serial number",
            "123456789",
            "1234567890",
            "0123456789",
            "not available",
        ),
        *("invalid", "undefined", "default", "system product name", "xxxxxxxx", "test"),
    }
)


_ANOTHER = "another machine came with its MAC address"


class Clash(StrEnum):
    """What does not fit."""

    OTHER_MACHINE = "other_machine"
    SAME_UUID = "same_uuid"
    SAME_SERIAL = "same_serial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a machine says of itself, as it says it."""

    mac_address: str
    uuid: str | None = None
    serial: str | None = None
    vendor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The node that a machine is (None: a new one), and what does not fit, if anything: how, with which node, in words.

    With `OTHER_MACHINE` what it says must not be taken for the node's, nor anything be done to it.
    """

    node: Node | None
    clash: Clash | None = None
    other: Node | None = None
    message: str = ""


def real_uuid(text: str | None) -> str | None:
    """The 32 digits of a UUID; None if it names nobody."""
    digits = (text or "").strip().strip("{}").replace("-", "").lower()
    if not _UUID.fullmatch(digits) or len(set(digits)) == 1 or digits in _NO_UUIDS:
        return None
    return digits


def real_serial(text: str | None) -> str | None:
    """A serial number in one form; None if it names nobody."""
    plain = " ".join((text or "").lower().split())
    letters = set(plain) - set(" .-_:")
    if len(plain) < 4 or len(letters) < 2 or plain in _NO_SERIALS:
        return None
    return plain


def other_order(digits: str) -> str:
    """A UUID with the bytes of its first three parts the other way round."""
    parts = (digits[:8], digits[8:12], digits[12:16])
    swapped = ("".join(re.findall("..", part)[::-1]) for part in parts)
    return "".join(swapped) + digits[16:]


def spellings(text: str | None) -> tuple[str, ...]:
    """The forms in which a UUID may be kept, both orders of bytes; none if it names nobody."""
    digits = real_uuid(text)
    if digits is None:
        return ()
    both = dict.fromkeys((digits, other_order(digits)))
    dashed = (f"{each[:8]}-{each[8:12]}-{each[12:16]}-{each[16:20]}-{each[20:]}" for each in both)
    return tuple(form for each in dashed for form in (each, each.upper()))


def identify(said: Said, by_mac: Node | None, alike: Iterable[Node] = ()) -> Identified:
    """Which node a machine is.

    `by_mac` is the node with its MAC address; `alike` are nodes that may have its UUID or serial number.
    """
    if by_mac is not None and _contradicts(said, by_mac):
        return Identified(node=by_mac, clash=Clash.OTHER_MACHINE, other=by_mac, message=_another(said, by_mac))
    others = [node for node in alike if by_mac is None or node.id != by_mac.id]
    for node in others:
        if _same_uuid(said.uuid, node.system_uuid):
            return Identified(node=by_mac, clash=Clash.SAME_UUID, other=node, message=_twin("UUID", node))
    for node in others:
        if _same_serial(said, node):
            return Identified(node=by_mac, clash=Clash.SAME_SERIAL, other=node, message=_twin("serial number", node))
    return Identified(node=by_mac)


def is_doubted(said: Said, node: Node) -> bool:
    """Whether two machines were seen with a node's MAC address, and one does not say which of them it is."""
    return not (said.uuid or said.serial) and (node.identity_conflict or "").startswith(_ANOTHER)


def _contradicts(said: Said, node: Node) -> bool:
    """Whether everything that names a machine and is known of both is another: one that fits is enough to be the same,
    for UUIDs change with firmware and serial numbers with repairs, but hardly both at once.
    """
    verdicts = []
    if real_uuid(said.uuid) and real_uuid(node.system_uuid):
        verdicts.append(_same_uuid(said.uuid, node.system_uuid))
    if real_serial(said.serial) and real_serial(node.serial_number):
        verdicts.append(real_serial(said.serial) == real_serial(node.serial_number))
    return bool(verdicts) and not any(verdicts)


def _same_uuid(one: str | None, other: str | None) -> bool:
    first, second = real_uuid(one), real_uuid(other)
    return first is not None and second is not None and second in (first, other_order(first))


def _same_serial(said: Said, node: Node) -> bool:
    """One serial number of one maker; if the UUIDs are known they must not say that the machines are two."""
    serial = real_serial(said.serial)
    if serial is None or serial != real_serial(node.serial_number):
        return False
    if real_uuid(said.uuid) and real_uuid(node.system_uuid):
        return False  # the UUIDs differ, or we would not be here
    return not (said.vendor and node.vendor) or said.vendor.lower() == node.vendor.lower()


def _another(said: Said, node: Node) -> str:
    name = f"UUID {said.uuid}" if real_uuid(said.uuid) else f"serial number {said.serial}"
    return (
        f"{_ANOTHER} ({name}): a network adapter that several machines share, or a new "
        f"mainboard; if this node is that machine now: pureboot node set {node.mac_address} system_uuid= serial_number="
    )


def _twin(what: str, node: Node) -> str:
    return (
        f"it has the {what} of node {node.name} ({node.mac_address}): a new network card in that machine, or a {what} "
        "that two machines share; nothing was merged"
    )
