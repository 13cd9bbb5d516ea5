"""Sending parts of open files, and texts, as if they were one file: ranges and conditional requests (RFC 9110), bytes
by sendfile.

aiohttp's own answer with a file knows no tags in `If-Range`, sends another file in its place (`NAME.gz`), and all of a
file only. What is sent here may lie in the middle of an image, or be put together of several.
"""

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import IO

from aiohttp import ETag, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from bootsrv.http.answers import problem
from bootsrv.http.outgoing import Sending
from bootsrv.http.pace import Taker, TooMany, slice_of
from bootsrv.http.site import Site

Extent = tuple[int, int]
"""Offset and length in bytes."""

LARGE = 256 * 1024
_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """A range that begins behind the end."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file, or of memory."""

    source: IO[bytes] | bytes
    offset: int
    length: int


def parts_of(file: IO[bytes], extents: Sequence[Extent]) -> list[Part]:
    """The parts of a file that lie in some extents."""
    return [Part(file, offset, length) for offset, length in extents]


class Parts(web.StreamResponse):
    """The answer that sends parts; their files are closed when they are sent, or when that failed.

    `tag` changes when the bytes do. Where they have no time of change (`modified` is None) no condition by date counts.
    """

    def __init__(
        self, parts: Sequence[Part], *, tag: str, modified: datetime | None, content_type: str, site: Site
    ) -> None:
        super().__init__(headers={hdrs.CONTENT_TYPE: content_type, hdrs.ACCEPT_RANGES: "bytes"})
        self._parts = parts
        self._site = site
        self._pace = site.pace
        self._sender = site.sender
        self._limits = site.pureboot.settings.files
        self._size = sum(part.length for part in parts)
        self._tag_value = tag
        self._changed = None if modified is None else modified.replace(microsecond=0)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it."""
        with ExitStack() as stack:
            for part in self._parts:
                if not isinstance(part.source, bytes):
                    stack.callback(part.source.close)
            return await self._answer(request, stack)

    async def _answer(self, request: web.BaseRequest, stack: ExitStack) -> AbstractStreamWriter | None:
        self.etag = self._tag_value
        if self._changed is not None:
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
        if request.method == hdrs.METH_HEAD:
            writer = await super().prepare(request)
        else:
            try:
                taker = stack.enter_context(self._pace.taking(request.remote or "", self._limits.max_per_node))
            except TooMany as refusal:
                return await self._refuse(request, refusal)
            writer = await super().prepare(request)
            if writer is not None:
                with self._site.outgoing.sending(request, count, self._site.pureboot) as sending:
                    for each in cut(self._parts, first, count):
                        await self._send(request, writer, each, taker, sending)
        await self.write_eof()
        return writer

    async def _send(
        self, request: web.BaseRequest, writer: AbstractStreamWriter, part: Part, taker: Taker, sending: Sending
    ) -> None:
        """Send a part: a large one by the sender's thread, else in slices, which are smaller the more is sent at once.

        The first slice always goes by the event loop, and so behind everything that waits to be sent.
        """
        loop, rate, at = asyncio.get_running_loop(), self._limits.max_rate, 0
        while at < part.length:
            if at and not rate and part.length - at >= LARGE and await self._hand_over(request, part, at, sending):
                return
            length = min(slice_of(rate, self._pace.transfers), part.length - at)
            if rate and (seconds := taker.reserve(length, rate, loop.time())) > 0:
                await asyncio.sleep(seconds)
            await _send_some(request, writer, part.source, part.offset + at, length)
            at += length
            sending.sent += length

    async def _hand_over(self, request: web.BaseRequest, part: Part, at: int, sending: Sending) -> bool:
        """Have the rest of a part sent by the thread; False if it is not for it."""
        transport = request.transport
        if transport is None or isinstance(part.source, bytes) or transport.get_extra_info("sslcontext") is not None:
            return False
        return await self._sender.send(transport, part.source.fileno(), part.offset + at, part.length - at, sending)

    async def _refuse(self, request: web.BaseRequest, refusal: TooMany) -> AbstractStreamWriter | None:
        """Say why not: nobody would translate an error that is raised here."""
        said = problem(refusal.status, str(refusal), headers=refusal.headers)
        body = said.body if isinstance(said.body, bytes) else b""
        self.headers.clear()
        self.headers.update(said.headers)
        self.set_status(refusal.status)
        self.content_length = len(body)
        writer = await super().prepare(request)
        await self.write_eof(body)
        return writer

    def _precondition(self, request: web.BaseRequest) -> HTTPStatus | None:
        """The status if it is not sent (RFC 9110, 13.2.2)."""
        if request.if_match is not None:
            if not self._is_one_of(request.if_match, weak=False):
                return HTTPStatus.PRECONDITION_FAILED
        elif self._changed and request.if_unmodified_since and self._changed > request.if_unmodified_since:
            return HTTPStatus.PRECONDITION_FAILED
        if request.if_none_match is not None:
            return HTTPStatus.NOT_MODIFIED if self._is_one_of(request.if_none_match, weak=True) else None
        if self._changed and request.if_modified_since and self._changed <= request.if_modified_since:
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
        return self._changed is not None and request.if_range == self._changed


async def _send_some(
    request: web.BaseRequest, writer: AbstractStreamWriter, source: IO[bytes] | bytes, offset: int, length: int
) -> None:
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client is gone")
    if isinstance(source, bytes):
        await writer.write(source[offset : offset + length])
        return
    try:
        sent = await asyncio.get_running_loop().sendfile(transport, source, offset, length, fallback=False)
    except (NotImplementedError, asyncio.SendfileNotAvailableError):
        await _copy(writer, source, offset, length)
        return
    if sent != length:
        raise ConnectionResetError("the file became shorter while it was sent")


async def _copy(writer: AbstractStreamWriter, file: IO[bytes], offset: int, length: int) -> None:
    while length:
        piece = await asyncio.to_thread(os.pread, file.fileno(), min(_CHUNK, length), offset)
        if not piece:
            raise ConnectionResetError("the file became shorter while it was sent")
        await writer.write(piece)
        offset, length = offset + len(piece), length - len(piece)


def cut(parts: Sequence[Part], first: int, count: int) -> list[Part]:
    """The parts of `count` bytes from the one numbered `first` on, counted over all parts."""
    return list(_cut(parts, first, count))


def _cut(parts: Sequence[Part], first: int, count: int) -> Iterator[Part]:
    for part in parts:
        if count <= 0:
            return
        if first >= part.length:
            first -= part.length
            continue
        taken = min(part.length - first, count)
        yield Part(part.source, part.offset + first, taken)
        first, count = 0, count - taken
