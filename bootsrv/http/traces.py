"""/api/v1/nodes/{id}/trace and /explain: what a machine did at the boot doors, and why it stands where it does."""

from aiohttp import web

from bootsrv.http.answers import listed, ok
from bootsrv.http.call import Call


async def trace(call: Call) -> web.Response:
    """The lines of a machine's boot trace, oldest first; of a machine that is no node yet by its MAC or IP address."""
    found = await call.pureboot.traces.explain(call.part("id"))
    return listed(list(found.contacts), len(found.contacts))


async def explain(call: Call) -> web.Response:
    """How far the machine came, what was expected next, the likely cause and what to do."""
    found = await call.pureboot.traces.explain(call.part("id"))
    return ok(found.about(), found.verdict.sentence)
