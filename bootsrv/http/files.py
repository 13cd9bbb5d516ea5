"""/files/{path}: kernels, initrds, images; those that lie in the folder, and those that are templates."""

import asyncio

from aiohttp import web

from bootsrv.http.answers import listed
from bootsrv.http.call import Call
from bootsrv.http.extents import Extents
from bootsrv.http.queries import one_of, text
from bootsrv.http.sending import content_type, send
from bootsrv.paths import clean, open_below
from engine.core.blobs import BlobState, parse_file_path
from engine.errors import NotFound

BLOB_FILTERS = {"state": one_of(BlobState), "sha256": text}


async def file(call: Call) -> web.StreamResponse:
    """A file below `files.dir`, or else of a template; folders are never listed."""
    name = call.request.match_info["path"]
    try:
        opened = await asyncio.to_thread(open_below, call.pureboot.settings.files.dir, name)
    except NotFound:
        if parse_file_path(wanted := _plain(name)) is None:
            raise
        return await _of_template(call, wanted)
    return await send(opened, name)


def _plain(name: str) -> str:
    """A path as templates know it; empty if it names nothing."""
    try:
        return clean(name).as_posix()
    except NotFound:
        return ""


async def _of_template(call: Call, path: str) -> web.StreamResponse:
    located = await call.pureboot.files.locate(path)
    opened = await call.pureboot.files.open(located)
    return Extents(
        opened,
        located.extents,
        tag=located.tag,
        modified=located.modified,
        content_type=content_type(located.filename),
    )


async def blobs(call: Call) -> web.Response:
    """A page of the blobs, newest first: which are damaged or missing, and when each was verified."""
    found, total = await call.pureboot.files.blobs(call.page())
    return listed(found, total)


async def versions(call: Call) -> web.Response:
    """Every version of a template that is a file, newest first, with how its blob was found last."""
    found = await call.pureboot.files.listed(call.part("id"))
    return listed(found, len(found))
