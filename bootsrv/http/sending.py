"""Sending an open file: ranges, ETag and conditional requests by aiohttp, bytes by sendfile."""

import mimetypes
from pathlib import Path
from typing import IO

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_BINARY = "application/octet-stream"
_CHUNK = 256 * 1024
# Python's own table, not the machine's: the same file has the same type everywhere.
_TYPES = mimetypes.MimeTypes()


async def send(file: IO[bytes], name: str) -> web.StreamResponse:
    """The answer that sends a file; the file is closed when it is sent, or when that failed."""
    kind, encoding = _TYPES.guess_type(name)
    return _OpenFile(file, _BINARY if encoding or kind is None else kind)


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
            return await super().prepare(request)
        finally:
            self._file.close()
