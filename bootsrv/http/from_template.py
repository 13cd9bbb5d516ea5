"""POST /api/v1/workflows/from-template: a draft workflow, made from a template with parameters."""

from typing import Any

from aiohttp import web
from pydantic import Field

from bootsrv.http.answers import created, ok
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call


class FromTemplate(Body):
    """Which template (`name`, `name:v1.0`), what the workflow is to be called, and the template's parameters."""

    template: Line
    name: Line
    params: dict[str, Any] = Field(default={})
    commit_message: Prose = ""
    dry_run: bool = False


async def make(call: Call) -> web.Response:
    """A new workflow, as a draft; with `dry_run` only the file that it would have."""
    wanted = await call.body(FromTemplate)
    content, workflow = await call.pureboot.workflows.make(
        wanted.template,
        wanted.name,
        wanted.params,
        by=call.by,
        commit_message=wanted.commit_message,
        dry_run=wanted.dry_run,
    )
    if workflow is None:
        return ok({"name": wanted.name, "content": content}, "nothing was changed")
    at = f"/api/v1/workflows/{workflow.id}"
    return created(workflow, f"workflow {workflow.name} {workflow.version} is a draft; publish it to use it", at=at)
