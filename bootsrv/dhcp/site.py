"""What a PureBoot offers to firmware, as values for `offer`: addresses, loaders, rules."""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath
from urllib.parse import urlsplit

from bootsrv.dhcp.firmware import ARCHITECTURES
from bootsrv.dhcp.offer import Path, Terms
from bootsrv.dhcp.rules import Rules
from bootsrv.loaders import Loaders
from engine.settings import Settings

LOADER_NAMES = tuple(dict.fromkeys(each.loader for each in ARCHITECTURES.values() if each.loader))
_LOOK_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the other doors listen: address and port, TFTP's None where it is off."""

    http: tuple[str, int]
    tftp: tuple[str, int] | None


class ProxySite:
    """Makes the terms for an interface; `look` and `watch` find out which loaders are missing."""

    def __init__(self, settings: Settings, loaders: Loaders, places: Places) -> None:
        self._settings = settings
        self._loaders = loaders
        self._places = places
        self._missing: dict[str, str] = {}
        self._rules = Rules(allow=settings.dhcp.allow, deny=settings.dhcp.deny)
        self._of: Callable[[str], Terms] = lru_cache(maxsize=64)(self._make)

    def terms(self, address: str) -> Terms:
        """What is offered on the interface where `address` is ours."""
        return self._of(address)

    @property
    def names(self) -> tuple[str, ...]:
        """Other names under which machines find this server."""
        host = urlsplit(self._settings.server.url).hostname
        return (host,) if host else ()

    def look(self) -> None:
        """See which loaders can be served. Blocks: it looks at the disk."""
        missing = dict(self._lost(LOADER_NAMES))
        if missing != self._missing:
            self._missing = missing
            self._of = lru_cache(maxsize=64)(self._make)

    async def watch(self) -> None:
        """Look again and again: a loader that was put there is offered without a restart."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.to_thread(self.look)

    def _lost(self, names: Iterable[str]) -> Iterable[tuple[str, str]]:
        root: FilePath | None = self._settings.tftp.root
        for name in names:
            if not self._loaders.find(name) and not (root and (root / name).is_file()):
                yield name, self._loaders.remedy(name)

    def _make(self, address: str) -> Terms:
        host, port = self._places.http
        plain = f"http://{host if _is_one(host) else address}:{port}"
        return Terms(
            address=address,
            tftp=self._tftp(address),
            http=self._settings.server.url or plain,
            plain_http=plain,
            path=Path(self._settings.dhcp.path),
            rules=self._rules,
            missing=self._missing,
        )

    def _tftp(self, address: str) -> str | None:
        """Where TFTP is: the one address that it listens on, or the one of the interface."""
        if self._places.tftp is None:
            return None
        host = self._places.tftp[0]
        return host if _is_one(host) else address if host in ("0.0.0.0", "::") else None  # noqa: S104 - compared with


def _is_one(host: str) -> bool:
    """Whether a host is one IPv4 address, and not all of them."""
    try:
        return not ipaddress.IPv4Address(host).is_unspecified
    except ValueError:
        return False
