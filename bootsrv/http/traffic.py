"""/api/v1/traffic: what goes through the doors of this process now, and what did lately."""

from aiohttp import web

from bootsrv.http.answers import ok
from bootsrv.http.call import Call


async def traffic(call: Call) -> web.Response:
    """Transfers under way, oldest first; lately ended ones, newest first; bytes and rates of TFTP and HTTP."""
    return ok(await call.pureboot.traffic.told())
