"""/api/v1/packs. From here only folders below `packs.dir` and repositories at https and ssh URLs may be named."""

from typing import Annotated, Any

from aiohttp import web
from pydantic import AfterValidator, Field, StringConstraints

from bootsrv.http.answers import created, listed, ok
from bootsrv.http.bodies import Body, Line, Prose
from bootsrv.http.call import Call
from bootsrv.http.queries import one_of, text, truth
from engine.core.documents import DocumentKind
from engine.core.pack_reports import Report
from engine.core.packs import Pack, SourceKind
from engine.core.shape import as_data
from engine.errors import Invalid, NotFound, Problem
from engine.services.pack_syncing import EVERY_KIND

FILTERS = {"source_kind": one_of(SourceKind), **dict.fromkeys(("ref", "label", "version", "source", "revision"), text)}
WRITE_QUERY = {"adopt": truth}
REMOVE_QUERY = {"force": truth}

_WORKFLOWS = frozenset({DocumentKind.WORKFLOW})


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("may hold only printable characters, on one line")
    return value


_Source = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_printable)]
_Text = Annotated[str, StringConstraints(max_length=128), AfterValidator(_printable)]


class _Fields(Body):
    label: Line | None = None
    version: _Text | None = None
    description: Prose | None = None
    revision: Line | None = None
    manifest_sha256: _Text | None = None


class NewPack(_Fields):
    """A pack. Without `source` it is the folder below `packs.dir` that is called as its ref; what the manifest says of
    label, version and description wins.
    """

    ref: Line | None = None
    source: _Source | None = None


class ChangedPack(_Fields):
    """What of a pack is to change. A repository is taken at the commit that its revision means now."""

    ref: Line | None = None
    source: _Source = Field(default="")


class Force(Body):
    """Whether a pack goes although executions run its workflows or other packs need it."""

    force: bool = False


async def list_(call: Call) -> web.Response:
    """A page of the packs."""
    found, total = await call.pureboot.packs.find(call.page())
    return listed(found, total)


async def create(call: Call) -> web.Response:
    """A new pack, synced."""
    adopt = call.query().get("adopt", False)
    new = await call.body(NewPack)
    source = new.source or new.ref
    if source is None:
        raise Invalid([Problem(path="ref", message="is missing: name the pack's folder by ref, or give a source")])
    try:
        pack, report = await call.pureboot.packs.add(
            source,
            by=call.by,
            ref=new.ref,
            revision=new.revision,
            manifest_sha256=new.manifest_sha256,
            fallback=_words(new),
            adopt=adopt,
        )
    except NotFound as error:
        raise Invalid([Problem(path="source", message=error.message)]) from None
    return created(_with(pack, report), f"pack {pack.ref} was added: {told(report)}", at=f"/api/v1/packs/{pack.ref}")


async def get(call: Call) -> web.Response:
    """A pack."""
    return ok(await call.pureboot.packs.get(call.part("ref")))


async def documents(call: Call) -> web.Response:
    """The documents of a pack, each with the file it came from."""
    found = await call.pureboot.packs.documents(call.part("ref"))
    return listed(found, len(found))


async def update(call: Call) -> web.Response:
    """A pack with some fields changed, synced."""
    adopt = call.query().get("adopt", False)
    changed = await call.body(ChangedPack)
    pack = await call.pureboot.packs.get(call.part("ref"))
    values = changed.given()
    if values.pop("ref", pack.ref) not in (pack.ref, None):
        raise Invalid([Problem(path="ref", message="a pack keeps its ref; add it under another")])
    try:
        pack, report = await call.pureboot.packs.update(pack.id, values, by=call.by, adopt=adopt)
    except NotFound as error:
        raise Invalid([Problem(path="source", message=error.message)]) from None
    return ok(_with(pack, report), f"pack {pack.ref} is up to date: {told(report)}")


async def remove(call: Call) -> web.Response:
    """A pack that is no more; its documents are archived, and their versions stay."""
    force = call.query().get("force", False) or (await call.body(Force)).force
    pack = await call.pureboot.packs.remove(call.part("ref"), by=call.by, force=force)
    return ok(pack, f"pack {pack.ref} is removed; its documents are archived, their versions stay")


async def sync(call: Call) -> web.Response:
    """What a sync of the whole pack did."""
    return await _sync(call, EVERY_KIND)


async def sync_workflows(call: Call) -> web.Response:
    """What a sync of the pack's workflows alone did."""
    return await _sync(call, _WORKFLOWS)


async def _sync(call: Call, kinds: frozenset[DocumentKind]) -> web.Response:
    adopt = call.query().get("adopt", False)
    report = await call.pureboot.packs.sync(call.part("ref"), by=call.by, kinds=kinds, adopt=adopt)
    return ok(report, told(report))


async def validate(call: Call) -> web.Response:
    """Everything that is wrong with a pack; changes nothing."""
    return await _validate(call, EVERY_KIND)


async def validate_workflows(call: Call) -> web.Response:
    """Everything that is wrong with a pack's workflows; changes nothing."""
    return await _validate(call, _WORKFLOWS)


async def _validate(call: Call, kinds: frozenset[DocumentKind]) -> web.Response:
    found = await call.pureboot.packs.validate(call.part("ref"), kinds=kinds)
    return ok(found, f"{found.error_count} of {found.validated_count} have something wrong")


def told(report: Report) -> str:
    """What a sync did, in a few words."""
    return ", ".join(f"{count} {name}" for name, count in report.counts.items())


def _words(new: NewPack) -> dict[str, str]:
    given = {"label": new.label, "version": new.version, "description": new.description}
    return {name: value for name, value in given.items() if value is not None}


def _with(pack: Pack, report: Report) -> dict[str, Any]:
    data: dict[str, Any] = as_data(pack)
    return {**data, "sync": as_data(report)}
