"""/api/v1/nodes."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AfterValidator, Field, model_validator

from bootsrv.http.answers import created, listed, ok, problem_data
from bootsrv.http.bodies import Body, Line, Prose, Word, check
from bootsrv.http.call import Call
from bootsrv.http.errors import status_of
from bootsrv.http.queries import one_of, text, truth
from engine.core.nodes import Node, NodeState, parse_mac
from engine.core.shape import as_data
from engine.errors import Invalid, Problem, PureBootError


def _mac_address(value: str) -> str:
    try:
        return parse_mac(value)
    except Invalid as error:
        raise ValueError(error.problems[0].message) from None


FILTERS = {
    "state": one_of(NodeState),
    "group": text,
    "tag": text,
    "locked": truth,
    "mac_address": _mac_address,
    **dict.fromkeys(
        (
            *("hostname", "ip_address", "vendor", "model", "serial_number", "system_uuid"),
            *("arch", "boot_mode", "group_id", "workflow_id"),
        ),
        text,
    ),
}

TAG_QUERY = {"tag": text}

MAX_BULK = 1000
_AT_ONCE = 50


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None


class _Fields(Body):
    hostname: Line | None = None
    ip_address: Annotated[Line, AfterValidator(_ip_address)] | None = None
    vendor: Line | None = None
    model: Line | None = None
    serial_number: Line | None = None
    system_uuid: Line | None = None
    arch: Word | None = None
    boot_mode: Literal["bios", "uefi"] | None = None
    group_id: Line | None = None
    workflow_id: Line | None = None
    tags: list[str] = Field(default=[], max_length=100)
    metadata: dict[str, Any] = Field(default={})
    locked: bool = False
    identity_conflict: Line | None = None


class NewNode(_Fields):
    """A node before it has ever asked. `group_id` and `workflow_id` take a name as well."""

    mac_address: Line


class ChangedNode(_Fields):
    """What of a node is to change."""


class NewState(Body):
    """Where a node is to go."""

    state: NodeState
    comment: Prose | None = None
    force: bool = False
    metadata: dict[str, Any] | None = None


class Tags(Body):
    """One tag, or several."""

    tag: str | None = None
    tags: list[str] | None = None

    @model_validator(mode="after")
    def _some(self) -> "Tags":
        if (self.tag is None) == (self.tags is None):
            raise ValueError("write either tag or tags")
        return self

    @property
    def all(self) -> list[str]:
        """All of them."""
        return self.tags if self.tags is not None else [self.tag or ""]


async def list_(call: Call) -> web.Response:
    """A page of the nodes."""
    found, total = await call.pureboot.nodes.find(call.page())
    return listed(found, total)


async def create(call: Call) -> web.Response:
    """A new node."""
    values = (await call.body(NewNode)).given()
    node = await call.pureboot.nodes.create(values.pop("mac_address"), values, by=call.by)
    return created(node, f"node {node.name} is known now", at=f"/api/v1/nodes/{node.id}")


async def get(call: Call) -> web.Response:
    """A node."""
    return ok(await call.pureboot.nodes.get(call.part("id")))


async def update(call: Call) -> web.Response:
    """A node with some fields changed."""
    values = (await call.body(ChangedNode)).given()
    return ok(await call.pureboot.nodes.update(call.part("id"), values, by=call.by))


async def retire(call: Call) -> web.Response:
    """A node that goes to `retired`, if the state machine has a way there."""
    node = await call.pureboot.nodes.move(call.part("id"), NodeState.RETIRED, by=call.by)
    return ok(node, f"node {node.name} is retired; its history stays")


async def move(call: Call) -> web.Response:
    """A node in another state."""
    goal = await call.body(NewState)
    node = await call.pureboot.nodes.move(
        call.part("id"), goal.state, by=call.by, comment=goal.comment, force=goal.force, metadata=goal.metadata
    )
    return ok(node, f"node {node.name} is {node.state}")


async def history(call: Call) -> web.Response:
    """A page of a node's state log, newest first."""
    found, total = await call.pureboot.nodes.history(call.part("id"), call.page())
    return listed(found, total)


async def tag(call: Call) -> web.Response:
    """A node with more tags."""
    tags = await call.body(Tags)
    return ok(await call.pureboot.nodes.tag(call.part("id"), add=tags.all, by=call.by))


async def untag(call: Call) -> web.Response:
    """A node with fewer tags: those of the body, or the one in the query, as some clients send no body here."""
    tag = call.query().get("tag")
    tags = (await call.body(Tags)).all if tag is None else [tag]
    return ok(await call.pureboot.nodes.tag(call.part("id"), remove=tags, by=call.by))


async def untag_one(call: Call) -> web.Response:
    """A node without the tag in the path."""
    return ok(await call.pureboot.nodes.tag(call.part("id"), remove=[call.part("tag")], by=call.by))


class _Bulk(Body):
    action: str
    nodes: list[Line] = Field(min_length=1, max_length=MAX_BULK)


class _BulkTags(_Bulk):
    tags: list[str] = Field(min_length=1, max_length=100)


class _BulkState(_Bulk):
    state: NodeState
    comment: Prose | None = None
    force: bool = False


class _BulkGroup(_Bulk):
    group: Line | None


class _BulkWorkflow(_Bulk):
    workflow: Line | None


class _BulkExecute(_Bulk):
    workflow: Line
    params: dict[str, Any] = Field(default={})
    trigger: Line = "manual"
    request_id: Annotated[str, Field(max_length=160)] | None = None
    draft: bool = False


_One = Callable[[Call, Any, str], Awaitable[Any]]


async def _add(call: Call, what: _BulkTags, node: str) -> Node:
    return await call.pureboot.nodes.tag(node, add=what.tags, by=call.by)


async def _remove(call: Call, what: _BulkTags, node: str) -> Node:
    return await call.pureboot.nodes.tag(node, remove=what.tags, by=call.by)


async def _move(call: Call, what: _BulkState, node: str) -> Node:
    return await call.pureboot.nodes.move(node, what.state, by=call.by, comment=what.comment, force=what.force)


async def _group(call: Call, what: _BulkGroup, node: str) -> Node:
    return await call.pureboot.nodes.update(node, {"group_id": what.group}, by=call.by)


async def _workflow(call: Call, what: _BulkWorkflow, node: str) -> Node:
    return await call.pureboot.nodes.update(node, {"workflow_id": what.workflow}, by=call.by)


async def _execute(call: Call, what: _BulkExecute, node: str) -> Any:
    target = await call.pureboot.nodes.get(node)
    return await call.pureboot.executions.start(
        what.workflow,
        by=call.by,
        node=target.id,
        params=what.params,
        trigger=what.trigger,
        # a request id means one execution of a workflow, so each node needs one of its own
        request_id=f"{what.request_id}:{target.id}" if what.request_id else None,
        draft=what.draft,
    )


_BULK: Mapping[str, tuple[type[_Bulk], _One]] = {
    "tag": (_BulkTags, _add),
    "untag": (_BulkTags, _remove),
    "state": (_BulkState, _move),
    "group": (_BulkGroup, _group),
    "workflow": (_BulkWorkflow, _workflow),
    "execute": (_BulkExecute, _execute),
}


async def bulk(call: Call) -> web.Response:
    """The same to many nodes, each on its own: what one refuses does not stop the others."""
    value = await call.json()
    action = value.get("action") if isinstance(value, dict) else None
    if not isinstance(action, str) or action not in _BULK:
        raise Invalid([Problem(path="action", message=f"is not one of {', '.join(_BULK)}")])
    model, one = _BULK[action]
    what = check(model, value)
    results = await _each(call, what, one)
    done = sum(bool(result["success"]) for result in results)
    return listed(results, len(results), f"{action}: {done} of {len(results)} done", done=done)


async def _each(call: Call, what: _Bulk, one: _One) -> list[dict[str, Any]]:
    """Many at a time, since what is written together is flushed together; the results are in the order asked."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def result(node: str) -> dict[str, Any]:
        async with room:
            try:
                return {"node": node, "success": True, "data": as_data(await one(call, what, node))}
            except PureBootError as error:
                problems = error.problems if isinstance(error, Invalid) else ()
                told = problem_data(status_of(error), error.message, problems)
                return {"node": node, "success": False, "error": told}

    return list(await asyncio.gather(*(result(node) for node in dict.fromkeys(what.nodes))))
