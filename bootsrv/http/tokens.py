"""/api/v1/tokens: for administrators only."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import BeforeValidator, model_validator

from bootsrv.http.answers import created, listed, ok
from bootsrv.http.bodies import Body, Line
from bootsrv.http.call import Call
from engine.core.shape import as_data
from engine.core.tokens import Role
from engine.durations import parse_duration
from engine.errors import Invalid, Problem

_LONGEST_SECONDS = 10 * 366 * 24 * 3600.0


class NewToken(Body):
    """A token; it never expires unless it is said when: `expires_in` is a duration such as `30d` or seconds."""

    name: Line
    role: Role = Role.ADMIN
    expires_in: Annotated[float, BeforeValidator(parse_duration)] | None = None
    expires_at: datetime | None = None

    @model_validator(mode="after")
    def _one_end(self) -> "NewToken":
        if self.expires_in is not None and self.expires_at is not None:
            raise ValueError("write either expires_in or expires_at")
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise ValueError("expires_at needs a time zone, such as 2026-03-01T12:00:00Z")
        return self


async def list_(call: Call) -> web.Response:
    """A page of the tokens, without the tokens themselves."""
    found, total = await call.pureboot.access.find(call.page())
    return listed(found, total)


async def create(call: Call) -> web.Response:
    """A new token, which is shown now and never again."""
    new = await call.body(NewToken)
    _refuse_end(call, new)
    issued = await call.pureboot.access.create(
        new.name, new.role.value, by=call.by, expires_in=new.expires_in, expires_at=new.expires_at
    )
    data = {**as_data(issued.token), "token": issued.secret}
    at = f"/api/v1/tokens/{issued.token.id}"
    return created(data, "keep the token: it is not shown again", at=at)


async def delete(call: Call) -> web.Response:
    """A token that opens nothing any more."""
    reference = call.part("id")
    await call.pureboot.access.revoke(reference, by=call.by)
    return ok(None, f"token {reference} is revoked")


def _refuse_end(call: Call, new: NewToken) -> None:
    seconds = new.expires_in
    if new.expires_at is not None:
        seconds = (new.expires_at - call.pureboot.context.now()).total_seconds()
    if seconds is not None and not 0 < seconds <= _LONGEST_SECONDS:
        path = "expires_in" if new.expires_at is None else "expires_at"
        raise Invalid([Problem(path=path, message="must lie between now and ten years from now")])
