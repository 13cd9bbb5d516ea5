"""The proxy on its sockets: hears who asks, sends what `offer` decides, tells what somebody should know.

Nothing that waits is between a question and its answer: what is known of nodes and loaders is in memory, for an iPXE
that has its address already goes on without us after moments. What a hostile network can do is bounded: so many answers
a second, so many lines in the log, so many servers that are told of.
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bootsrv.dhcp import sockets
from bootsrv.dhcp.firmware import architecture
from bootsrv.dhcp.offer import (
    BINL_PORT,
    CLIENT_PORT,
    SERVER_PORT,
    Answer,
    Asked,
    Machine,
    Silence,
    Terms,
    decide,
    features,
    is_ipxe,
    wants_boot,
)
from bootsrv.dhcp.options import BadPacket
from bootsrv.dhcp.others import AGAIN_SECONDS, MOST, OtherServer, Seldom, other_server
from bootsrv.dhcp.packet import ANY, BROADCAST, REPLY, MessageType, Packet, parse
from bootsrv.dhcp.sockets import Hears, Received
from bootsrv.paths import shown
from bootsrv.tftp.allowance import Allowance

__all__ = ["Contacts", "ProxyDhcp"]

log = logging.getLogger(__name__)

Contacts = Callable[[str, str, Mapping[str, object]], None]
"""Told of each contact: its kind, the machine's MAC address, and what there is to know of it.

Kinds are `dhcp.discover`, `dhcp.request` and `dhcp.inform`. Their facts: `port`, `interface`, `source`, `relay`,
`vendor_class`, `user_class`, `arch`, `ipxe`, `features`, `guid`, and `answer`: `offer` or `ack`, with `path` (`4011`,
`bypass`, `http`), `file`, our `address` and perhaps a `note`; or None, with `reason` (the code of a `Silence`, such as
`denied`, `no-loader`; `address` where the machine takes an address of the site's server), `message` and `chosen`, the
server that it names. `dhcp.other_offer` is the answer of another boot server: `interface`, `server`, `file`,
`next_server`.
"""

PACKETS_PER_SECOND, SECONDS_AT_ONCE = 1000.0, 4.0
REASON_SECONDS, REASONS = 600.0, 100
_OWN_ADDRESSES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A socket and what it is for."""

    socket: socket.socket
    port: int
    hears: Hears


class ProxyDhcp:
    """Answers on ports 67 and 4011 of `interfaces` (all, if none is named).

    `terms` gives what the site offers on the interface that has an address; `machine` what is known of a MAC address.
    Both are called for each packet and must not wait. `contacts` is called for each contact of a machine that asks to
    be booted, and must not wait either; `on_other` for another boot server that was seen: one that names neither an
    address of this machine nor one of `own_names`. What comes beyond `packets_per_second` is thrown away. After
    `start`, `notices` says what somebody should know.
    """

    def __init__(
        self,
        terms: Callable[[str], Terms],
        machine: Callable[[str], Machine],
        *,
        interfaces: tuple[str, ...] = (),
        own_names: tuple[str, ...] = (),
        contacts: Contacts | None = None,
        on_other: Callable[[OtherServer], None] | None = None,
        packets_per_second: float = PACKETS_PER_SECOND,
    ) -> None:
        self.notices: list[str] = []
        self._terms, self._machine = terms, machine
        self._interfaces: tuple[str | None, ...] = interfaces or (None,)
        self._contacts, self._on_other = contacts, on_other
        self._doors: list[Door] = []
        self._rate = packets_per_second
        self._allowance = Allowance(packets_per_second, SECONDS_AT_ONCE * packets_per_second)
        self._reasons = Seldom(REASON_SECONDS, REASONS)
        self._others = Seldom(AGAIN_SECONDS, MOST)
        self._own = dict.fromkeys(own_names, True)
        self._dropped = 0

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports on which it answers, in order; none if it does not."""
        return tuple(sorted({door.port for door in self._doors} & {SERVER_PORT, BINL_PORT}))

    @property
    def dropped(self) -> int:
        """How many packets were thrown away unread, since it was made: too many came at once."""
        return self._dropped

    def start(self) -> None:
        """Listen, where that is allowed. What is not allowed is in `notices`, and the rest goes on."""
        self.notices = []
        for interface in self._interfaces:
            if self._open_server(interface):
                self._open_binl(interface)
                self._open_watch(interface)
        loop = asyncio.get_running_loop()
        for door in self._doors:
            loop.add_reader(door.socket, self._readable, door)
        if self._doors:
            log.info("proxyDHCP answers on %s", sockets.shown_ports(self.ports))

    def close(self) -> None:
        """Stop listening."""
        doors, self._doors = self._doors, []
        for door in doors:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(door.socket)
            door.socket.close()

    def _open_server(self, interface: str | None) -> bool:
        where = f"port {SERVER_PORT}{_of(interface)}"
        try:
            self._open(SERVER_PORT, interface, Hears.ALL)
            return True
        except OSError as error:
            why = error
        if why.errno == errno.EADDRINUSE:
            with contextlib.suppress(OSError):
                self._open(SERVER_PORT, interface, Hears.BROADCASTS)
                self.notices.append(
                    f"proxyDHCP shares {where} with another DHCP server of this machine and hears broadcasts only: "
                    "machines behind relay agents are not answered"
                )
                return True
        self.notices.append(
            f"proxyDHCP does not answer: {where} is {sockets.reason(why)}"
            if why.errno != errno.ENODEV
            else f"proxyDHCP does not answer on {interface} (dhcp.interfaces): {sockets.reason(why)}"
        )
        return False

    def _open_binl(self, interface: str | None) -> None:
        try:
            self._open(BINL_PORT, interface, Hears.ALL)
        except OSError as error:
            self.notices.append(
                f"proxyDHCP names the loader in its offers only: port {BINL_PORT}{_of(interface)} is "
                f"{sockets.reason(error)}; some UEFI firmware will not boot"
            )

    def _open_watch(self, interface: str | None) -> None:
        try:
            self._open(CLIENT_PORT, interface, Hears.BROADCASTS)
        except OSError as error:
            log.info("other boot servers cannot be seen: port %d is %s", CLIENT_PORT, sockets.reason(error))

    def _open(self, port: int, interface: str | None, hears: Hears) -> None:
        self._doors.append(Door(socket=sockets.listen(port, interface, hears), port=port, hears=hears))

    def _readable(self, door: Door) -> None:
        # One datagram a turn of the loop: a flood gets no larger share of it than anybody else.
        try:
            heard = sockets.receive(door.socket)
        except OSError as error:
            self._grumble("socket", f"port {door.port} cannot be read: {error.strerror}")
            return
        if heard is None:
            return
        if not self._allowance.take(asyncio.get_running_loop().time()):
            self._dropped += 1
            self._grumble("flood", f"more than {self._rate:.0f} packets a second: the rest is thrown away")
            return
        try:
            packet = parse(heard.datagram)
        except BadPacket as error:
            self._grumble(heard.source, f"a packet from {heard.source} port {heard.source_port}: {error}")
            return
        if packet.op == REPLY:
            self._overheard(packet, heard)
        elif door.port != CLIENT_PORT:
            self._asked(packet, heard, door)

    def _asked(self, packet: Packet, heard: Received, door: Door) -> None:
        if heard.own == ANY:
            self._grumble(heard.interface, f"{_name(heard)} has no IPv4 address: nobody is answered there")
            return
        self._own[heard.own] = True
        asked = Asked(binl=door.port == BINL_PORT, source=heard.source, source_port=heard.source_port)
        machine = self._machine(packet.mac or "")
        decided = decide(packet, asked, self._terms_at(heard.own), machine)
        if isinstance(decided, Answer):
            decided = self._send(decided, heard, door)
        if isinstance(decided, Silence) and decided.notable:
            self._grumble(
                (packet.mac, decided.reason), f"{packet.mac or heard.source} gets no answer: {decided.reason}"
            )
        self._tell(packet, heard, door, decided)

    def _terms_at(self, address: str) -> Terms:
        terms = self._terms(address)
        return terms if BINL_PORT in self.ports else replace(terms, binl=False)

    def _send(self, decided: Answer, heard: Received, door: Door) -> Answer | Silence:
        to = (decided.to.address, decided.to.port)
        try:
            sockets.answer(door.socket, decided.datagram, to, heard)
        except OSError as error:
            where = "all" if to[0] == BROADCAST else to[0]
            return Silence(code="unsent", reason=f"nothing can be sent to {where}: {error.strerror}", notable=True)
        log.debug("proxyDHCP %s to %s port %d: %s", decided.facts["answer"], *to, decided.facts["file"])
        return decided

    def _tell(self, packet: Packet, heard: Received, door: Door, decided: Answer | Silence) -> None:
        """Tell of a contact: one that asks to be booted, or the address that such a machine takes from the site."""
        if self._contacts is None or packet.mac is None or not wants_boot(packet) or packet.kind is None:
            return
        facts: dict[str, object] = {
            "port": door.port,
            "interface": _name(heard),
            "source": heard.source,
            "relay": None if packet.giaddr == ANY else packet.giaddr,
            "vendor_class": shown(packet.vendor_class),
            "user_class": [shown(each) for each in packet.user_classes],
            "arch": _arch(packet),
            "ipxe": is_ipxe(packet),
            "features": features(packet),
            "guid": packet.guid,
        }
        if isinstance(decided, Answer):
            facts |= decided.facts
        else:
            facts |= {"answer": None, "reason": decided.code, "message": decided.reason, "chosen": packet.server_id}
        self._contact(_KINDS.get(packet.kind, "dhcp.other"), packet.mac, facts)

    def _contact(self, kind: str, mac: str, facts: Mapping[str, object]) -> None:
        if self._contacts is None:
            return
        try:
            self._contacts(kind, mac, facts)
        except Exception:
            log.exception("whoever listens for DHCP contacts failed")

    def _overheard(self, packet: Packet, heard: Received) -> None:
        """An answer of somebody's: of the site's DHCP server, of our own, or of one that should not be there."""
        seen = other_server(packet, heard.source, is_ours=self._is_ours)
        if seen is None:
            return
        facts = {"server": seen.address, "file": shown(seen.file), "next_server": shown(seen.next_server)}
        if seen.mac is not None:
            self._contact("dhcp.other_offer", seen.mac, {"interface": _name(heard), **facts})
        if not self._others.may(seen.address, asyncio.get_running_loop().time()):
            return
        log.warning(
            "%s also tells machines what to boot (%s from %s): take its boot options out, or switch dhcp.mode off",
            seen.address,
            shown(seen.file) or "no file",
            shown(seen.next_server) or "nowhere",
        )
        if self._on_other is not None:
            self._on_other(replace(seen, file=shown(seen.file), next_server=shown(seen.next_server)))

    def _is_ours(self, address: str) -> bool:
        known = self._own.get(address)
        if known is None:
            known = sockets.is_own_address(address)
            if known or len(self._own) < _OWN_ADDRESSES:
                self._own[address] = known
        return known

    def _grumble(self, about: object, text: str) -> None:
        if self._reasons.may(about, asyncio.get_running_loop().time()):
            log.warning("proxyDHCP: %s", shown(text, 400))


_KINDS = {
    MessageType.DISCOVER: "dhcp.discover",
    MessageType.REQUEST: "dhcp.request",
    MessageType.INFORM: "dhcp.inform",
}


def _arch(packet: Packet) -> str | None:
    """The architecture that counts, for people."""
    if not packet.architectures:
        return None
    found = architecture(packet.architectures)
    return f"{found.code} ({found.name})"


def _of(interface: str | None) -> str:
    return f" of {interface}" if interface else ""


def _name(heard: Received) -> str:
    return sockets.interface_name(heard.interface)
