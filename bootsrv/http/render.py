"""/render/{token}/{template}: a template, complete, for the node of the token's execution."""

from aiohttp import web

from bootsrv.http.access import execution_of
from bootsrv.http.answers import text
from bootsrv.http.call import Call
from bootsrv.http.sighting import tell
from engine.errors import NotFound


async def render(call: Call) -> web.Response:
    """The text of a template (`name`, or `name:v1.0`) for a machine that boots.

    A token that nobody knows and one whose execution has ended are answered alike.
    """
    execution = await execution_of(call.site, call.part("token"))
    if execution is None or execution.ended:
        raise NotFound("no running execution has this token")
    tell(call.request, execution=execution.id)
    return text(await call.pureboot.callbacks.render(execution.id, call.part("template"), server=call.server))
