"""/api/v1/workflows. A body is the tree of a workflow in JSON, or the YAML file itself, by its content type."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from bootsrv.http import bulk, library
from bootsrv.http.answers import created, listed, ok, text
from bootsrv.http.bodies import Body, Line, Prose, check, read_json
from bootsrv.http.bulk import Start
from bootsrv.http.call import Call
from bootsrv.http.queries import one_of, truth_word
from bootsrv.http.queries import text as any_text
from engine.core import sources
from engine.core.documents import DocumentKind, DocumentStatus
from engine.core.shape import as_data
from engine.core.texts import decode
from engine.core.workflows import PublishedWorkflow
from engine.errors import Conflict, Invalid, NotFound, Problem

FILTERS = {
    "is_active": truth_word,
    "status": one_of(DocumentStatus),
    **dict.fromkeys(("name", "os_family", "architecture", "boot_mode", "current_version", "tag"), any_text),
}
WRITE_QUERY = {"commit_message": any_text}
FILE_QUERY = {**WRITE_QUERY, "file": any_text}
VERSION_QUERY = {"version": any_text}

_TODAY = {"timeout_seconds": "timeout", "nodes": "steps"}
_DEFAULTS: Mapping[str, Any] = {
    "description": "",
    "os_family": "linux",
    "architecture": "any",
    "boot_mode": "any",
    "params": {},
    "concurrency": None,
    "timeout": None,
    "state_on_start": None,
}


class Text(Body):
    """A file as JSON carries it: its text, and its name for the places in errors."""

    content: str
    file: Line | None = None
    commit_message: Prose = ""


class Which(Body):
    """Which version is meant; without it, the newest."""

    version: Line | None = None


class Whole(Body):
    """Which version is to be the active one."""

    version: Line


async def list_(call: Call) -> web.Response:
    """A page of the workflows; with `q`, of those that have a text in them, and where."""
    if "q" in call.own_query():
        return await library.found(call, DocumentKind.WORKFLOW)
    found, total = await call.pureboot.workflows.find(call.page())
    return listed(found, total)


async def create(call: Call) -> web.Response:
    """A new workflow, as a draft."""
    message = call.query().get("commit_message", "")
    if call.is_yaml:
        workflow = await _create_from_file(call, await call.text(), message)
    else:
        workflow = await call.pureboot.workflows.create(_mapping(await call.json()), by=call.by, commit_message=message)
    at = f"/api/v1/workflows/{workflow.id}"
    return created(workflow, f"workflow {workflow.name} {workflow.version} is a draft; publish it to use it", at=at)


async def _create_from_file(call: Call, content: str, message: str) -> PublishedWorkflow:
    """Keep the file as it was written, comments and all."""
    name = (await _checked(call, content))["name"]
    with suppress(NotFound):
        known = await call.pureboot.workflows.get(name)
        if known.status is not DocumentStatus.ARCHIVED:
            raise Conflict(f"there is a workflow {name} already")
    return (await call.pureboot.workflows.import_(content, by=call.by, commit_message=message))[0][0]


async def get(call: Call) -> web.Response:
    """A workflow: its active version, or else its newest, or the one asked for."""
    return ok(await call.pureboot.workflows.get(call.part("id"), call.query().get("version")))


async def update(call: Call) -> web.Response:
    """A workflow's next draft, from the parts that are to change."""
    message = call.query().get("commit_message", "")
    tree = sources.read_one(await call.text()).tree if call.is_yaml else await call.json()
    changes = _one_spelling(_mapping(tree))
    return ok(await call.pureboot.workflows.update(call.part("id"), changes, by=call.by, commit_message=message))


async def replace(call: Call) -> web.Response:
    """A workflow's next draft, from the whole of it: what is left out goes to its default."""
    message = call.query().get("commit_message", "")
    reference = call.part("id")
    if not call.is_yaml:
        given = _one_spelling(_mapping(await call.json()))
        if "steps" not in given:
            raise Invalid(
                [Problem(path="steps", message="is missing: this takes the whole workflow; PATCH takes parts")]
            )
        whole = {**_DEFAULTS, **given}
        return ok(await call.pureboot.workflows.update(reference, whole, by=call.by, commit_message=message))
    content = await call.text()
    known = await call.pureboot.workflows.get(reference)
    if (await _checked(call, content))["name"] != known.name:
        raise Invalid([Problem(path="name", message="a workflow keeps its name; import it under another")])
    return ok((await call.pureboot.workflows.import_(content, by=call.by, commit_message=message))[0][0])


async def archive(call: Call) -> web.Response:
    """A workflow that is used no more; its versions stay, and what runs of it runs on."""
    return await library.archive(call, DocumentKind.WORKFLOW)


async def versions(call: Call) -> web.Response:
    """A page of a workflow's versions, newest first."""
    found, total = await call.pureboot.workflows.versions(call.part("id"), call.page())
    return listed(found, total)


async def version(call: Call) -> web.Response:
    """One version with its text."""
    return ok(await call.pureboot.workflows.version(call.part("id"), call.part("version")))


async def set_current(call: Call) -> web.Response:
    """A workflow whose active version is another from now on."""
    wanted = await call.body(Whole)
    workflow = await call.pureboot.workflows.set_current(call.part("id"), wanted.version, by=call.by)
    return ok(workflow, f"{workflow.current_version} is the active version of {workflow.name}")


async def publish(call: Call) -> web.Response:
    """A workflow whose version was validated and is the active one from now on."""
    wanted = await call.body(Which)
    workflow = await call.pureboot.workflows.publish(call.part("id"), wanted.version, by=call.by)
    return ok(workflow, f"workflow {workflow.name} {workflow.version} is active")


async def export(call: Call) -> web.Response:
    """A version as YAML."""
    content = await call.pureboot.workflows.export(call.part("id"), call.query().get("version"))
    return text(content, "application/yaml")


async def import_(call: Call) -> web.Response:
    """Every workflow of a file, each as a draft; all of them, or none if something in the file is wrong."""
    file = await _file(call)
    done = await call.pureboot.workflows.import_(
        file.content, by=call.by, file=file.file, commit_message=file.commit_message
    )
    changed = sum(is_new for _, is_new in done)
    response = listed(
        [_imported(workflow, is_new) for workflow, is_new in done],
        len(done),
        f"{changed} of {len(done)} workflows have a new version",
    )
    response.set_status(201 if changed else 200)
    return response


def _imported(workflow: PublishedWorkflow, is_new: bool) -> dict[str, Any]:
    data: dict[str, Any] = as_data(workflow)
    return {**data, "version": workflow.latest_version, "changed": is_new}


async def validate(call: Call) -> web.Response:
    """Everything that is wrong with a file; changes nothing."""
    file = await _file(call)
    problems = await call.pureboot.workflows.validate(file.content, file=file.file)
    message = f"{len(problems)} problems" if problems else "nothing is wrong with it"
    return ok({"valid": not problems, "errors": problems}, message)


async def execute(call: Call) -> web.Response:
    """An execution, which has begun when this is answered; or for each of several nodes one, or why there is none."""
    start = await call.body(Start)
    if start.nodes is not None or start.filter is not None:
        return await bulk.execute(call, start)
    execution = await call.pureboot.executions.start(
        call.part("id"),
        by=call.by,
        node=start.node,
        params=start.params,
        trigger=start.trigger,
        request_id=start.request_id,
        draft=start.draft,
    )
    url = f"/api/v1/executions/{execution.id}"
    data = {"execution_id": execution.id, "status": execution.status, "status_url": url}
    return ok(data, f"{execution.workflow_name} {execution.workflow_version} was started", status=202)


async def _file(call: Call) -> Text:
    """The text of a file: the body itself, or the `content` of an object; an object without it is a workflow's tree."""
    given = call.query()
    body = await call.read()
    if call.is_json:
        value = read_json(body)
        if isinstance(value, dict) and ("content" in value or not value):
            text_: Text = check(Text, value)
            return text_
    content = decode(body, file=given.get("file"))
    return Text(content=content, file=given.get("file"), commit_message=given.get("commit_message", ""))


async def _checked(call: Call, content: str) -> dict[str, Any]:
    """The tree of a file with one workflow; what is wrong in it is said with lines and columns.

    Raises:
        Invalid: something is.
    """
    problems = await call.pureboot.workflows.validate(content)
    if problems:
        raise Invalid(problems)
    return _mapping(sources.read_one(content).tree)


def _mapping(tree: Any) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise Invalid([Problem(message="a workflow is an object with name and steps")])
    return tree


def _one_spelling(tree: dict[str, Any]) -> dict[str, Any]:
    """Older names of keys as today's, so that they take the place of what is there."""
    return {_TODAY.get(key, key): value for key, value in tree.items()}
