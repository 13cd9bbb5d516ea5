"""/api/v1/executions/{id}/artifacts: what an execution has made.

Nothing of it is run or laid out in a browser: it is a download, of a type that is never active, and a page of its own
that may do nothing should somebody open it all the same.
"""

from aiohttp import web

from bootsrv.http.answers import NO_STORE, listed
from bootsrv.http.call import Call


async def list_(call: Call) -> web.Response:
    """The artifacts of an execution, oldest first."""
    found = await call.pureboot.artifacts.find(call.part("id"))
    return listed(found, len(found))


async def get(call: Call) -> web.Response:
    """The text of an artifact, to be saved under its name."""
    found = await call.pureboot.artifacts.get(call.part("id"), call.part("name"))
    headers = {
        "Content-Type": f"{found.content_type}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{found.name}"',  # names hold nothing to quote
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "ETag": f'"{found.sha256}"',
        **NO_STORE,
    }
    return web.Response(body=found.content.encode(), headers=headers)
