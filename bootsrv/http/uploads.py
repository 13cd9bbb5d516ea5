"""/api/v1/templates/{id}/uploads: files that are uploaded piece by piece.

In the spirit of tus 1.0 and of draft-ietf-httpbis-resumable-upload, from which the headers are: POST announces size and
SHA-256 and is told where to send the bytes; PATCH sends some from `Upload-Offset` on; HEAD or GET tells how far it is,
after a connection broke. With the last byte the file is verified and becomes the template's next version: that PATCH
is answered with 201 and the version, the others with 204.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web
from pydantic import Field

from bootsrv.http.answers import created, listed, ok, problem
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call
from bootsrv.http.errors import Refusal
from bootsrv.http.routing import MIB
from engine.core.blobs import NewUpload, TooMuch, Upload, WrongOffset
from engine.core.documents import Bump
from engine.errors import Invalid, Problem

if TYPE_CHECKING:
    from engine.services.uploads import Going

OFFSET, LENGTH, COMPLETE = "Upload-Offset", "Upload-Length", "Upload-Complete"
_PARTIAL = frozenset({"application/partial-upload", "application/offset+octet-stream", "application/octet-stream"})
_MISMATCH = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset"
_STALL_SECONDS = 30.0


class AnnouncedUpload(Body):
    """A file that is to be uploaded."""

    size: int = Field(ge=0)
    sha256: Line
    filename: Line
    commit_message: Prose = ""
    bump: Bump = Bump.MINOR


async def begin(call: Call) -> web.Response:
    """An upload that may begin."""
    new = await call.body(AnnouncedUpload)
    wanted = NewUpload(
        size=new.size, sha256=new.sha256, filename=new.filename, commit_message=new.commit_message, bump=new.bump
    )
    try:
        upload = await call.pureboot.uploads.begin(call.part("id"), wanted, by=call.by)
    except TooMuch as error:
        raise Refusal(413, str(error)) from None
    answer = created(upload, "send the bytes with PATCH", at=_place(upload))
    answer.headers.update(_headers(upload, upload.offset))
    answer.headers["Upload-Limit"] = f"max-size={call.pureboot.settings.files.max_bytes}"
    return answer


def _place(upload: Upload) -> str:
    return f"/api/v1/templates/{upload.template_id}/uploads/{upload.id}"


def _headers(upload: Upload, offset: int) -> Mapping[str, str]:
    return {OFFSET: str(offset), LENGTH: str(upload.size), COMPLETE: "?0"}


async def list_(call: Call) -> web.Response:
    """The uploads of a template that are open."""
    found = await call.pureboot.uploads.find(call.part("id"))
    return listed(found, len(found))


async def get(call: Call) -> web.Response:
    """How far an upload is."""
    upload = await call.pureboot.uploads.get(call.part("id"), call.part("upload"))
    return ok(upload, headers=_headers(upload, upload.offset))


async def abandon(call: Call) -> web.Response:
    """An upload that ends before it is whole."""
    await call.pureboot.uploads.abandon(call.part("id"), call.part("upload"))
    return ok(None, "the upload is gone")


async def append(call: Call) -> web.Response:
    """More bytes of an upload; with the last one a new version."""
    offset = _offset(call)
    try:
        async with call.pureboot.uploads.going_on(call.part("id"), call.part("upload"), offset) as going:
            await _receive(call, going)
            if not going.is_whole:
                return web.Response(status=HTTPStatus.NO_CONTENT, headers=_headers(going.upload, going.offset))
            shelved = await call.pureboot.uploads.finish(going, by=call.by)
    except WrongOffset as error:
        return _mismatch(error)
    except TooMuch as error:
        raise Refusal(413, str(error), ends_connection=True) from None
    version = shelved.version
    at = f"/api/v1/templates/{version.template_id}/versions/{version.version_string}"
    answer = created(version, f"{version.version_string} is the current version of {shelved.template.name}", at=at)
    answer.headers.update({OFFSET: str(version.size_bytes), LENGTH: str(version.size_bytes), COMPLETE: "?1"})
    return answer


def _offset(call: Call) -> int:
    """Where in the file the body begins.

    Raises:
        Refusal: the body is compressed, or not said to be plain bytes by a browser.
        Invalid: it is not said where.
    """
    headers = call.request.headers
    if headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise Refusal(415, "a compressed body is not taken here", ends_connection=True)
    if (
        call.content_type
        and call.content_type not in _PARTIAL
        and call.content_type.startswith(("text/", "multipart/"))
    ):
        raise Refusal(415, "send the bytes as they are, as application/partial-upload", ends_connection=True)
    said = headers.get(OFFSET, "")
    if not (said.isascii() and said.isdecimal() and len(said) <= 18):
        message = "is missing: write how many bytes of the file came before this body"
        raise Invalid([Problem(path=OFFSET, message=message if not said else f"{said[:40]!r} is no number of bytes")])
    return int(said)


async def _receive(call: Call, going: "Going") -> None:
    """Write what arrives; when the connection breaks, what had arrived is written.

    Raises:
        Refusal: nothing comes any more.
        TooMuch: more comes than was announced.
    """
    length = call.request.content_length
    if length is not None and going.offset + length > going.upload.size:
        raise TooMuch(f"this upload was announced with {going.upload.size} bytes, and there are more")
    waiting = bytearray()
    try:
        while True:
            async with asyncio.timeout(_STALL_SECONDS):
                piece = await call.request.content.readany()
            if not piece:
                return
            waiting += piece
            if len(waiting) >= MIB:
                await _write(going, waiting)
    except TimeoutError:
        reason = f"nothing arrived for {_STALL_SECONDS:.0f} seconds; go on with this upload when you can"
        raise Refusal(408, reason, ends_connection=True) from None
    except web.RequestPayloadError:
        raise Refusal(400, "the body is broken", ends_connection=True) from None
    finally:
        await _write(going, waiting)


async def _write(going: "Going", waiting: bytearray) -> None:
    if waiting:
        piece = bytes(waiting)
        waiting.clear()
        await going.write(piece)


def _mismatch(error: WrongOffset) -> web.Response:
    more: dict[str, Any] = {"expected-offset": error.expected, "provided-offset": error.given}
    answer = problem(409, str(error), headers={OFFSET: str(error.expected)}, type=_MISMATCH, **more)
    answer.force_close()  # the body was not read
    return answer
