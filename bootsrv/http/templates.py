"""/api/v1/templates."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bootsrv.http import library
from bootsrv.http.answers import created, listed, ok
from bootsrv.http.bodies import Body, Line, Prose, Word
from bootsrv.http.call import Call
from bootsrv.http.queries import member, one_of
from bootsrv.http.queries import text as any_text
from engine.core.documents import Bump, DocumentKind, DocumentStatus, TemplateType

FILTERS = {
    "name": any_text,
    "type": one_of(TemplateType),
    "os_family": any_text,
    "status": one_of(DocumentStatus),
    "current_version": any_text,
    "tag": any_text,
}
VERSION_QUERY = {"bump": member(Bump)}

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
    """The next version; a draft is not the current one."""

    content: str
    commit_message: Prose = ""
    draft: bool = False


class Preview(Body):
    """What to render for."""

    node: Line | None = None
    version: Line = "latest"
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
    template = await call.pureboot.templates.create(
        new.name,
        new.content,
        by=call.by,
        type_=new.type.value,
        description=new.description,
        os_family=new.os_family,
        tags=new.tags,
        commit_message=new.commit_message,
        draft=new.draft,
    )
    return created(template, f"template {template.name} was made", at=f"/api/v1/templates/{template.id}")


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
    bump = call.query().get("bump", Bump.MINOR)
    new = await call.body(NewVersion)
    reference = call.part("id")
    version = await call.pureboot.templates.add_version(
        reference, new.content, by=call.by, commit_message=new.commit_message, bump=bump, draft=new.draft
    )
    at = f"/api/v1/templates/{version.template_id}/versions/{version.version_string}"
    what = "is a draft; make it current to use it" if new.draft else "is the current version"
    return created(version, f"{version.version_string} {what}", at=at)


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
    template = await call.pureboot.templates.set_current(call.part("id"), wanted.version, by=call.by)
    return ok(template, f"{template.current_version} is the current version of {template.name}")
