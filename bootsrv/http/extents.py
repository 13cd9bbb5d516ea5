"""Sending parts of an open file as if they were one: ranges, conditional requests (RFC 9110), bytes by sendfile.

aiohttp's own answer with a file sends all of it under a tag made of its times. What is sent here is named by what is in
it, and may lie in the middle of an image.
"""

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import BinaryIO

from aiohttp import ETag, hdrs, web
from aiohttp.abc import AbstractStreamWriter

Extent = tuple[int, int]
"""Offset and length in bytes."""

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """A range that begins behind the end."""


class Extents(web.StreamResponse):
    """The answer that sends parts of a file; the file is closed when they are sent, or when that failed."""

    def __init__(
        self, file: BinaryIO, extents: Sequence[Extent], *, tag: str, modified: datetime, content_type: str
    ) -> None:
        super().__init__(headers={hdrs.CONTENT_TYPE: content_type, hdrs.ACCEPT_RANGES: "bytes"})
        self._file = file
        self._extents = extents
        self._size = sum(length for _, length in extents)
        self._tag_value = tag
        self._changed = modified.replace(microsecond=0)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it."""
        try:
            return await self._answer(request)
        finally:
            self._file.close()

    async def _answer(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self.etag = self._tag_value
        self.last_modified = self._changed
        status = self._precondition(request)
        if status is not None:
            self.set_status(status)
            if status != HTTPStatus.NOT_MODIFIED:
                self.content_length = 0
            return await super().prepare(request)
        try:
            part = self._wanted(request)
        except Unsatisfiable:
            self.set_status(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.headers[hdrs.CONTENT_RANGE] = f"bytes */{self._size}"
            self.content_length = 0
            return await super().prepare(request)
        first, count = part or (0, self._size)
        if part is not None:
            self.set_status(HTTPStatus.PARTIAL_CONTENT)
            self.headers[hdrs.CONTENT_RANGE] = f"bytes {first}-{first + count - 1}/{self._size}"
        self.content_length = count
        writer = await super().prepare(request)
        if writer is not None and request.method != hdrs.METH_HEAD:
            await self._send(request, writer, cut(self._extents, first, count))
        await self.write_eof()
        return writer

    def _precondition(self, request: web.BaseRequest) -> HTTPStatus | None:
        """The status if it is not sent (RFC 9110, 13.2.2)."""
        if request.if_match is not None:
            if not self._is_one_of(request.if_match, weak=False):
                return HTTPStatus.PRECONDITION_FAILED
        elif request.if_unmodified_since is not None and self._changed > request.if_unmodified_since:
            return HTTPStatus.PRECONDITION_FAILED
        if request.if_none_match is not None:
            return HTTPStatus.NOT_MODIFIED if self._is_one_of(request.if_none_match, weak=True) else None
        if request.if_modified_since is not None and self._changed <= request.if_modified_since:
            return HTTPStatus.NOT_MODIFIED
        return None

    def _is_one_of(self, tags: Sequence[ETag], *, weak: bool) -> bool:
        if len(tags) == 1 and tags[0].value == "*":
            return True
        return any(tag.value == self._tag_value for tag in tags if weak or not tag.is_weak)

    def _wanted(self, request: web.BaseRequest) -> tuple[int, int] | None:
        """First byte and number of a range; None for all of it, also where a range is to be ignored (14.2, 13.1.5)."""
        match = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, "").strip())
        if match is None or (match[1] is None and match[2] is None) or not self._is_still(request):
            return None
        if match[1] is None:
            count = min(int(match[2]), self._size)
            if count == 0:
                raise Unsatisfiable
            return self._size - count, count
        first, last = int(match[1]), int(match[2]) if match[2] is not None else self._size - 1
        if match[2] is not None and last < first:
            return None  # no range at all
        if first >= self._size:
            raise Unsatisfiable
        return first, min(last, self._size - 1) - first + 1

    def _is_still(self, request: web.BaseRequest) -> bool:
        """Whether `If-Range` names what there is now; a tag is compared strongly, a date exactly."""
        said = request.headers.get(hdrs.IF_RANGE, "").strip()
        if not said:
            return True
        if said.startswith(('"', "W/")):
            return said == f'"{self._tag_value}"'
        return request.if_range == self._changed

    async def _send(self, request: web.BaseRequest, writer: AbstractStreamWriter, extents: Sequence[Extent]) -> None:
        loop = asyncio.get_running_loop()
        for offset, length in extents:
            transport = request.transport
            if transport is None:
                raise ConnectionResetError("the client is gone")
            try:
                await loop.sendfile(transport, self._file, offset, length, fallback=False)
            except (NotImplementedError, asyncio.SendfileNotAvailableError):
                await self._copy(writer, offset, length)

    async def _copy(self, writer: AbstractStreamWriter, offset: int, length: int) -> None:
        while length:
            piece = await asyncio.to_thread(os.pread, self._file.fileno(), min(_CHUNK, length), offset)
            if not piece:
                raise ConnectionResetError("the file became shorter while it was sent")
            await writer.write(piece)
            offset, length = offset + len(piece), length - len(piece)


def cut(extents: Sequence[Extent], first: int, count: int) -> list[Extent]:
    """The extents of `count` bytes from the one numbered `first` on, counted over all extents."""
    return list(_cut(extents, first, count))


def _cut(extents: Sequence[Extent], first: int, count: int) -> Iterator[Extent]:
    for offset, length in extents:
        if count <= 0:
            return
        if first >= length:
            first -= length
            continue
        taken = min(length - first, count)
        yield offset + first, taken
        first, count = 0, count - taken
