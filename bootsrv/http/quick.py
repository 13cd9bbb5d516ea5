"""The way past aiohttp for the one question that a whole rack asks at once: `GET /boot.ipxe?…`, as iPXE writes it.

A connection begins here. As long as what comes is that question, whole, in one piece and in plain form, it is answered
here, by the same function as everywhere (`bootsrv.http.boot.answer`). Whatever else comes makes the connection one of
aiohttp's, with all that was not answered yet: so nothing else has to be understood here. (Measured: of the time that a
script takes, aiohttp's part was half.)
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import cast

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

from bootsrv.http import boot
from bootsrv.http.accesslog import shown_question, write_line
from bootsrv.http.answers import SIGNATURE, problem, text
from bootsrv.http.errors import answer_to
from bootsrv.http.routing import Route, Who
from bootsrv.http.sighting import Ending, Sighting
from bootsrv.http.site import Site, checked_host
from engine.errors import PureBootError

_log = logging.getLogger(__name__)
_access_log = logging.getLogger("bootsrv.http.access")

PATH = "/boot.ipxe"
_ROUTE = Route("GET", PATH, boot.script, Who.ANYONE, query=None)
_LINE = re.compile(rb"GET /boot\.ipxe\?([!\"$-~]{0,4000}) HTTP/1\.1")
_FIELDS = re.compile(rb"(?:[A-Za-z-]{1,40}: [ -~]{0,300}\r\n){1,12}\r\n")
_KNOWN = frozenset(
    {"host", "user-agent", "connection", "accept", "accept-encoding", "accept-language", "cache-control"}
)
_MOST_FIELDS = 2048
_MOST_WAITING = 64 * 1024


class QuickConnection(asyncio.Protocol):
    """One connection, until aiohttp has it. `others` makes aiohttp's; `ended` is told of the end of this one."""

    def __init__(
        self,
        site: Site,
        *,
        others: Callable[[], asyncio.Protocol],
        ended: Callable[["QuickConnection"], None],
    ) -> None:
        self._site = site
        self._others = others
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._remote = ""
        self._answering: asyncio.Task[None] | None = None
        self._waiting = b""
        self._is_last = False
        self._quiet_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._remote = str((transport.get_extra_info("peername") or ("",))[0])
        self._quiet_since = self._loop.time()
        self._timer = self._loop.call_later(self._site.limits.header_seconds, self._look)

    def connection_lost(self, _error: Exception | None) -> None:
        """It has ended."""
        self._transport = None
        self._leave()

    def data_received(self, data: bytes) -> None:
        """Answer the question, or let aiohttp do so."""
        if self._answering is not None:
            self._waiting += data
            if len(self._waiting) > _MOST_WAITING and self._transport is not None:
                self._transport.pause_reading()
            return
        asked = None if self._is_last else self._read(data)
        if asked is not None:
            self._answering = self._loop.create_task(self._answer(asked), name="http-quick")
        elif self._transport is not None and not self._is_last:
            self._hand_over(self._transport, data)

    def pause_writing(self) -> None:
        """The peer does not take what it asked for: it may not ask for more."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        if self._transport is not None:
            self._transport.resume_reading()

    async def stop(self, seconds: float) -> None:
        """Close it; an answer that is under way is given first, if it is ready within so many seconds."""
        self._is_last = True
        if self._answering is not None:
            await asyncio.wait([self._answering], timeout=seconds)
        if self._transport is not None:
            self._transport.close()

    def _look(self) -> None:
        """Close it if nothing was asked for too long."""
        quiet = self._loop.time() - self._quiet_since
        left = self._site.limits.header_seconds - (0 if self._answering else quiet)
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif self._transport is not None:
            self._transport.close()

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._ended(self)

    def _hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        self._transport = None
        self._leave()
        other = self._others()
        transport.set_protocol(other)
        other.connection_made(transport)
        other.data_received(data)

    def _read(self, data: bytes) -> boot.Question | None:
        """The question that the data is; None if it is anything else, or more."""
        line, _, rest = data.partition(b"\r\n")
        match = _LINE.fullmatch(line)
        said = None if match is None or len(rest) > _MOST_FIELDS else _said(rest)
        if match is None or said is None:
            return None
        host, agent, self._is_last = said
        context = self._site.pureboot.context
        sighting = Sighting(self._site.pureboot.traces, context.now, _ROUTE)
        return boot.Question(site=self._site, host=host, query=match[1].decode("ascii"), agent=agent, sighting=sighting)

    async def _answer(self, asked: boot.Question) -> None:
        began = time.perf_counter()
        status, head, body = await _response(asked)
        transport = self._transport
        whole = transport is not None and not transport.is_closing()
        if transport is not None and whole:
            end = _END_OF_LAST if self._is_last else b"\r\n"
            variable = f"Content-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n".encode("ascii")
            transport.write(b"".join((head, variable, end, body)))
        self._note(asked, status, len(body), whole, time.perf_counter() - began)
        self._answering = None
        self._quiet_since = self._loop.time()
        if transport is None:
            return
        if self._is_last:
            transport.close()
        elif self._waiting:
            waiting, self._waiting = self._waiting, b""
            transport.resume_reading()
            self.data_received(waiting)

    def _note(self, asked: boot.Question, status: int, size: int, whole: bool, seconds: float) -> None:
        """The request's line in the boot trace, and in the log."""
        if asked.sighting is not None:
            known = size if status < 400 else None
            ending = Ending(
                what=PATH,
                method="GET",
                status=status,
                whole=whole,
                size=known,
                sent=known if whole or known is None else 0,
                agent=asked.agent,
                address=self._remote,
            )
            asked.sighting.ends(ending, seconds)
        if _access_log.isEnabledFor(logging.INFO):
            path = shown_question(PATH, boot.pairs_of(asked.query))
            values = {"status": status, "bytes": size if whole else 0, "seconds": round(seconds, 4)}
            write_line(_access_log, self._remote, "GET", path, values)


@lru_cache(maxsize=64)
def _said(fields: bytes) -> tuple[str, str, bool] | None:
    """What the header fields of a question say: host, what asks, and whether it is the last on its connection. None if
    there are others than iPXE sends. (Machines of one kind all send the same.)
    """
    if not _FIELDS.fullmatch(fields):
        return None
    lines = fields.decode("ascii").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(": ") for line in lines)}
    host, agent = checked_host(headers.get("host", "")), headers.get("user-agent", "")
    connection = headers.get("connection", "keep-alive").lower()
    if len(headers) != len(lines) or not headers.keys() <= _KNOWN or connection not in ("keep-alive", "close"):
        return None
    return None if host is None or not boot.is_ipxe(agent) else (host, agent, connection == "close")


async def _response(asked: boot.Question) -> tuple[int, bytes, bytes]:
    """Status, the fields that do not depend on the body, and the body."""
    try:
        return 200, _GOOD, (await boot.answer(asked)).encode("utf-8", "replace")
    except PureBootError as error:
        if asked.sighting is not None and not asked.sighting.message:
            asked.sighting.message = str(error)
        response = answer_to(error)
    except Exception:
        _log.exception("GET %s failed unexpectedly", PATH)
        response = problem(500, "PureBoot failed unexpectedly; its log says why")
    return response.status, _head(response), response.body if isinstance(response.body, bytes) else b""


def _head(response: web.Response) -> bytes:
    headers = {**response.headers, **SIGNATURE}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "Content-Length")
    return f"HTTP/1.1 {response.status} {response.reason}\r\n{lines}".encode("ascii", "replace")


_GOOD = _head(text(""))
_END_OF_LAST = b"Connection: close\r\n\r\n"
