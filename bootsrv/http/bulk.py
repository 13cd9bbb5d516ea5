"""Starting a workflow: what the body may say, and what is done where it names many nodes.

Each node has a transaction and an answer of its own: one that is busy does not stand in the way of the others.
"""

import asyncio
import difflib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints, model_validator

from bootsrv.http.answers import listed
from bootsrv.http.bodies import Body, Line
from bootsrv.http.call import Call
from bootsrv.http.nodes import FILTERS, MAX_BULK
from engine.core.nodes import Node
from engine.core.page import Page
from engine.errors import Invalid, NotFound, Problem, PureBootError

_AT_ONCE = 50
_LONGEST_ID = 160  # of a request for many: the id of each node's own request is longer by the node's id

_Values = Annotated[list[Line], Field(min_length=1, max_length=MAX_BULK)]


class Start(Body):
    """What to start a workflow with, and on which node or nodes. `draft` runs its newest version, published or not.

    `nodes` are ids or names; `filter` takes the filters of the list of nodes, each with a value or several.
    """

    node: Line | None = None
    nodes: _Values | None = None
    filter: Annotated[dict[str, Line | _Values], Field(min_length=1)] | None = None
    params: dict[str, Any] = Field(default={})
    trigger: Line = "manual"
    request_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    draft: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> "Start":
        ways = [name for name in ("node", "nodes", "filter") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise ValueError(f"write {' or '.join(ways)}, not both")
        if ways and ways != ["node"] and len(self.request_id or "") > _LONGEST_ID:
            raise ValueError(f"the request_id of a start on many nodes may have {_LONGEST_ID} characters")
        return self


async def execute(call: Call, wanted: Start) -> web.Response:
    """For each of the nodes that are meant, its execution, or why there is none."""
    workflow = await call.pureboot.workflows.get(call.part("id"))
    results = await _each(call, wanted, await _meant(call, wanted))
    begun = sum(result["error"] is None for result in results)
    left = len(results) - begun
    response = listed(results, len(results), f"{workflow.name}: {begun} started, {left} not")
    response.set_status(202)
    return response


async def _meant(call: Call, wanted: Start) -> Sequence[Node | str]:
    """The nodes that are meant, each once; of one that is not known the name."""
    if wanted.filter is not None:
        page = Page(limit=None, filters=_filters(wanted.filter))
        found, _ = await call.pureboot.nodes.find(page)
        return found
    meant: dict[str, Node | str] = {}
    for name in wanted.nodes or ():
        try:
            node = await call.pureboot.nodes.get(name)
        except NotFound:
            meant[name] = name
        else:
            meant[node.id] = node
    return list(meant.values())


def _filters(given: dict[str, str | list[str]]) -> dict[str, tuple[Any, ...]]:
    """The filters as the list of nodes has them.

    Raises:
        Invalid: one is not known there, or has a value that it cannot have; every one is named.
    """
    problems: list[Problem] = []
    read = {name: tuple(_read(name, values, problems)) for name, values in given.items()}
    if problems:
        raise Invalid(problems)
    return read


def _read(name: str, values: str | list[str], problems: list[Problem]) -> Iterator[Any]:
    if name not in FILTERS:
        near = difflib.get_close_matches(name, FILTERS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(FILTERS)}"
        problems.append(Problem(path=f"filter.{name}"[:255], message=f"is no filter of nodes{hint}"))
        return
    for value in [values] if isinstance(values, str) else values:
        try:
            yield FILTERS[name](value)
        except ValueError as error:
            problems.append(Problem(path=f"filter.{name}", message=str(error)))


async def _each(call: Call, wanted: Start, nodes: Sequence[Node | str]) -> list[dict[str, Any]]:
    """Many at a time, since what is written together is flushed together; the results are in the order of the nodes."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def result(node: Node | str) -> dict[str, Any]:
        if isinstance(node, str):
            return {"node_id": None, "node": node, "execution_id": None, "error": f"there is no node {node}"}
        async with room:
            told: dict[str, Any] = {"node_id": node.id, "node": node.name, "execution_id": None, "error": None}
            try:
                return {**told, "execution_id": await _start(call, wanted, node)}
            except PureBootError as error:
                return {**told, "error": str(error)}

    return list(await asyncio.gather(*(result(node) for node in nodes)))


async def _start(call: Call, wanted: Start, node: Node) -> str:
    execution = await call.pureboot.executions.start(
        call.part("id"),
        by=call.by,
        node=node.id,
        params=wanted.params,
        trigger=wanted.trigger,
        # a request id means one execution of a workflow, so each node needs one of its own
        request_id=f"{wanted.request_id}:{node.id}" if wanted.request_id else None,
        draft=wanted.draft,
    )
    return execution.id
