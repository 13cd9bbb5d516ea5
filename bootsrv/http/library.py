"""What can be asked of templates and workflows alike: searched, compared, where they are used, what would change."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bootsrv.http.answers import listed, ok, text
from bootsrv.http.bodies import Body, Line
from bootsrv.http.call import Call
from bootsrv.http.queries import text as any_text
from bootsrv.http.queries import truth
from bootsrv.http.routing import Handler, Reader
from engine.core import diff, sources, workflow_diff, workflow_file
from engine.core.documents import DocumentKind, Version
from engine.core.impact import Impact, Reached
from engine.core.shape import as_data
from engine.errors import Invalid, Problem

SEARCH_QUERY: Mapping[str, Reader] = {"q": any_text, "all_versions": truth}
DIFF_QUERY: Mapping[str, Reader] = {"from": any_text, "to": any_text}
USAGE_QUERY: Mapping[str, Reader] = {"version": any_text}
IMPACT_QUERY: Mapping[str, Reader] = {"from": any_text, "to": any_text, "node": any_text}
ARCHIVE_QUERY: Mapping[str, Reader] = {"force": truth}


class Proposal(Body):
    """A text that is not saved, to be compared with a version (the current one if none is named)."""

    content: str
    from_version: Line | None = None
    node: Line | None = None


async def found(call: Call, kind: DocumentKind) -> web.Response:
    """A page of the documents that have a text in them: each with the places, of which a content's are lines."""
    wanted = call.own_query()
    every = bool(wanted.get("all_versions"))
    hits, total = await call.pureboot.library.search(kind, wanted["q"], call.page(), every_version=every)
    return listed([each.data() for each in hits], total)


async def archive(call: Call, kind: DocumentKind) -> web.Response:
    """A document that is used no more; its versions stay. What still names it is said."""
    force = bool(call.query().get("force"))
    library = call.pureboot.library
    document, notes = await library.archive(kind, call.part("id"), by=call.by, force=force)
    shown: Any = document
    if kind is DocumentKind.WORKFLOW:
        shown = await call.pureboot.workflows.get(document.id)
    more = f"; {'; '.join(notes)}" if notes else ""
    return ok(shown, f"{kind} {document.name} is archived; its versions stay{more}")


def where_used(kind: DocumentKind) -> Handler:
    """The handler that says this of a kind of document."""

    async def answer(call: Call) -> web.Response:
        """Who uses it: documents, nodes, live executions, triggers."""
        return ok(await call.pureboot.library.where_used(kind, call.part("id"), call.query().get("version")))

    return answer


def compare(kind: DocumentKind) -> Handler:
    """The handler that says this of a kind of document."""

    async def answer(call: Call) -> web.Response:
        """What differs between two versions: a unified diff, or JSON with hunks if that is preferred."""
        wanted = call.query()
        if "from" not in wanted:
            raise Invalid([Problem(path="from", message="is missing: write ?from=v1.0&to=v1.1")])
        pureboot, reference = call.pureboot, call.part("id")
        service = pureboot.templates if kind is DocumentKind.TEMPLATE else pureboot.workflows
        left = await service.version(reference, wanted["from"])
        to = wanted.get("to", "latest")
        if kind is DocumentKind.WORKFLOW and "to" not in wanted:  # which may have no active version yet
            to = (await pureboot.workflows.get(reference)).latest_version or "latest"
        right = await service.version(reference, to)
        # in a thread: two large texts may take longer than anyone else should wait
        if call.prefers("application/json", "text/x-diff"):
            return ok(await asyncio.to_thread(_hunks, kind, left, right))
        name = (await service.get(reference)).name
        return text(await asyncio.to_thread(_unified, name, left, right), "text/x-diff")

    return answer


def _hunks(kind: DocumentKind, left: Version, right: Version) -> dict[str, object]:
    data = diff.as_data(diff.diff(left.content, right.content))
    if kind is DocumentKind.WORKFLOW:
        before, after = (workflow_file.parse(sources.read_one(each.content)) for each in (left, right))
        data = {"changes": as_data(workflow_diff.changes(before, after)), **data}
    return {"from": left.version_string, "to": right.version_string, **data}


def _unified(name: str, left: Version, right: Version) -> str:
    found_ = diff.diff(left.content, right.content)
    return diff.unified(found_, f"{name} {left.version_string}", f"{name} {right.version_string}")


def impact(kind: DocumentKind) -> Handler:
    """The handler that says this of a kind of document."""

    async def answer(call: Call) -> web.Response:
        """What another version would change, and for whom; with `node`, what that one would get."""
        wanted = call.query()
        answered = await call.pureboot.library.impact(
            kind, call.part("id"), from_=wanted.get("from"), to=wanted.get("to"), node=wanted.get("node")
        )
        return await _told(call, answered)

    return answer


def impact_of_text(kind: DocumentKind) -> Handler:
    """The handler that says this of a kind of document."""

    async def answer(call: Call) -> web.Response:
        """What a text would change if it were saved, and for whom."""
        wanted = await call.body(Proposal)
        answered = await call.pureboot.library.impact(
            kind, call.part("id"), from_=wanted.from_version, content=wanted.content, node=wanted.node
        )
        return await _told(call, answered)

    return answer


async def _told(call: Call, answered: Impact) -> web.Response:
    if call.prefers("text/x-diff", "application/json"):
        return text(await asyncio.to_thread(_rendered_diffs, answered), "text/x-diff")
    return ok(await asyncio.to_thread(_impact, answered))


def _impact(answered: Impact) -> dict[str, Any]:
    data = as_data(answered)
    return {**data, "reached": [_reached(each) for each in answered.reached], "diff": diff.as_data(answered.difference)}


def _reached(each: Reached) -> dict[str, Any]:
    texts = []
    for one in each.texts:
        data = as_data(one)
        if one.before is not None or one.after is not None:
            between = diff.as_data(diff.diff(one.before or "", one.after or ""))
            data |= {"before": one.before, "after": one.after, "diff": between}
        texts.append(data)
    return {**as_data(each), "texts": texts}


def _rendered_diffs(answered: Impact) -> str:
    """What differs for the node that was asked for; without one, in the text itself."""
    versions = f"{answered.name} {answered.from_}", f"{answered.name} {answered.to or 'proposed'}"
    texts = [(each, one) for each in answered.reached for one in each.texts]
    if all(one.before is None and one.after is None for _, one in texts):
        return diff.unified(answered.difference, *versions)
    parts = []
    for each, one in texts:
        names = (f"{one.title} for {each.node} with {version}" for version in versions)
        parts.append(diff.unified(diff.diff(one.before or "", one.after or ""), *names))
    return "".join(parts)
