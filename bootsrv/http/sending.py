"""Sending an open file: ranges, ETag and conditional requests by aiohttp, bytes by sendfile."""

import mimetypes
import os
import re
from pathlib import Path
from typing import IO

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

_BINARY = "application/octet-stream"
_CHUNK = 256 * 1024
_ONE_RANGE = re.compile(r"bytes=(?:\d+-\d*|-\d+)", re.ASCII | re.IGNORECASE)
# Python's own table, not the machine's: the same file has the same type everywhere.
_TYPES = mimetypes.MimeTypes()


async def send(file: IO[bytes], name: str) -> web.StreamResponse:
    """The answer that sends a file; the file is closed when it is sent, or when that failed."""
    return _OpenFile(file, content_type(name))


def content_type(name: str) -> str:
    """What a file of a name holds; what is compressed is what it is."""
    kind, encoding = _TYPES.guess_type(name)
    return _BINARY if encoding or kind is None else kind


class _OpenFile(web.FileResponse):
    """aiohttp opens files by path, after we have looked at them; what it is given is the path of our open descriptor.

    So nobody can swap the file in between, and aiohttp finds no `NAME.gz` beside it that it would send in its place.
    """

    def __init__(self, file: IO[bytes], content_type: str) -> None:
        self._file = file
        path = Path(f"/proc/self/fd/{file.fileno()}")
        super().__init__(path, chunk_size=_CHUNK, headers={"Content-Type": content_type})

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it."""
        try:
            return await super().prepare(self._with_ranges_that_count(request))
        finally:
            self._file.close()

    def _with_ranges_that_count(self, request: web.BaseRequest) -> web.BaseRequest:
        """The request without a `Range` that is to be ignored (RFC 9110, sections 13.1.5 and 14.2).

        It is, if it is no single range of bytes, or if `If-Range` names another file than there is now: who goes on
        with what it has of that one must get the whole of this one. aiohttp knows dates in `If-Range`, but no tags.
        """
        headers = request.headers.copy()
        tag = headers.get(hdrs.IF_RANGE, "").strip()
        if tag.startswith(('"', "W/")):
            del headers[hdrs.IF_RANGE]
        else:
            tag = ""
        if not _ONE_RANGE.fullmatch(headers.get(hdrs.RANGE, "").strip()) or tag not in ("", self._tag()):
            headers.popall(hdrs.RANGE, None)
        return request if headers == request.headers else request.clone(headers=headers)

    def _tag(self) -> str:
        """The entity tag that aiohttp gives the file."""
        found = os.fstat(self._file.fileno())
        return f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
