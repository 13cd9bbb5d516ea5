"""Sending an open file as it is."""

import mimetypes
import os
from datetime import UTC, datetime
from typing import IO

from aiohttp import web

from bootsrv.http.extents import Part, Parts
from bootsrv.http.site import Site

_BINARY = "application/octet-stream"
# Python's own table, not the machine's: the same file has the same type everywhere.
_TYPES = mimetypes.MimeTypes()


async def send(file: IO[bytes], name: str, site: Site) -> web.StreamResponse:
    """The answer that sends a file; the file is closed when it is sent, or when that failed."""
    found = os.fstat(file.fileno())
    modified = datetime.fromtimestamp(int(found.st_mtime), tz=UTC)
    whole = Part(file, 0, found.st_size)
    return Parts([whole], tag=tag_of(found), modified=modified, content_type=content_type(name), site=site)


def tag_of(found: os.stat_result) -> str:
    """The entity tag of a file: another one as soon as it was written to."""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"


def content_type(name: str) -> str:
    """What a file of a name holds; what is compressed is what it is."""
    kind, encoding = _TYPES.guess_type(name)
    return _BINARY if encoding or kind is None else kind
