"""/api/v1/events: the event log in pages. `bootsrv.http.stream` has it live."""

from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from bootsrv.http.answers import listed
from bootsrv.http.call import Call
from bootsrv.http.queries import integer, one_of, text
from bootsrv.http.routing import Reader
from engine.core.events import Kind

QUERY = {"after": integer()}
FILTERS: Mapping[str, Reader] = {"kind": one_of(Kind), "node_id": text, "execution_id": text}


async def after(call: Call) -> web.Response:
    """The events with ids above `after`, oldest first; `cursor` is what to give as `after` next."""
    cursor, page = call.own_query().get("after", 0), call.page()
    found, total = await call.pureboot.events(replace(page, sort=page.sort or "id"), after=cursor)
    return listed(found, total, cursor=max((event.id for event in found), default=cursor))
