"""/api/v1/templates."""

from collections.abc import Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bootsrv.http import library
from bootsrv.http.answers import created, listed, ok
from bootsrv.http.bodies import Body, Line, Prose, Word
from bootsrv.http.call import Call
from bootsrv.http.queries import member, one_of, truth
from bootsrv.http.queries import text as any_text
from engine.core import findings
from engine.core.documents import Bump, DocumentKind, DocumentStatus, TemplateType
from engine.core.findings import Finding, Findings
from engine.core.shape import as_data

FILTERS = {
    "name": any_text,
    "type": one_of(TemplateType),
    "os_family": any_text,
    "status": one_of(DocumentStatus),
    "current_version": any_text,
    "tag": any_text,
}
FORCE_QUERY = {"force": truth}
VERSION_QUERY = {"bump": member(Bump), **FORCE_QUERY}

_Tags = Annotated[list[Line], Field(max_length=100)]


class NewTemplate(Body):
    """A template, with its first version if there is a `content`."""

    name: Line
    type: TemplateType = TemplateType.SCRIPT
    description: Prose = ""
    os_family: Word = ""
    tags: _Tags = Field(default=[])
    content: str | None = None
    commit_message: Prose = ""
    draft: bool = False


class ChangedTemplate(Body):
    """What of a template is to change; its content does by a new version."""

    type: TemplateType = TemplateType.SCRIPT
    description: Prose = ""
    os_family: Word = ""
    tags: _Tags = Field(default=[])


class NewVersion(Body):
    """The next version; a draft is not the current one. It is refused if another version than the one that it is based
    on is the current one by now.
    """

    content: str
    commit_message: Prose = ""
    draft: bool = False
    based_on: Line | None = None


class Preview(Body):
    """What to render for."""

    node: Line | None = None
    version: Line = "latest"
    params: dict[str, Any] | None = None


class Unsaved(Body):
    """A text to be checked that is no template, of a template's type or `yaml` or `json`."""

    type: Word = TemplateType.SCRIPT.value
    content: str
    name: Line = ""


class Checked(Body):
    """Which version of a template is to be checked, with samples or as a node would get it."""

    version: Line = "latest"
    node: Line | None = None
    params: dict[str, Any] | None = None


class CurrentVersion(Body):
    """Which version is to be the current one."""

    version: Line


async def list_(call: Call) -> web.Response:
    """A page of the templates; with `q`, of those that have a text in them, and where."""
    if "q" in call.own_query():
        return await library.found(call, DocumentKind.TEMPLATE)
    found, total = await call.pureboot.templates.find(call.page())
    return listed(found, total)


async def create(call: Call) -> web.Response:
    """A new template."""
    new = await call.body(NewTemplate)
    found: list[Finding] = []
    template = await call.pureboot.templates.create(
        new.name,
        new.content,
        by=call.by,
        force=call.query().get("force", False),
        tell=found.extend,
        type_=new.type.value,
        description=new.description,
        os_family=new.os_family,
        tags=new.tags,
        commit_message=new.commit_message,
        draft=new.draft,
    )
    at = f"/api/v1/templates/{template.id}"
    return created(_with(template, found), f"template {template.name} was made{_count(found)}", at=at)


async def get(call: Call) -> web.Response:
    """A template."""
    return ok(await call.pureboot.templates.get(call.part("id")))


async def update(call: Call) -> web.Response:
    """A template with some fields changed."""
    values = (await call.body(ChangedTemplate)).given()
    return ok(await call.pureboot.templates.update(call.part("id"), values, by=call.by))


async def archive(call: Call) -> web.Response:
    """A template that is used no more; its versions stay."""
    return await library.archive(call, DocumentKind.TEMPLATE)


async def versions(call: Call) -> web.Response:
    """A page of a template's versions, newest first."""
    found, total = await call.pureboot.templates.versions(call.part("id"), call.page())
    return listed(found, total)


async def add_version(call: Call) -> web.Response:
    """A template's next version, which is the current one from now on."""
    query = call.query()
    bump, force = query.get("bump", Bump.MINOR), query.get("force", False)
    found: list[Finding] = []
    new = await call.body(NewVersion)
    reference = call.part("id")
    version = await call.pureboot.templates.add_version(
        reference,
        new.content,
        by=call.by,
        commit_message=new.commit_message,
        bump=bump,
        based_on=new.based_on,
        draft=new.draft,
        force=force,
        tell=found.extend,
    )
    at = f"/api/v1/templates/{version.template_id}/versions/{version.version_string}"
    what = "is a draft; make it current to use it" if new.draft else "is the current version"
    return created(_with(version, found), f"{version.version_string} {what}{_count(found)}", at=at)


async def version(call: Call) -> web.Response:
    """One version: `v1.0`, `v1` (the newest 1.x) or `latest`."""
    return ok(await call.pureboot.templates.version(call.part("id"), call.part("version")))


async def render(call: Call) -> web.Response:
    """A preview for a node: secrets masked, what has no value left as written and named."""
    wanted = await call.body(Preview)
    rendered = await call.pureboot.templates.render(
        call.part("id"), node=wanted.node, version=wanted.version, params=wanted.params
    )
    return ok(rendered)


async def set_current(call: Call) -> web.Response:
    """A template whose current version is another from now on."""
    wanted = await call.body(CurrentVersion)
    found: list[Finding] = []
    template = await call.pureboot.templates.set_current(
        call.part("id"), wanted.version, by=call.by, force=call.query().get("force", False), tell=found.extend
    )
    message = f"{template.current_version} is the current version of {template.name}{_count(found)}"
    return ok(_with(template, found), message)


async def validate_text(call: Call) -> web.Response:
    """What is wrong with a text that is no template."""
    text_ = await call.body(Unsaved)
    return _verdict(await call.pureboot.validation.text(text_.type, text_.content, name=text_.name))


async def validate(call: Call) -> web.Response:
    """What is wrong with a version of a template."""
    wanted = await call.body(Checked)
    found = await call.pureboot.validation.template(
        call.part("id"), version=wanted.version, node=wanted.node, params=wanted.params
    )
    return _verdict(found)


def _verdict(found: Findings) -> web.Response:
    wrong = len(findings.errors(found))
    data = {"valid": not wrong, "error_count": wrong, "warning_count": len(found) - wrong, "findings": found}
    return ok(data, "there are no errors" if not wrong else _count(found).removeprefix("; "))


def _with(value: object, found: Sequence[Finding]) -> dict[str, Any]:
    data: dict[str, Any] = as_data(value)
    return {**data, "findings": as_data(found)} if found else data


def _count(found: Sequence[Finding]) -> str:
    wrong = len(findings.errors(found))
    counted = ((wrong, "error"), (len(found) - wrong, "warning"))
    said = " and ".join(f"{count} {word}{'s' if count > 1 else ''}" for count, word in counted if count)
    return f"; {said}" if said else ""
