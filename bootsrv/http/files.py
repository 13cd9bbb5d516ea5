"""/files/{path}: kernels, initrds, images."""

import asyncio

from aiohttp import web

from bootsrv.http.call import Call
from bootsrv.http.sending import send
from bootsrv.paths import open_below


async def file(call: Call) -> web.StreamResponse:
    """A file below `files.dir`; folders are never listed."""
    name = call.request.match_info["path"]
    opened = await asyncio.to_thread(open_below, call.pureboot.settings.files.dir, name)
    return await send(opened, name)
