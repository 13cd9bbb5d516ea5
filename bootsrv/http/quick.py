"""The way past aiohttp for what a whole rack asks at once, as iPXE and the node agent write it: `quick_ways`.

A connection begins here. As long as what comes is of that, whole, in one piece and in plain form, it is answered here,
by the same functions as everywhere. Whatever else comes makes the connection one of aiohttp's, with all that was not
answered yet: so nothing else has to be understood here. (Measured: of the time that a script or a report takes,
aiohttp's part was a third to half.)
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import cast

from aiohttp.helpers import rfc822_formatted_time

from bootsrv.http import boot
from bootsrv.http.accesslog import shown_question, write_line
from bootsrv.http.answers import problem
from bootsrv.http.errors import Refusal, answer_to
from bootsrv.http.quick_ways import Asked, head, read
from bootsrv.http.sighting import Ending, what_of
from bootsrv.http.site import Site
from engine.errors import PureBootError

_log = logging.getLogger(__name__)
_access_log = logging.getLogger("bootsrv.http.access")

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
        asked = None if self._is_last else read(self._site, data)
        if asked is not None:
            self._is_last = asked.is_last
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

    async def _answer(self, asked: Asked) -> None:
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

    def _note(self, asked: Asked, status: int, size: int, whole: bool, seconds: float) -> None:
        """The request's line in the boot trace, and in the log."""
        known = size if status < 400 else None
        ending = Ending(
            what=what_of(asked.path),
            method=asked.method,
            status=status,
            whole=whole,
            size=known,
            sent=known if whole or known is None else 0,
            agent=asked.agent,
            address=self._remote,
        )
        asked.sighting.ends(ending, seconds)
        if _access_log.isEnabledFor(logging.INFO):
            path = shown_question(asked.path, boot.pairs_of(asked.query) if asked.query else ())
            values = {"status": status, "bytes": size if whole else 0, "seconds": round(seconds, 4)}
            write_line(_access_log, self._remote, asked.method, path, values)


async def _response(asked: Asked) -> tuple[int, bytes, bytes]:
    """Status, the fields that do not depend on the body, and the body."""
    try:
        return 200, asked.head, await asked.answer()
    except (PureBootError, Refusal) as error:
        if not asked.sighting.message:
            asked.sighting.message = str(error)
        response = answer_to(error)
    except Exception:
        _log.exception("%s %s failed unexpectedly", asked.method, shown_question(asked.path))
        response = problem(500, "PureBoot failed unexpectedly; its log says why")
    return response.status, head(response), response.body if isinstance(response.body, bytes) else b""


_END_OF_LAST = b"Connection: close\r\n\r\n"
