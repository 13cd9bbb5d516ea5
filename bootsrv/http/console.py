"""/api/v1/console: what a console far away stands on. `engine.seam` has the table of what it may call."""

import asyncio
import re
import zlib
from importlib.metadata import version
from typing import Any

from aiohttp import hdrs, web

from bootsrv.http.access import require
from bootsrv.http.answers import NO_STORE, ok
from bootsrv.http.call import Call
from bootsrv.http.errors import Refusal
from bootsrv.http.routing import MIB
from engine.core.codec import encode, from_text, to_text
from engine.core.permissions import Permission, may
from engine.core.tokens import Role
from engine.core.triggers import Trigger, veiled
from engine.core.welcome import Welcome
from engine.seam import methods
from engine.seam.methods import Method

LARGEST_CALL = 4 * MIB

_SMALL = 2048  # bytes, which nobody need compress
_GZIP = zlib.MAX_WBITS | 16
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*@")


async def welcome(call: Call) -> web.Response:
    """Where the console is, and who it is here."""
    pureboot = call.pureboot
    told = Welcome(
        version=version("pureboot"),
        now=pureboot.now(),
        principal=call.by,
        role=call.caller.role or Role.VIEWER,
        store=pureboot.store_id,
        server=pureboot.server,
        is_host=pureboot.is_host,
        replacements=pureboot.replacements,
        trouble=pureboot.trouble,
        settings=_without_passwords(pureboot.settings.model_dump(mode="json")),
    )
    return ok(encode(Welcome, told))


async def perform(call: Call) -> web.Response:
    """Call one method of a service, in the name of the token."""
    method = methods.find(call.part("service"), call.part("method"))
    require(call.caller, method.needs)
    if not call.is_json:
        raise Refusal(415, "send JSON, with `Content-Type: application/json`")
    body = await call.read()
    arguments = await asyncio.to_thread(from_text, body or b"{}")
    result, told = await methods.call(call.pureboot, method, arguments, by=call.by)
    if not may(call.caller.role, Permission.WORK):
        result = _for_viewers(result)
    packed = "gzip" in call.request.headers.get(hdrs.ACCEPT_ENCODING, "")
    return await asyncio.to_thread(_answer, method, result, told, packed)


def _answer(method: Method, result: Any, told: Any, packed: bool) -> web.Response:
    body = to_text({"success": True, "data": methods.returned(method, result, told), "message": None}).encode()
    headers = dict(NO_STORE)
    if packed and len(body) > _SMALL:
        squeezer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        body = squeezer.compress(body) + squeezer.flush()
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, content_type="application/json", headers=headers)


def _for_viewers(result: Any) -> Any:
    """Without what is all that it takes to do more than to look: the path of a webhook that nobody signs."""
    if isinstance(result, Trigger):
        return veiled(result)
    if isinstance(result, list | tuple) and type(result) in (list, tuple):
        return type(result)(_for_viewers(each) for each in result)
    return result


def _without_passwords(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_passwords(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_passwords(each) for each in value]
    return _PASSWORD.sub("***@", value) if isinstance(value, str) else value
