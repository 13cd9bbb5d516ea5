"""/api/v1/events: the event log, in pages and live."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace

from aiohttp import web

from bootsrv.http.answers import NO_STORE, listed
from bootsrv.http.call import Call
from bootsrv.http.errors import Refusal
from bootsrv.http.queries import integer, one_of, text
from bootsrv.http.routing import Reader
from engine.core.events import Event, Kind
from engine.core.shape import as_data

_log = logging.getLogger(__name__)

QUERY = {"after": integer()}
FILTERS: Mapping[str, Reader] = {"kind": one_of(Kind), "node_id": text, "execution_id": text}
STREAM_QUERY = {"after": integer()}

_RETRY_MILLISECONDS = 2000


async def after(call: Call) -> web.Response:
    """The events with ids above `after`, oldest first; `cursor` is what to give as `after` next."""
    cursor, page = call.own_query().get("after", 0), call.page()
    found, total = await call.pureboot.events(replace(page, sort=page.sort or "id"), after=cursor)
    return listed(found, total, cursor=max((event.id for event in found), default=cursor))


async def stream(call: Call) -> web.StreamResponse:
    """The events as they are written, as server-sent events. `Last-Event-ID` (or `after`) is where to go on.

    A reader that does not read is dropped: nothing is kept for it but one batch. Its client comes back by itself, and
    then goes on from the last event it has seen.
    """
    cursor = await _cursor(call)
    readers = call.site.readers
    if len(readers) >= call.site.limits.event_readers:
        raise Refusal(503, f"{len(readers)} readers follow the events already", headers={"Retry-After": "5"})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", **NO_STORE})
    me = object()
    readers.add(me)
    try:
        await response.prepare(call.request)
        if call.request.method != "HEAD":
            await _write_all(call, response, cursor)
    except TimeoutError:
        _log.warning("a reader of the events at %s does not read: dropped", call.request.remote)
        if call.request.transport is not None:
            call.request.transport.abort()
    finally:
        readers.discard(me)
    return response


async def _cursor(call: Call) -> int:
    """Where a reader goes on: after the last event it has seen, or from now on."""
    given = call.query().get("after")
    if given is None:
        with suppress(ValueError):
            given = QUERY["after"](call.request.headers.get("Last-Event-ID", ""))
    return await call.pureboot.feed.cursor() if given is None else int(given)


async def _write_all(call: Call, response: web.StreamResponse, cursor: int) -> None:
    await _write(call, response, f"retry: {_RETRY_MILLISECONDS}\n\n")
    async with aclosing(_texts(call, cursor)) as texts:
        async for text in texts:
            await _write(call, response, text)


async def _write(call: Call, response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(call.site.limits.event_seconds):
        await response.write(text.encode("utf-8", "replace"))


async def _texts(call: Call, cursor: int) -> AsyncGenerator[str, None]:
    """What is to be written: events as they come, and a comment when long none came, so that a dead link is noticed."""
    closing = asyncio.ensure_future(call.site.bells.closing.wait())
    following = call.pureboot.feed.follow(cursor)
    batch = asyncio.ensure_future(anext(following))
    try:
        while not closing.done() and not call.is_gone:
            pause = call.site.limits.event_pause_seconds
            done, _ = await asyncio.wait({batch, closing}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if batch in done:
                yield _as_text(batch.result())
                batch = asyncio.ensure_future(anext(following))
            elif not done:
                yield ":\n\n"
    finally:
        closing.cancel()
        batch.cancel()
        await asyncio.gather(closing, batch, return_exceptions=True)


def _as_text(batch: Iterable[Event]) -> str:
    return "".join(
        f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(as_data(event), ensure_ascii=False)}\n\n"
        for event in batch
    )
