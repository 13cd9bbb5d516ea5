"""/api/v1/workflows/{id}/plan: a dry run."""

from typing import Any

from aiohttp import web
from pydantic import Field

from bootsrv.http.answers import ok
from bootsrv.http.bodies import Body, Line
from bootsrv.http.call import Call
from engine.core import outcomes
from engine.core.sources import Source


class Wanted(Body):
    """What to look at. `outcomes` says by step key how steps end, as a rehearsal file does: `"failed"`,
    `{"success": {"disk": "/dev/sda"}}`, or a list with one for each try; the others are taken to succeed.
    """

    node: Line | None = None
    params: dict[str, Any] = Field(default={})
    draft: bool = False
    outcomes: dict[str, Any] = Field(default={})


async def plan(call: Call) -> web.Response:
    """What the workflow would do; nothing is started, and what is missing is part of the answer."""
    wanted = await call.body(Wanted)
    ends = outcomes.read(Source(tree={"outcomes": wanted.outcomes}), ("outcomes",))
    found = await call.pureboot.plans.plan(
        call.part("id"), node=wanted.node, params=wanted.params, draft=wanted.draft, outcomes=ends
    )
    missing = len(found.missing)
    many = f"{missing} thing is missing" if missing == 1 else f"{missing} things are missing"
    return ok(found, many if missing else "nothing is missing")
