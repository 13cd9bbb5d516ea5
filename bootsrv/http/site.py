"""What the HTTP doors share: the open PureBoot, the loaders, the limits."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web

from bootsrv.http.bells import Bells
from bootsrv.http.outgoing import Outgoing
from bootsrv.http.pace import Pace
from bootsrv.http.patience import Patience
from bootsrv.http.received import Received
from bootsrv.http.sender import Sender
from bootsrv.lacking import Looks
from bootsrv.loaders import Loaders
from engine.app import PureBoot
from engine.core.scopes import Server
from engine.settings import PRIVILEGED_TFTP_PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may take up. Seconds and counts; the defaults are for a hostile provisioning network.

    `per_address` does not count connections from this machine itself unless `local_is_free` is False. `header_seconds`
    is how long a connection may stay without a whole request, at its start or between two. Between two pieces of a body
    `body_seconds` may pass, and for all of it a second more for each 64 KiB that its route allows; one that was refused
    unread is thrown away for `linger_seconds`, so that whoever still sends it gets to read why. A peer that takes
    nothing of what is sent to it for `stall_seconds` is cut off, one that takes no event for `event_seconds` as well;
    `event_readers` may follow those in all, and `event_readers_each` with one token.
    """

    connections: int = 2000
    per_address: int = 64
    local_is_free: bool = True
    header_seconds: float = 15.0
    body_seconds: float = 10.0
    linger_seconds: float = 2.0
    stall_seconds: float = 60.0
    event_readers: int = 64
    event_readers_each: int = 16
    event_seconds: float = 10.0
    event_pause_seconds: float = 15.0
    longest_wait: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One per pair of doors. `tftp` gives the address TFTP listens on, None where there is none; `dhcp` the ports on
    which proxyDHCP answers.

    `readers` are those who follow the events now, each with who it is.
    """

    pureboot: PureBoot
    loaders: Loaders
    tftp: Callable[[], tuple[str, int] | None] = lambda: None
    dhcp: Callable[[], tuple[int, ...]] = tuple
    limits: Limits = field(default_factory=Limits)
    bells: Bells = field(default_factory=Bells)
    patience: Patience = field(default_factory=Patience)
    received: Received = field(default_factory=Received)
    pace: Pace = field(default_factory=Pace)
    sender: Sender = field(default_factory=Sender)
    outgoing: Outgoing = field(default_factory=Outgoing)
    looks: Looks = field(default_factory=Looks)
    readers: dict[object, str] = field(default_factory=dict)

    def server(self, asked: str) -> Server:
        """What a client is told of this server; `asked` is the `host:port` under which it reached us."""
        url = self.pureboot.settings.server.url or f"http://{asked}"
        return Server(url=url, tftp_url=self._tftp_url(url))

    def _tftp_url(self, url: str) -> str:
        address = self.tftp()
        if address is None:
            return ""
        host = bracketed(urlsplit(url).hostname or "")
        return f"tftp://{host}" if address[1] == PRIVILEGED_TFTP_PORT else f"tftp://{host}:{address[1]}"


SITE = web.AppKey("site", Site)

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")


def checked_host(header: str) -> str | None:
    """A `Host` header that can be put into URLs as it is; None if it is anything else (RFC 9110 section 7.2)."""
    match = _HOST.fullmatch(header)
    if match is None or len(header) > 255 or int(match["port"] or 1) not in range(1, 65536):
        return None
    host = match["host"]
    good = _is_ipv6(host[1:-1]) if host.startswith("[") else host[0] not in ".-" and ".." not in host
    return header if good else None


def bracketed(host: str) -> str:
    """A host as it stands in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
