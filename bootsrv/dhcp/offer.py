"""What the proxy answers to a packet; pure: a packet and what is known in, a value out.

What firmware wants was found out the slow way (OVMF 2022.11, iPXE of 2019, and what other projects write down):

- A proxy gives no address: `yiaddr` stays zero and there is no lease, or the site's own DHCP server has a rival.
- The answer says `PXEClient` or `HTTPClient` in option 60, as the client did. OVMF without it asks for ever.
- `siaddr` has the TFTP server. iPXE drops an offer without one and says nothing.
- The file and the server stand in the header and in options 66 and 67: some read only the one, some only the other. The
  options end with a NUL, which some ROMs count on.
- There are two lawful paths. With option 43, sub-option 6 = 8 ("do not discover") the file is in the offer and that is
  all. Without, the client takes its address first and then asks port 4011, and what the offer says of a file is not
  read. Some UEFI firmware ignores the first path and no BIOS needs the second, so each gets its own; iPXE reads the
  file in the offer, and asks port 4011 only if there is none.
- An iPXE that was told a file by nobody falls through to the disk, so the loop of loaders ends where iPXE says that it
  is iPXE: by its user class or by option 175.
- A REQUEST on port 67 is meant for the server whose offer was taken (option 54). Only where that is us it is answered;
  one that asks for an address never is, for we have none.
- A client without an address hears broadcasts only, whatever its broadcast flag says: to send it a packet of its own we
  would have to write into this machine's ARP table. Behind a relay agent the relay does it, on its port 67.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import quote

from bootsrv.dhcp.firmware import Architecture, architecture
from bootsrv.dhcp.options import LONGEST, BadPacket, Code, PxeOption, encapsulated, suboptions
from bootsrv.dhcp.packet import ANY, BROADCAST, REPLY, REQUEST, MessageType, Packet, build
from bootsrv.dhcp.rules import Rules
from bootsrv.ipxe import BOOT_SCRIPT_PATH
from bootsrv.ipxe_words import FILES_PATH

SERVER_PORT, CLIENT_PORT, BINL_PORT = 67, 68, 4011
PXE_CLIENT, HTTP_CLIENT = "PXEClient", "HTTPClient"
IPXE_CLASS = "iPXE"
LONGEST_NAME = 127
"""Bytes of a name in the header; a longer URL stands in option 67 alone."""

GUID_BYTES = 17
MOST_BYTES = 1472
"""What a client can take without fragments, whatever it says."""

_BYPASS = encapsulated({PxeOption.DISCOVERY_CONTROL: b"\x08"})
_HTTP_FEATURE, _HTTPS_FEATURE = 19, 20
_FEATURES = {
    16: "pxe",
    17: "iscsi",
    18: "aoe",
    _HTTP_FEATURE: "http",
    _HTTPS_FEATURE: "https",
    21: "tftp",
    23: "dns",
    24: "bzimage",
    36: "efi",
    38: "vlan",
    39: "menu",
    41: "nfs",
}
_LOADER_CHARACTERS = "!$&'()+,;=@/-._~"


class Path(StrEnum):
    """How a client learns of its file: in the offer, or by asking port 4011."""

    AUTO = "auto"
    BYPASS = "bypass"
    BINL = "4011"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a site offers on one interface. `address` is ours there, `tftp` where TFTP is (None: it is off); `http` and
    `plain_http` are base URLs, the second one that an iPXE without https can fetch from. `binl` says whether port 4011
    is listened on; `missing` names the loaders that cannot be served.
    """

    address: str
    tftp: str | None
    http: str
    plain_http: str
    binl: bool = True
    path: Path = Path.AUTO
    rules: Rules = field(default_factory=Rules)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a packet came: on port 4011 or 67, and from where."""

    binl: bool
    source: str
    source_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is known of who asks. `welcome` False: it is not listed, and strangers are not wanted; `loader` is the one
    that was chosen for it.
    """

    welcome: bool = True
    loader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where an answer goes; the address may be the broadcast address."""

    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent, as a value and in bytes, and where to. `facts` is what it says, for people."""

    packet: Packet
    datagram: bytes
    to: Destination
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No answer, and why: `code` for programs, `reason` for people. `notable` where somebody may wonder."""

    code: str
    reason: str
    notable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boot:
    """What a client is to boot. `note` says what of a wish could not be done."""

    file: str
    ipxe: bool = False
    http: bool = False
    note: str = ""


def decide(packet: Packet, asked: Asked, terms: Terms, machine: Machine) -> Answer | Silence:
    """What to answer; never an address."""
    refusal = _not_for_us(packet, asked, terms) or _not_welcome(packet, terms, machine)
    if refusal is not None:
        return refusal
    found = architecture(packet.architectures)
    boot = _boot(packet, found, terms, machine)
    return boot if isinstance(boot, Silence) else _answer(packet, asked, terms, found, boot)


def wants_boot(packet: Packet) -> bool:
    """Whether a packet asks to be booted: option 60 says so."""
    return packet.vendor_class.startswith((PXE_CLIENT, HTTP_CLIENT))


def is_ipxe(packet: Packet) -> bool:
    """Whether iPXE asks, and no more its firmware."""
    return IPXE_CLASS in packet.user_classes or packet.ipxe is not None


def features(packet: Packet) -> tuple[str, ...] | None:
    """What an iPXE says it can do; None if it does not say."""
    told = packet.ipxe
    return tuple(name for code, name in _FEATURES.items() if told.get(code, b"\0") != b"\0") if told else None


def _wonder(code: str, reason: str) -> Silence:
    return Silence(code=code, reason=reason, notable=True)


def _not_for_us(packet: Packet, asked: Asked, terms: Terms) -> Silence | None:
    if packet.op != REQUEST:
        return Silence(code="reply", reason="it is an answer")
    if packet.kind not in (MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM):
        return Silence(code="not-boot", reason="it asks for nothing that a proxy has")
    if asked.binl and packet.kind is MessageType.DISCOVER:
        return Silence(code="not-boot", reason="a search for servers is not for port 4011")
    if not wants_boot(packet):
        return Silence(code="not-boot", reason="it does not ask to be booted")
    if packet.kind is MessageType.REQUEST and not asked.binl and _takes_address(packet, terms):
        return Silence(code="address", reason=f"it is for {packet.server_id or 'the server that gave the address'}")
    return None


def _takes_address(packet: Packet, terms: Terms) -> bool:
    """Whether a REQUEST is for a server that gives addresses: it may be on this machine, under our own address."""
    wanted = packet.options.get(Code.REQUESTED_ADDRESS, b"")
    return packet.server_id != terms.address or any(wanted) or packet.ciaddr != ANY


def _not_welcome(packet: Packet, terms: Terms, machine: Machine) -> Silence | None:
    mac = packet.mac
    if mac is None:
        return _wonder("no-mac", "it has no MAC address of a machine")
    refused = terms.rules.refusal(mac, packet.vendor_class)
    if refused is not None:
        return _wonder("denied", refused)
    if not machine.welcome:
        return _wonder("unknown", "it is no node, and discovery.enabled is false: add it as a node first")
    if not packet.architectures:
        return _wonder("no-architecture", "it does not say its architecture (option 93)")
    if not _is_machines(packet.giaddr):
        return _wonder("relay", f"{packet.giaddr} is no address of a relay agent")
    return None


def _is_machines(address: str) -> bool:
    """Whether an address may be one host's, or is not there."""
    first = int(address.partition(".")[0])
    return address == ANY or (0 < first < 224 and first != 127)


def _boot(packet: Packet, found: Architecture, terms: Terms, machine: Machine) -> _Boot | Silence:
    if is_ipxe(packet):
        return _script(packet, terms)
    if found.loader is None:
        return _wonder("no-loader", f"there is no loader for architecture {found.code} ({found.name})")
    name, note = _loader(found, found.loader, machine.loader)
    if name in terms.missing:
        return _wonder("missing-loader", f"{name} is missing: {terms.missing[name]}")
    if packet.vendor_class.startswith(HTTP_CLIENT):
        return _Boot(file=_url(terms.http, name), http=True, note=note)
    if terms.tftp is None:
        return _wonder("no-tftp", "it wants its loader by TFTP, and there is none on IPv4 (tftp.enabled, tftp.host)")
    return _Boot(file=name, note=note)


def _script(packet: Packet, terms: Terms) -> _Boot | Silence:
    can = features(packet)
    if can is not None and "http" not in can:
        return _wonder("no-http", "this build of iPXE has no HTTP: give the machine another one")
    plain = can is not None and "https" not in can and terms.http.startswith("https:")
    note = "this build of iPXE has no HTTPS" if plain else ""
    return _Boot(file=f"{terms.plain_http if plain else terms.http}{BOOT_SCRIPT_PATH}", ipxe=True, note=note)


def _loader(found: Architecture, usual: str, chosen: str | None) -> tuple[str, str]:
    """The chosen loader, if this firmware can run it; else the usual one, and why."""
    if chosen is None:
        return usual, ""
    problem = loader_problem(chosen)
    if problem is None and chosen.lower().endswith(".efi") == found.bios:
        problem = f"is not for {found.name}"
    return (usual, f"loader {chosen[:80]!r} {problem}") if problem else (chosen, "")


def loader_problem(name: str) -> str | None:
    """What is wrong with the name of a loader that was chosen for a node; None if it may be told to firmware."""
    if not 0 < len(name) <= LONGEST_NAME:
        return f"must have 1 to {LONGEST_NAME} characters"
    if not (name.isascii() and name.isprintable()) or " " in name:
        return "must be printable ASCII without spaces"
    if ".." in name.split("/") or "\\" in name or ":" in name:
        return "must be a file's name or its path below tftp.root"
    return None


def _url(base: str, name: str) -> str:
    folder = FILES_PATH if "/" in name.lstrip("/") else "/boot/"
    return f"{base}{folder}{quote(name.lstrip('/'), safe=_LOADER_CHARACTERS)}"


def _answer(packet: Packet, asked: Asked, terms: Terms, found: Architecture, boot: _Boot) -> Answer | Silence:
    later = _asks_4011(packet, asked, terms, found, boot)
    reply = _reply(packet, terms, _vendor(packet, asked, later), None if later else boot)
    try:
        datagram = _written(reply, min(packet.room, MOST_BYTES))
    except BadPacket as error:
        return _wonder("too-long", f"the answer does not fit into a packet: {error}")
    facts: dict[str, object] = {
        "answer": "offer" if packet.kind is MessageType.DISCOVER else "ack",
        "ipxe": boot.ipxe,
        "path": "4011" if later or asked.binl else "http" if boot.http else "bypass",
        "file": None if later else boot.file,
        "address": terms.address,
    }
    if boot.note:
        facts["note"] = boot.note
    return Answer(packet=reply, datagram=datagram, to=_destination(packet, asked), facts=facts)


def _written(reply: Packet, room: int) -> bytes:
    """In bytes; where there is little room, without what stands in the options as well."""
    try:
        return build(reply, room)
    except BadPacket:
        return build(replace(reply, sname=b"", file=b""), room)


def _asks_4011(packet: Packet, asked: Asked, terms: Terms, found: Architecture, boot: _Boot) -> bool:
    """Whether this client is left to ask port 4011 for its file."""
    if asked.binl or packet.kind is not MessageType.DISCOVER or boot.ipxe or boot.http or not terms.binl:
        return False
    return not found.bios if terms.path is Path.AUTO else terms.path is Path.BINL


def _vendor(packet: Packet, asked: Asked, later: bool) -> bytes | None:
    """Option 43: the boot item that was asked for on port 4011, or the word that nothing is to be discovered."""
    if later:
        return None
    if asked.binl:
        item = suboptions(packet.options.get(Code.VENDOR, b"")).get(PxeOption.BOOT_ITEM)
        return None if item is None else encapsulated({PxeOption.BOOT_ITEM: item})
    return _BYPASS


def _reply(packet: Packet, terms: Terms, vendor: bytes | None, boot: _Boot | None) -> Packet:
    server = terms.tftp or terms.address
    discovers = packet.kind is MessageType.DISCOVER
    http = packet.vendor_class.startswith(HTTP_CLIENT)
    options: dict[int, bytes] = {
        Code.MESSAGE_TYPE: bytes((MessageType.OFFER if discovers else MessageType.ACK,)),
        Code.SERVER_ID: _packed(terms.address),
        Code.VENDOR_CLASS: (HTTP_CLIENT if http else PXE_CLIENT).encode(),
    }
    if vendor is not None and not http:
        options[Code.VENDOR] = vendor
    if boot is not None:
        options[Code.TFTP_SERVER] = server.encode() + b"\0"
        options[Code.BOOT_FILE] = boot.file.encode() + b"\0"
    # the relay's is to be the last (RFC 3046 section 2.1)
    for echoed, most in ((Code.CLIENT_GUID, GUID_BYTES), (Code.RELAY_AGENT, LONGEST)):
        value = packet.options.get(echoed)
        if value is not None and len(value) <= most:
            options[echoed] = value
    reply = Packet(
        op=REPLY,
        xid=packet.xid,
        htype=packet.htype,
        chaddr=packet.chaddr,
        flags=packet.flags,
        ciaddr=ANY if discovers else packet.ciaddr,
        siaddr=server,
        giaddr=packet.giaddr,
        options=options,
    )
    if boot is None:
        return reply
    file = boot.file.encode()
    return replace(reply, sname=server.encode(), file=file if len(file) <= LONGEST_NAME else b"")


def _packed(address: str) -> bytes:
    return bytes(map(int, address.split(".")))


def _destination(packet: Packet, asked: Asked) -> Destination:
    if asked.binl:
        return Destination(address=BROADCAST if asked.source == ANY else asked.source, port=asked.source_port)
    if packet.giaddr != ANY:
        return Destination(address=packet.giaddr, port=SERVER_PORT)
    has_address = packet.kind is not MessageType.DISCOVER and packet.ciaddr != ANY and _is_machines(packet.ciaddr)
    return Destination(address=packet.ciaddr if has_address else BROADCAST, port=CLIENT_PORT)
