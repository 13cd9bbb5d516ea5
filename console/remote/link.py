"""The line to a PureBoot far away: calls, the stream of its events, and whether it is cut.

While it is cut every call is refused at once, with how long ago it was heard: nobody waits for a timeout before he is
told that nothing was done. Who follows the events finds out first, and is also who says that it is there again.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from console.remote.troubles import Cut, refusal, unreachable
from engine.core.codec import from_text, to_text
from engine.errors import Forbidden, Invalid, PureBootError, Unavailable
from engine.seam.table import changes

HEARTBEAT_SECONDS = 3
SILENCE_SECONDS = 9.0  # three heartbeats: a line that says nothing for so long is taken for cut
CONNECT_SECONDS = 8.0
_READ_SECONDS = 60.0
_WORK_SECONDS = 600.0  # a pack may have to be fetched first
_LARGEST = 256 * 1024 * 1024
_BROKEN = (aiohttp.ClientError, ConnectionError, TimeoutError)


def checked_url(url: str) -> str:
    """The address of a PureBoot, without a slash at its end.

    Raises:
        Invalid: it is none.
    """
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise Invalid(f"{url!r} is no address of a PureBoot; write it like https://pureboot.example.net:8443")
    if parts.username or parts.password:
        raise Invalid("a token does not belong into the address, where others can see it; use --token-file")
    return url.strip().rstrip("/")


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Whom to trust: the authorities of this machine, or only those of a file.

    Raises:
        Unavailable: the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except ssl.SSLError:
        raise Unavailable(f"{ca_file} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)") from None
    except OSError as error:
        raise Unavailable(f"the certificates in {ca_file} cannot be read: {error.strerror}") from None


class Link:
    """A line that is open; an async context manager."""

    def __init__(self, url: str, token: str | None, *, ca_file: Path | None = None) -> None:
        self.url = checked_url(url)
        self._token = token
        self._ca_file = ca_file
        self.heard_at = time.monotonic()
        self._cut = False
        self._lost = asyncio.Event()

    async def __aenter__(self) -> "Link":
        headers = {"User-Agent": "pureboot-console"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        trust: Any = trusting(self._ca_file) if self.url.startswith("https:") else True
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(ssl=trust, limit=16),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @property
    def place(self) -> str:
        """Where the other side is, as people write it."""
        return self.url.partition("://")[2]

    @property
    def is_cut(self) -> bool:
        """Whether nothing is heard from the other side."""
        return self._cut

    def is_back(self) -> None:
        """It is heard."""
        self.heard_at = time.monotonic()
        self._cut = False
        self._lost.clear()

    def is_lost(self, why: str) -> Cut:
        """Nothing is heard any more: from now on nothing is asked, and what was is given up."""
        self._cut = True
        self._lost.set()
        return Cut(why, self.heard_at)

    async def get(self, path: str) -> Any:
        """What there is at a path of the API, out of its envelope; also while the line is cut.

        Raises:
            PureBootError: the other side says no, or cannot be reached.
        """
        return await self._ask("GET", path, None, CONNECT_SECONDS)

    async def call(self, service: str, method: str, arguments: Mapping[str, Any]) -> Any:
        """Call a method on the other side; arguments and result are encoded.

        Raises:
            PureBootError: as the method does; or nothing was done, or it is not known whether something was.
        """
        body = to_text(arguments).encode()
        works = changes(service, method)
        if self._cut:
            raise self._refused(works)
        path = f"/api/v1/console/{service}/{method}"
        asking = asyncio.ensure_future(self._ask("POST", path, body, _WORK_SECONDS if works else _READ_SECONDS))
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({asking, lost}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
        finally:
            lost.cancel()
            asking.cancel()
            await asyncio.gather(asking, lost, return_exceptions=True)
        raise Unavailable(_unsure(self.url) if works else f"the line to {self.url} was cut")

    def _refused(self, works: bool) -> Unavailable:
        seconds = int(time.monotonic() - self.heard_at)
        what = "nothing was done" if works else "what you see is as old"
        return Unavailable(f"{self.place} was heard {seconds} s ago for the last time: {what}; it is tried again")

    async def _ask(self, method: str, path: str, body: bytes | None, seconds: float) -> Any:
        sent = {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(method, self.url + path, data=body, headers=sent, allow_redirects=False) as got,
            ):
                text = await _bounded(got.content)
        except aiohttp.ClientConnectorError as error:
            raise unreachable(error, self.url) from None
        except _BROKEN as error:
            if body is not None and changes(*path.split("/")[-2:]):
                raise Unavailable(_unsure(self.url)) from None
            raise unreachable(error, self.url) from None
        return await self._data(got.status, text)

    async def _data(self, status: int, text: bytes) -> Any:
        try:
            data = await asyncio.to_thread(from_text, text)
        except PureBootError:
            data = None
        if status != 200:
            raise refusal(status, data, self.url)
        if not isinstance(data, dict) or "data" not in data:
            raise refusal(status, None, self.url)
        return data["data"]

    @asynccontextmanager
    async def events(self, after: int) -> AsyncIterator[aiohttp.StreamReader]:
        """The stream of the events with ids above `after`.

        Raises:
            PureBootError: the other side says no, or cannot be reached.
        """
        path = f"/api/v1/events/stream?heartbeat={HEARTBEAT_SECONDS}"
        wanted = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                got = await self._session.get(self.url + path, headers=wanted, allow_redirects=False)
        except _BROKEN as error:
            raise unreachable(error, self.url) from None
        async with got:
            if got.status != 200:
                await self._data(got.status, await _bounded(got.content))
            yield got.content


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > _LARGEST:
            raise Unavailable(f"the other side answers with more than {_LARGEST} bytes")
    return bytes(body)


def _unsure(url: str) -> str:
    return f"the line to {url} broke while it was at work: look whether it was done before you do it again"


def token_of(token_file: Path | None, given: str | None) -> str | None:
    """The token to show: out of a file, or as it was given.

    Raises:
        Unavailable: the file cannot be read.
        Forbidden: it holds no token.
    """
    if token_file is not None:
        try:
            given = token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"the token in {token_file} cannot be read: {error}") from None
    token = (given or "").strip()
    if token_file is not None and not token:
        raise Forbidden(f"{token_file} is empty; `pureboot token create NAME` makes a token")
    if any(not char.isprintable() or char.isspace() for char in token) or not token.isascii():
        raise Forbidden("what was given is no token: a token is one word of letters, digits and _ -")
    return token or None
