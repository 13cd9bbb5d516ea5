"""/api/v1/secrets: for administrators only; values go in and never come out."""

from aiohttp import web

from bootsrv.http.answers import listed, ok
from bootsrv.http.bodies import Body, Line
from bootsrv.http.call import Call
from engine.core.secrets import MAX_VALUE
from engine.core.shape import as_data

LONGEST_BODY = 6 * MAX_VALUE + 1024  # JSON may write a character as six


class NewValue(Body):
    """The value of a secret: text."""

    value: str


class NamedValue(NewValue):
    """A secret whose name does not stand in the path."""

    name: Line


async def list_(call: Call) -> web.Response:
    """A page of the secrets, without their values."""
    found, total = await call.pureboot.secrets.find(call.page())
    return listed(found, total)


async def put(call: Call) -> web.Response:
    """A secret with a value: a new one, or one that has another now."""
    return await _set(call, call.part("name"), (await call.body(NewValue)).value)


async def put_named(call: Call) -> web.Response:
    """As `put`, with the name in the body."""
    new = await call.body(NamedValue)
    return await _set(call, new.name, new.value)


async def _set(call: Call, name: str, value: str) -> web.Response:
    secret, is_new, warning = await call.pureboot.secrets.set(name, value, by=call.by)
    at = {"Location": f"/api/v1/secrets/{secret.name}"} if is_new else {}
    return ok(as_data(secret), warning, status=201 if is_new else 200, headers=at)


async def delete(call: Call) -> web.Response:
    """A secret that is there no more."""
    name = call.part("name")
    await call.pureboot.secrets.delete(name, by=call.by)
    return ok(None, f"secret {name} is deleted")
