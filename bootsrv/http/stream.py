"""/api/v1/events/stream: the event log as it is written, as server-sent events (HTML standard, section 9.2).

A reader is told each event once, in the order of the log, and says itself where it goes on: nothing is kept for it but
one batch and what its socket holds. One that takes nothing is dropped, and told why in the last event, should it ever
read that; its client comes back by itself and goes on from the last event it has seen.

Beside events there are comments. An empty one says, when long nothing happened, that the link is alive; `columns` says
that something changed that is no event (a progress, a last-seen time). What a browser makes of them is: nothing.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from aiohttp import web

from bootsrv.http.access import administrator, bearer
from bootsrv.http.answers import NO_STORE
from bootsrv.http.call import Call
from bootsrv.http.errors import Refusal
from bootsrv.http.queries import integer
from engine.core.events import Event, Kind
from engine.core.permissions import Permission, may
from engine.core.shape import as_data
from engine.errors import Conflict, Unavailable

_log = logging.getLogger(__name__)

QUERY = {"after": integer(), "heartbeat": integer(1, 60)}

RETRY_MILLISECONDS = 2000
_PIECE = 16 * 1024  # what a slow line must take before it counts as one that takes nothing
_GAP_SECONDS = 0.05  # a burst is read in some batches, not in one for each commit
_COLUMNS_SECONDS = 1.0
_LOOK_SECONDS = 60.0  # after which a token is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Why a stream ends."""

    reason: str
    message: str


STOPPING = End(reason="stopping", message="this PureBoot stops; ask again in a moment")
SLOW = End(reason="slow_reader", message="nothing was read for too long; go on from the last event that was read")
REVOKED = End(reason="access_ended", message="the token of this stream is not good any more")
OUTAGE = End(reason="store_unavailable", message="the store cannot be read now; ask again in a moment")


async def stream(call: Call) -> web.StreamResponse:
    """The events as they are written. `Last-Event-ID` (or else `after`) is where to go on, `heartbeat` the seconds
    after which a quiet link shows that it is alive.
    """
    cursor = await _cursor(call)
    with _place(call):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", **NO_STORE})
        response.headers["X-Accel-Buffering"] = "no"  # nginx would keep it until its buffer is full
        await response.prepare(call.request)
        if call.request.method != "HEAD":
            await _Stream(call, response, cursor).run()
    return response


async def _cursor(call: Call) -> int:
    """Where a reader goes on: after the last event it has seen, or from now on. A browser that comes back asks for the
    same address as at first, so what it has seen counts for more than what stands there.

    Raises:
        Conflict: there is no such event yet, so it saw it in another store.
    """
    newest = await call.pureboot.feed.cursor()
    given = call.query().get("after")
    with suppress(ValueError):
        given = QUERY["after"](call.request.headers.get("Last-Event-ID", ""))
    if given is None:
        return newest
    if given > newest:
        raise Conflict(f"there is no event {given} here, the newest is {newest}; begin anew without Last-Event-ID")
    return int(given)


@contextmanager
def _place(call: Call) -> Iterator[None]:
    """A place among the readers.

    Raises:
        Refusal: 503, there are no more places; 429, one token has so many of them.
    """
    readers, limits = call.site.readers, call.site.limits
    who = call.by if call.request.headers.get("Authorization") else f"{call.by} at {call.request.remote}"
    if len(readers) >= limits.event_readers:
        raise Refusal(503, f"{len(readers)} readers follow the events already", headers={"Retry-After": "5"})
    mine = sum(each == who for each in readers.values())
    if mine >= limits.event_readers_each:
        raise Refusal(429, f"{who} follows the events {mine} times already", headers={"Retry-After": "5"})
    me = object()
    readers[me] = who
    try:
        yield
    finally:
        del readers[me]


class _Stream:
    """One reader."""

    def __init__(self, call: Call, response: web.StreamResponse, cursor: int) -> None:
        self._call = call
        self._response = response
        self._cursor = cursor
        self._heartbeat: float = call.query().get("heartbeat", call.site.limits.event_pause_seconds)
        self._has_columns = False
        self._columns_at = monotonic() + _COLUMNS_SECONDS
        self._looked = monotonic()

    async def run(self) -> None:
        """Write until somebody ends it; say why if it was not the reader."""
        try:
            await self._write(f"retry: {RETRY_MILLISECONDS}\n\n")
            end = await self._write_all()
        except TimeoutError:
            end = SLOW
            _log.warning("a reader of the events at %s takes nothing: dropped", self._call.request.remote)
        except Unavailable as error:
            _log.debug("a stream of events ends: %s", error)
            end = OUTAGE
        if end is not None:
            await self._say(end)

    async def _say(self, end: End) -> None:
        """The last event; who does not take it is cut off."""
        text = f"event: end\ndata: {json.dumps(as_data(end))}\n\n"
        try:
            async with asyncio.timeout(self._call.site.limits.event_seconds):
                await self._response.write(text.encode())
                await self._drained()
        except TimeoutError:
            if self._call.request.transport is not None:
                self._call.request.transport.abort()

    async def _drained(self) -> None:
        """Wait until the socket has taken all of it; nothing tells of that but its own mark, which is not zero."""
        transport = self._call.request.transport
        while transport is not None and not transport.is_closing() and self._left():  # noqa: ASYNC110
            await asyncio.sleep(_GAP_SECONDS)

    async def _write_all(self) -> End | None:
        async with aclosing(self._texts()) as texts:
            async for text in texts:
                await self._write(text)
                if self._call.is_gone:
                    return None
                if not await self._still_may(text):
                    return REVOKED
        return STOPPING if self._call.site.bells.closing.is_set() else None

    async def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        for at in range(0, len(data), _PIECE):  # nothing at all is no piece
            await self._write_piece(data[at : at + _PIECE])

    async def _write_piece(self, piece: bytes) -> None:
        """Write so much.

        Raises:
            TimeoutError: the reader takes nothing. One on a slow line takes a little each time it is looked at.
        """
        writing = asyncio.ensure_future(self._response.write(piece))
        try:
            left: int | None = None
            while not (await asyncio.wait({writing}, timeout=self._call.site.limits.event_seconds))[0]:
                before, left = left, self._left()
                if before is not None and left >= before:
                    raise TimeoutError
            await writing
        finally:
            writing.cancel()

    def _left(self) -> int:
        transport = self._call.request.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    async def _texts(self) -> AsyncGenerator[str, None]:
        """What is to be written, until the server stops."""
        closing: asyncio.Future[Any] = asyncio.ensure_future(self._call.site.bells.closing.wait())
        following = self._call.pureboot.feed.follow(self._cursor)
        batch: asyncio.Future[Any] = asyncio.ensure_future(anext(following))
        try:
            while not closing.done() and not self._call.is_gone:
                done, _ = await asyncio.wait(
                    {batch, closing}, timeout=self._pause(), return_when=asyncio.FIRST_COMPLETED
                )
                if batch in done:
                    yield as_text(batch.result())
                    self._has_columns |= not batch.result()
                    await asyncio.wait({closing}, timeout=_GAP_SECONDS)
                    batch = asyncio.ensure_future(anext(following))
                yield self._comment(is_quiet=not done)
        finally:
            closing.cancel()
            batch.cancel()
            await asyncio.gather(closing, batch, return_exceptions=True)

    def _pause(self) -> float:
        return min(self._heartbeat, _COLUMNS_SECONDS) if self._has_columns else self._heartbeat

    def _comment(self, *, is_quiet: bool) -> str:
        if self._has_columns and monotonic() >= self._columns_at:
            self._has_columns, self._columns_at = False, monotonic() + _COLUMNS_SECONDS
            return ": columns\n\n"
        return ":\n\n" if is_quiet else ""

    async def _still_may(self, text: str) -> bool:
        """Whether who began to read may go on: looked at now and then, and at once when a token was revoked."""
        token = bearer(self._call.request)
        revoked = f"event: {Kind.TOKEN_REVOKED}\n" in text
        if token is None or (not revoked and monotonic() - self._looked < _LOOK_SECONDS):
            return True
        self._looked = monotonic()
        caller = await administrator(self._call.site, token)
        return caller is not None and may(caller.role, Permission.READ)


def as_text(batch: Iterable[Event]) -> str:
    """Events as they go over the line."""
    return "".join(_event_text(event) for event in batch)


def _event_text(event: Event) -> str:
    data: Any = as_data(event)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
