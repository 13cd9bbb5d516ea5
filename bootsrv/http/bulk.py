"""Starting a workflow: what the body may say, and what is done where it names many nodes.

Each node has a transaction and an answer of its own: one that is busy does not stand in the way of the others.
"""

import difflib
from collections.abc import Iterator
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints, model_validator

from bootsrv.http.answers import listed
from bootsrv.http.bodies import Body, Line
from bootsrv.http.call import Call
from bootsrv.http.nodes import FILTERS, MAX_BULK
from engine.core.page import Page
from engine.errors import Invalid, NotFound, Problem

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
    results = await call.pureboot.control.start_many(
        workflow.id,
        await _meant(call, wanted),
        by=call.by,
        params=wanted.params,
        trigger=wanted.trigger,
        request_id=wanted.request_id,
        draft=wanted.draft,
    )
    begun = sum(result.error is None for result in results)
    response = listed(results, len(results), f"{workflow.name}: {begun} started, {len(results) - begun} not")
    response.set_status(202)
    return response


async def _meant(call: Call, wanted: Start) -> list[str]:
    """The nodes that are meant, each once; one that is not known by what it was called."""
    if wanted.filter is not None:
        page = Page(limit=None, filters=_filters(wanted.filter))
        found, _ = await call.pureboot.nodes.find(page)
        return [node.id for node in found]
    meant: dict[str, str] = {}
    for name in wanted.nodes or ():
        try:
            node = await call.pureboot.nodes.get(name)
        except NotFound:
            meant[name] = name
        else:
            meant[node.id] = node.id
    return list(meant)


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
