"""A simulated machine's cable: real TFTP and HTTP at the machine's speed, losing what its traits lose."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import ClientError, ClientTimeout

from bootsrv.simulator.counters import Counters
from bootsrv.simulator.download import Manner as Reading
from bootsrv.simulator.download import Unspoken, download
from bootsrv.simulator.hardware import Hardware
from bootsrv.simulator.pace import Pace
from bootsrv.simulator.programs import MIB
from bootsrv.simulator.script import is_script
from bootsrv.simulator.tftp import Manner, TftpLost, read

_log = logging.getLogger(__name__)

IPXE_NAME, AGENT_NAME = "iPXE/1.0.0+simulated", "pureboot-simulated-agent"
TFTP_BLKSIZE = 1432  # what iPXE asks for
TFTP_SECONDS, LEAST_TFTP_SECONDS, TFTP_RETRIES = 2.0, 0.3, 3
TFTP_RATE = 1.6 * MIB
MAX_SCRIPT = 64 * 1024
MAX_ANSWER = 4 * MIB
PIECE = 256 * 1024
STALL_SECONDS = 30.0
LOST_SECONDS = 1.0


class Lost(Exception):
    """Nothing came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, its body as text."""

    status: int
    text: str


class Link:
    """The network as one machine sees it; an async context manager.

    `source` is the address to speak from, None for whichever fits. `turns` bound what several read by TFTP at once.
    """

    def __init__(
        self,
        hardware: Hardware,
        *,
        pace: Pace,
        counters: Counters,
        turns: asyncio.Semaphore | None = None,
        source: str | None = None,
    ) -> None:
        self._hardware = hardware
        self._turns = turns
        self._pace = pace
        self._counters = counters
        self._source = source
        self._chance = random.Random(hardware.mac_address)  # noqa: S311 - bad luck, not secrets
        self._stack = contextlib.AsyncExitStack()
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Link":
        local = (self._source, 0) if self._source else None
        connector = aiohttp.TCPConnector(local_addr=local, limit=4, ttl_dns_cache=300)
        timeout = ClientTimeout(total=None, sock_connect=10, sock_read=STALL_SECONDS + 40)
        session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        self._http = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def tftp(self, host: str, port: int, name: str) -> int:
        """Load a file by TFTP; gives its size in bytes.

        Raises:
            Lost: it did not come.
        """
        self._maybe_lose()
        manner = Manner(
            blksize=TFTP_BLKSIZE,
            windowsize=self._hardware.tftp_window,
            rate=TFTP_RATE * self._pace.speed,
            seconds=max(LEAST_TFTP_SECONDS, self._pace.real(TFTP_SECONDS)),
            retries=TFTP_RETRIES,
        )
        try:
            async with self._turns or contextlib.nullcontext():
                size = await read(host, port, name, manner, source=self._source)
        except TftpLost as error:
            self._counters.failures += 1
            raise Lost(f"TFTP {name}: {error}") from None
        self._counters.tftp_transfers += 1
        self._counters.tftp_bytes += size
        return size

    async def get(self, url: str) -> bytes | None:
        """Load a file by HTTP as iPXE does; gives its beginning (a script whole), or None if it did not come."""
        try:
            self._maybe_lose()
            try:
                status, head = await self._download(url)
            except Unspoken:
                status, head = await self._load(url)
        except (Lost, ClientError, TimeoutError, OSError, ValueError) as error:
            _log.debug("%s: %s did not come: %s", self._hardware.name, url, error)
            await self._pace.pause(LOST_SECONDS)
            return None
        if status != 200:
            self._counters.failures += 1
            return None
        if is_script(head):
            self._counters.scripts += 1
        return head

    async def _download(self, url: str) -> tuple[int, bytes]:
        """Load a file over plain HTTP; gives the status and its beginning."""
        self._counters.http_requests += 1
        manner = Reading(
            rate=self._hardware.traits.download_rate * MIB * self._pace.speed,
            keep=MAX_SCRIPT,
            stall=STALL_SECONDS + 40,
            agent=IPXE_NAME,
            source=self._source,
            count=self._count,
        )
        return await download(url, manner)

    def _count(self, received: int) -> None:
        self._counters.http_bytes += received

    async def _load(self, url: str) -> tuple[int, bytes]:
        """The same by the client that speaks everything."""
        head = b""
        rate = self._hardware.traits.download_rate * MIB
        async with self._request("GET", url, headers={"User-Agent": IPXE_NAME}) as response:
            async for piece in response.content.iter_chunked(PIECE):
                self._counters.http_bytes += len(piece)
                head += piece[: MAX_SCRIPT - len(head)]
                await self._pace.pause(len(piece) / rate)
        return response.status, head

    async def call(
        self,
        method: str,
        url: str,
        *,
        token: str | None = None,
        data: Mapping[str, Any] | str | None = None,
        seconds: float = 30.0,
    ) -> Reply:
        """Speak to the callback API: a mapping is sent as JSON, a text as it is.

        Raises:
            Lost: no answer came.
        """
        self._maybe_lose()
        headers = {"User-Agent": AGENT_NAME} | ({"Authorization": f"Bearer {token}"} if token else {})
        body: dict[str, Any] = {"json": data} if isinstance(data, Mapping) else {}
        if isinstance(data, str):
            body = {"data": data.encode()}
            headers["Content-Type"] = "text/plain; charset=utf-8"
        try:
            async with asyncio.timeout(seconds), self._request(method, url, headers=headers, **body) as response:
                content = await _whole(response)
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            raise Lost(f"{method} {url}: {error or type(error).__name__}") from None
        self._counters.callbacks += 1
        self._counters.http_bytes += len(content)
        return Reply(status=response.status, text=content.decode("utf-8", "replace"))

    @contextlib.asynccontextmanager
    async def _request(self, method: str, url: str, **more: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._http is None:
            raise Lost("the cable is not plugged in")
        self._counters.http_requests += 1
        async with self._http.request(method, url, allow_redirects=False, **more) as response:
            yield response

    def _maybe_lose(self) -> None:
        if self._chance.random() < self._hardware.traits.drops:
            self._counters.lost += 1
            raise Lost("the network lost it")


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    content = b""
    while len(content) < MAX_ANSWER and (piece := await response.content.read(MAX_ANSWER - len(content))):
        content += piece
    return content
