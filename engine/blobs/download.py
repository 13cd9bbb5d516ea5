"""Fetching a file from a URL: a connection that breaks is taken up again where it broke (RFC 9110, section 14)."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from engine.blobs.incoming import PIECE, Incoming
from engine.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from engine.sizes import shown_size

if TYPE_CHECKING:
    import aiohttp

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")

Progress = Callable[[int, int | None], None]
"""Is told how many bytes have arrived, and of how many if that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Seconds to connect and seconds without a byte, and how often to try without getting on."""

    connect_seconds: float = 15.0
    stall_seconds: float = 60.0
    tries: int = 5
    pause_seconds: float = 2.0


@dataclass(slots=True)
class _Source:
    """What is known of the file that is being fetched."""

    url: str
    tag: str | None = None
    size: int | None = None


def filename_of(url: str) -> str:
    """The last part of a URL's path."""
    return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])


def check_url(url: str) -> str:
    """Refuse what is not fetched.

    Raises:
        Invalid: it is no URL of http or https.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Invalid([Problem(path="url", message=f"{url[:200]!r} is no URL that begins with http:// or https://")])
    return url


async def download(
    url: str, incoming: Incoming, *, max_bytes: int, progress: Progress, manners: Manners | None = None
) -> None:
    """Fetch all that a URL has into a file.

    Raises:
        Invalid: it, or where it leads to, is no URL of http or https; or it leads on too often.
        NotFound: the server has nothing there.
        Conflict: what it has is larger than is allowed.
        Unavailable: the server refuses, breaks off again and again, or the disk is full.
    """
    import aiohttp

    manners = manners or Manners()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=manners.connect_seconds, sock_read=manners.stall_seconds)
    source = _Source(check_url(url))
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False, trust_env=True) as session:
        left = manners.tries
        while True:
            before = incoming.offset
            try:
                await _fetch(session, source, incoming, max_bytes, progress)
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                left = manners.tries if incoming.offset > before else left - 1
                if left <= 0:
                    raise Unavailable(f"{url} cannot be fetched: {_said(error)}") from None
                await asyncio.sleep(manners.pause_seconds)
            else:
                return


def _said(error: BaseException) -> str:
    return "it does not answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__


async def _fetch(
    session: "aiohttp.ClientSession", source: _Source, incoming: Incoming, max_bytes: int, progress: Progress
) -> None:
    """One request, from where the last one broke off."""
    import aiohttp

    headers = {"Accept-Encoding": "identity"}
    if incoming.offset and source.tag is not None:
        headers |= {"Range": f"bytes={incoming.offset}-", "If-Range": source.tag}
    elif incoming.offset:
        incoming.restart()
    async with await _following(session, source, headers) as answer:
        _take_up(answer, source, incoming)
        if source.size is not None and source.size > max_bytes:
            raise _too_large(source.url, max_bytes)
        if source.size is not None:
            await asyncio.to_thread(incoming.require_room, source.size - incoming.offset)
        await _receive(answer, source, incoming, max_bytes, progress)
    if source.size is not None and incoming.offset < source.size:
        raise aiohttp.ClientPayloadError(f"it ended after {incoming.offset} of {source.size} bytes")


async def _following(
    session: "aiohttp.ClientSession", source: _Source, headers: dict[str, str]
) -> "aiohttp.ClientResponse":
    """The answer at the end of redirects, each of which must lead to a URL that is fetched."""
    url = source.url
    for _ in range(MAX_REDIRECTS + 1):
        answer = await session.get(url, headers=headers, allow_redirects=False)
        if answer.status not in _REDIRECTS:
            return answer
        answer.release()
        url = check_url(urljoin(url, answer.headers.get("Location", "")))
    raise Invalid([Problem(path="url", message=f"{source.url} leads on more than {MAX_REDIRECTS} times")])


def _take_up(answer: "aiohttp.ClientResponse", source: _Source, incoming: Incoming) -> None:
    """Find out what an answer holds: the rest of the file, or the whole."""
    import aiohttp

    if answer.status in (404, 410):
        raise NotFound(f"there is nothing at {source.url} ({answer.status})")
    if answer.status == 416 or answer.status >= 500 or answer.status in (408, 429):
        source.tag = None  # begin anew
        raise aiohttp.ClientPayloadError(f"the server answered {answer.status}")
    if answer.status not in (200, 206):
        raise Unavailable(f"{source.url} cannot be fetched: the server answered {answer.status} {answer.reason or ''}")
    if answer.status == 206:
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != incoming.offset:
            source.tag = None
            raise aiohttp.ClientPayloadError("the server sent another part than was asked for")
        return
    if incoming.offset:
        incoming.restart()
    tag = answer.headers.get("ETag", "")
    strong = tag if tag.startswith('"') else answer.headers.get("Last-Modified")
    source.tag = strong if answer.headers.get("Accept-Ranges", "") == "bytes" else None
    source.size = answer.content_length


async def _receive(
    answer: "aiohttp.ClientResponse", source: _Source, incoming: Incoming, max_bytes: int, progress: Progress
) -> None:
    """Write what arrives, in pieces; when the connection breaks, what had arrived is written."""
    waiting = bytearray()
    try:
        while piece := await answer.content.readany():
            waiting += piece
            if incoming.offset + len(waiting) > max_bytes:
                waiting.clear()
                raise _too_large(source.url, max_bytes)
            if len(waiting) >= PIECE:
                await _written(incoming, waiting)
                progress(incoming.offset, source.size)
    finally:
        await _written(incoming, waiting)
        progress(incoming.offset, source.size)


async def _written(incoming: Incoming, waiting: bytearray) -> None:
    if waiting:
        piece = bytes(waiting)
        waiting.clear()
        await asyncio.to_thread(incoming.write, piece)


def _too_large(url: str, max_bytes: int) -> Conflict:
    return Conflict(f"{url} has more than {shown_size(max_bytes)}, the most a file may have (files.max_bytes)")
