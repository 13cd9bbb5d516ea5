"""Asking other systems over HTTP, and which of them may be asked at all (the guard against SSRF).

Who may write a workflow could otherwise let PureBoot ask what only PureBoot can reach: its own API on loopback, the
metadata service of a cloud (169.254.169.254). Addresses are judged after names were resolved, and the connection goes
to the very address that was judged, so a name that means another address the next time changes nothing.
"""

import asyncio
import ipaddress
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import aiohttp

MAX_BODY = 1024 * 1024
CONNECT_SECONDS = 30.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotReached(Exception):
    """There was no answer: no connection, a broken one, or none in time; or the address may not be asked."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses may be asked: all but loopback, link-local, multicast and unspecified ones, and of those the
    networks that are allowed (`outbound.allow`, as `127.0.0.0/8`).
    """

    allow: Sequence[str] = ()

    def refusal(self, text: str) -> str | None:
        """Why an address may not be asked; None if it may."""
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
        what = _kind(address)
        if what is None or any(address in _network(each) for each in self.allow if _fits(each, address)):
            return None
        return f"{address} is a {what} address, which is not asked unless outbound.allow names it"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _fits(text: str, address: Address) -> bool:
    return _network(text).version == address.version


def _plain(address: Address) -> Address:
    """An IPv4 address that is written as one of IPv6, as that of IPv4."""
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address if mapped is None else mapped


def _kind(address: Address) -> str | None:
    for kind in ("loopback", "link_local", "multicast", "unspecified"):
        if getattr(address, f"is_{kind}"):
            return kind.replace("_", "-")
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; `json` is None for what is no JSON."""

    status: int
    reason: str
    text: str
    json: Any
    headers: Mapping[str, str]


def connector(guard: Guard) -> "aiohttp.TCPConnector":
    """A connector that goes only where the guard lets it."""
    from aiohttp import TCPConnector
    from aiohttp.abc import AbstractResolver, ResolveResult
    from aiohttp.resolver import ThreadedResolver

    class Judged(AbstractResolver):
        """Resolves names, and leaves out what may not be asked."""

        def __init__(self) -> None:
            self._resolver = ThreadedResolver()

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = await self._resolver.resolve(host, port, family)
            kept = [each for each in found if guard.refusal(each["host"]) is None]
            if found and not kept:
                raise Refused(guard.refusal(found[0]["host"]) or "")
            return kept

        async def close(self) -> None:
            await self._resolver.close()

    return TCPConnector(resolver=Judged(), ttl_dns_cache=0, use_dns_cache=False)


class Refused(OSError):
    """The guard lets nobody ask there."""


def literal_refusal(guard: Guard, url: str) -> str | None:
    """Why the address that stands in a URL itself may not be asked: no name is resolved for one."""
    host = urlsplit(url).hostname or ""
    try:
        return guard.refusal(host)
    except ValueError:
        return None


async def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    seconds: float,
    guard: Guard,
    body: bytes | None = None,
) -> Answer:
    """The answer to a request, which follows no redirect. At most 1 MiB is read.

    Raises:
        NotReached: there is none.
    """
    import aiohttp

    where = f"{method} {_shown(url)}"
    if (refusal := literal_refusal(guard, url)) is not None:
        raise NotReached(f"{where}: {refusal}")
    limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, CONNECT_SECONDS))
    defaults = {"User-Agent": "PureBoot", "Accept": "application/json, */*;q=0.5"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limits, connector=connector(guard)) as session,
            session.request(method, url, headers={**defaults, **headers}, data=body, allow_redirects=False) as response,
        ):
            return await _read(response, where)
    except TimeoutError:
        raise NotReached(f"{where}: no answer within {seconds:g}s") from None
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise NotReached(f"{where}: {_why(error)}") from None


def _why(error: Exception) -> str:
    reason = getattr(error, "os_error", None)
    if isinstance(reason, Refused):
        return str(reason)
    return str(error) or type(error).__name__


async def _read(response: "aiohttp.ClientResponse", where: str) -> Answer:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_BODY:
            raise NotReached(f"{where}: the answer is larger than 1 MiB")
    text = bytes(body).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    value = await asyncio.to_thread(_parsed, text) if len(body) > 64 * 1024 else _parsed(text)
    return Answer(
        status=response.status, reason=response.reason or "", text=text, json=value, headers=dict(response.headers)
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _shown(url: str) -> str:
    """A URL without its query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
