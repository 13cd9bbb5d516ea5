"""POST /hooks/{path}: webhooks.

The path says which trigger is meant, and is all the proof there is for one without a secret. For one with a secret the
body must be signed: HMAC-SHA256 in hexadecimal as `X-Hub-Signature-256: sha256=…`, as GitHub has it, or the same as
`X-PureBoot-Signature`. `Idempotency-Key` or `X-GitHub-Delivery` names the occurrence: sent again, it gives the
execution that it started the first time. Without either every POST is an occurrence of its own.
"""

import asyncio
from typing import Any

from aiohttp import web

from bootsrv.http.bodies import read_json
from bootsrv.http.call import Call
from bootsrv.http.errors import Refusal
from bootsrv.http.queries import LONGEST
from bootsrv.http.routing import KIB
from bootsrv.http.triggers import fired
from engine.errors import Invalid, Problem
from engine.services.triggers import BadSignature

MAX_BODY = 256 * KIB

_SIGNATURES = ("X-Hub-Signature-256", "X-PureBoot-Signature")
_KEYS = ("Idempotency-Key", "X-GitHub-Delivery")
_LARGE = 64 * KIB


async def receive(call: Call) -> web.Response:
    """What a webhook has started."""
    body = await call.read()
    path = call.request.match_info["path"][:LONGEST]
    try:
        trigger = await call.pureboot.triggers.receive(path, body, _header(call, _SIGNATURES))
    except BadSignature as error:
        challenge = {"WWW-Authenticate": 'Signature realm="PureBoot webhooks"'}
        raise Refusal(401, f"{error}; send {_SIGNATURES[0]}: sha256=HMAC of the body", headers=challenge) from None
    key = _header(call, _KEYS)
    if key is not None and not key.isprintable():
        raise Invalid([Problem(path=_KEYS[0], message="may hold only printable characters")])
    return fired(await call.pureboot.triggers.deliver(trigger, await _value(body), key))


def _header(call: Call, names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := call.request.headers.get(name, "").strip())), None)


async def _value(body: bytes) -> Any:
    """The JSON that was sent; nothing at all is an empty object."""
    if not body.strip():
        return {}
    return await asyncio.to_thread(read_json, body) if len(body) > _LARGE else read_json(body)
