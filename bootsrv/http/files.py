"""/files/{path}: kernels, initrds, images; those that lie in the folder, and those that are templates."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from aiohttp import web

from bootsrv.http.answers import listed
from bootsrv.http.call import Call
from bootsrv.http.extents import Part, Parts, parts_of
from bootsrv.http.queries import one_of, text
from bootsrv.http.sending import content_type, tag_of
from bootsrv.paths import clean, open_below
from engine.core.blobs import BlobState, parse_file_path
from engine.errors import NotFound

if TYPE_CHECKING:
    from engine.services.files import Located

BLOB_FILTERS = {"state": one_of(BlobState), "sha256": text}


async def file(call: Call) -> web.StreamResponse:
    """A file below `files.dir`, or else one of `files.upstream` or of a template; folders are never listed."""
    opened = await open_named(call, call.request.match_info["path"])
    return Parts(
        opened.parts, tag=opened.tag, modified=opened.modified, content_type=opened.content_type, site=call.site
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that is open for sending; whoever opened it closes it."""

    parts: Sequence[Part]
    tag: str
    modified: datetime
    content_type: str

    def close(self) -> None:
        """Close it."""
        for part in self.parts:
            if not isinstance(part.source, bytes):
                part.source.close()


async def open_named(call: Call, name: str) -> Opened:
    """Open the file that is served under a name below `/files`.

    Raises:
        NotFound: there is none.
        Forbidden: the name leads out of the folder.
        Unavailable: it cannot be read, or had, now.
    """
    try:
        found = await asyncio.to_thread(open_below, call.pureboot.settings.files.dir, name)
    except NotFound:
        wanted = _plain(name)
        if call.pureboot.settings.files.upstream and call.pureboot.upstream.has(wanted):
            return await _located(call, await call.pureboot.upstream.locate(wanted))
        if parse_file_path(wanted) is None:
            raise
        return await _located(call, await call.pureboot.files.locate(wanted))
    return _whole(found, name)


def _whole(file: IO[bytes], name: str) -> Opened:
    stat = os.fstat(file.fileno())
    return Opened(
        parts=(Part(file, 0, stat.st_size),),
        tag=tag_of(stat),
        modified=datetime.fromtimestamp(int(stat.st_mtime), tz=UTC),
        content_type=content_type(name),
    )


def _plain(name: str) -> str:
    """A path as templates know it; empty if it names nothing."""
    try:
        return clean(name).as_posix()
    except NotFound:
        return ""


async def _located(call: Call, located: "Located") -> Opened:
    opened = await call.pureboot.files.open(located)
    parts = parts_of(opened, located.extents)
    return Opened(
        parts=parts or (Part(opened, 0, 0),),
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
