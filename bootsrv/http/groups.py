"""/api/v1/groups."""

from typing import Any

from aiohttp import web
from pydantic import Field

from bootsrv.http.answers import created, listed, ok
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call
from bootsrv.http.queries import text

FILTERS = {"name": text, "workflow_id": text}


class _Fields(Body):
    description: Prose = ""
    workflow_id: Line | None = None
    metadata: dict[str, Any] = Field(default={})


class NewGroup(_Fields):
    """A group. `workflow_id` takes a name as well."""

    name: Line


class ChangedGroup(_Fields):
    """What of a group is to change."""

    name: Line = ""


async def list_(call: Call) -> web.Response:
    """A page of the groups."""
    found, total = await call.pureboot.groups.find(call.page())
    return listed(found, total)


async def create(call: Call) -> web.Response:
    """A new group."""
    group = await call.pureboot.groups.create((await call.body(NewGroup)).given(), by=call.by)
    return created(group, f"group {group.name} was made", at=f"/api/v1/groups/{group.id}")


async def get(call: Call) -> web.Response:
    """A group."""
    return ok(await call.pureboot.groups.get(call.part("id")))


async def update(call: Call) -> web.Response:
    """A group with some fields changed."""
    values = (await call.body(ChangedGroup)).given()
    return ok(await call.pureboot.groups.update(call.part("id"), values, by=call.by))


async def delete(call: Call) -> web.Response:
    """A group that is no more."""
    group = await call.pureboot.groups.delete(call.part("id"), by=call.by)
    return ok(group, f"group {group.name} is deleted")
