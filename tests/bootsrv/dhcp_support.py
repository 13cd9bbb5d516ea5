"""Recorded packets, a site to answer them for, and packets that are wrong in as many ways as can be had."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from bootsrv.dhcp.offer import Asked, Terms
from bootsrv.dhcp.packet import Packet, build, parse

DATA = Path(__file__).parents[1] / "data" / "dhcp"
RECORDED = {path.stem: path.read_bytes() for path in sorted(DATA.glob("*.bin"))}

ADDRESS = "10.0.0.1"
TERMS = Terms(address=ADDRESS, tftp=ADDRESS, http=f"http://{ADDRESS}:8080", plain_http=f"http://{ADDRESS}:8080")
DISCOVERED = Asked(binl=False, source="0.0.0.0", source_port=68)
ASKED_4011 = Asked(binl=True, source="10.0.0.130", source_port=4011)


def recorded(name: str) -> Packet:
    return parse(RECORDED[name])


def changed(packet: Packet, options: dict[int, bytes | None] | None = None, **fields: Any) -> Packet:
    """A packet with other fields and options; an option of None is taken out."""
    merged = {**packet.options, **(options or {})}
    kept = {code: value for code, value in merged.items() if value is not None}
    return replace(packet, options=kept, **fields)


def from_architecture(code: int, *, vendor: str = "PXEClient") -> Packet:
    """What firmware of an architecture sends."""
    name = f"{vendor}:Arch:{code:05}:UNDI:003000".encode()
    return changed(recorded("ovmf-pxe-discover"), {93: code.to_bytes(2), 60: name})


def from_relay(packet: Packet, relay: str) -> Packet:
    return changed(packet, {82: b"\x01\x04eth7"}, giaddr=relay, hops=1)


def hostile(chance: random.Random) -> bytes:
    """A datagram that began as a good one, or as nothing."""
    datagram = bytearray(chance.choice(list(RECORDED.values())))
    match chance.randrange(5):
        case 0:
            return chance.randbytes(chance.randrange(600))
        case 1:
            del datagram[chance.randrange(len(datagram)) :]
        case 2:
            at = chance.randrange(240, len(datagram) + 1)
            datagram[at:at] = chance.randbytes(chance.randrange(1, 300))
        case 3:
            datagram[240:] = b"\x35\x01\x01" + chance.randbytes(chance.randrange(300))
    for _ in range(chance.randrange(12) if datagram else 0):
        datagram[chance.randrange(len(datagram))] = chance.choice((0, 1, 52, 255, chance.randrange(256)))
    return bytes(datagram)


def rebuilt(packet: Packet) -> Packet:
    return parse(build(packet, 65_000))
