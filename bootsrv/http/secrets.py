"""/api/v1/secrets: for administrators only; values go in and never come out."""

from aiohttp import web

from bootsrv.http.answers import listed, ok
from bootsrv.http.bodies import Body
from bootsrv.http.call import Call
from engine.core.secrets import MAX_VALUE
from engine.core.shape import as_data

LONGEST_BODY = 6 * MAX_VALUE + 1024  # JSON may write a character as six


class NewValue(Body):
    """The value of a secret: text."""

    value: str


async def list_(call: Call) -> web.Response:
    """A page of the secrets, without their values."""
    found, total = await call.pureboot.secrets.find(call.page())
    return listed(found, total)


async def put(call: Call) -> web.Response:
    """A secret with a value: a new one, or one that has another now."""
    name = call.part("name")
    new = await call.body(NewValue)
    secret, is_new, warning = await call.pureboot.secrets.set(name, new.value, by=call.by)
    at = {"Location": f"/api/v1/secrets/{secret.name}"} if is_new else {}
    return ok(as_data(secret), warning, status=201 if is_new else 200, headers=at)


async def delete(call: Call) -> web.Response:
    """A secret that is there no more."""
    name = call.part("name")
    await call.pureboot.secrets.delete(name, by=call.by)
    return ok(None, f"secret {name} is deleted")
