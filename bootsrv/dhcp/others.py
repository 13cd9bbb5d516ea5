"""Other boot servers on the segment, as far as their answers can be seen; pure.

Two servers that both name a boot file make machines boot now this, now that: which offer a client takes is the client's
own affair. A server that only gives addresses is the site's DHCP server and no news.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bootsrv.dhcp.offer import wants_boot
from bootsrv.dhcp.options import Code, text
from bootsrv.dhcp.packet import ANY, REPLY, MessageType, Packet

AGAIN_SECONDS = 24 * 3600.0
MOST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherServer:
    """Somebody else who tells machines what to boot. `file` and `next_server` are what he says; `mac` is who asked."""

    address: str
    mac: str | None
    file: str
    next_server: str


def other_server(packet: Packet, source: str, *, is_ours: Callable[[str], bool]) -> OtherServer | None:
    """Who answered there, if it is another server and names something to boot that is not on this one.

    `is_ours` says whether an address, or the host of a URL, is this machine's.
    """
    if packet.op != REPLY or packet.kind not in (MessageType.OFFER, MessageType.ACK):
        return None
    address = packet.server_id or source
    if is_ours(address) or not (packet.boot_file or wants_boot(packet)):
        return None
    named = text(packet.options.get(Code.TFTP_SERVER) or packet.sname)
    next_server = packet.siaddr if packet.siaddr != ANY else named
    host = packet.boot_file.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    # dnsmasq says siaddr of itself where nobody told it another, so option 66 counts as well
    if any(map(is_ours, (host,) if host else (next_server, named))):
        return None
    return OtherServer(address=address, mac=packet.mac, file=packet.boot_file, next_server=next_server)


class Seldom:
    """Says whether something is to be told: each thing once in `seconds`, and at most `most` things in that time."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._told: dict[object, float] = {}

    def may(self, thing: object, now: float) -> bool:
        """Whether to tell of it now; if so, it counts as told. `now` in seconds of any clock that only goes on."""
        last = self._told.get(thing)
        if last is not None and now - last < self._seconds:
            return False
        if len(self._told) >= self._most:
            self._told = {each: at for each, at in self._told.items() if now - at < self._seconds}
            if len(self._told) >= self._most:
                return False
        self._told[thing] = now
        return True
