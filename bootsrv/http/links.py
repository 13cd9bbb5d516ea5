"""/api/v1/links, and those of one execution."""

from dataclasses import replace

from aiohttp import web

from bootsrv.http.answers import listed
from bootsrv.http.call import Call
from bootsrv.http.queries import text

FILTERS = dict.fromkeys(("system", "kind", "key", "external_id", "node_id", "execution_id", "attempt_id"), text)


async def list_(call: Call) -> web.Response:
    """A page of the links, newest first."""
    found, total = await call.pureboot.links.find(call.page())
    return listed(found, total)


async def of_execution(call: Call) -> web.Response:
    """A page of what an execution made in other systems, oldest first unless sorted otherwise."""
    execution = await call.pureboot.executions.get(call.part("id"))
    page = call.page()
    page = replace(page, sort=page.sort or "created_at,id", filters={"execution_id": (execution.id,)})
    found, total = await call.pureboot.links.find(page)
    return listed(found, total)
