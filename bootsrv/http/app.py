"""The route table, stated once, and the applications made of it.

Each row says who may ask; what is for anyone or for a node's execution belongs to the provisioning network, the rest to
administrators. Where they are kept apart (`api.port`) each listener has its own application with its part of the table.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from enum import Enum, auto

from aiohttp import web

from bootsrv.http import (
    agent,
    agents,
    artifacts,
    boot,
    callback,
    console,
    dead_letters,
    events,
    executions,
    files,
    from_template,
    groups,
    health,
    hooks,
    initrd,
    library,
    links,
    metadata,
    nodes,
    packs,
    plans,
    queries,
    render,
    reports,
    secrets,
    stream,
    templates,
    tokens,
    traces,
    traffic,
    triggers,
    uploads,
    workflows,
)
from bootsrv.http.access import authorize
from bootsrv.http.accesslog import SIGHTING
from bootsrv.http.answers import SIGNATURE
from bootsrv.http.call import Call
from bootsrv.http.errors import Refusal, translate
from bootsrv.http.routing import MIB, Reader, Route, Who
from bootsrv.http.sighting import Sighting, sighting_of, tell
from bootsrv.http.site import SITE, Site
from engine.core.documents import DocumentKind
from engine.core.traffic import Carrier
from engine.errors import PureBootError

_ANY, _NODE, _VIEW, _WORK, _ADMIN = Who.ANYONE, Who.NODE, Who.VIEWER, Who.TECHNICIAN, Who.ADMIN
_DOCUMENT = 4 * MIB  # a text of 1 MiB, with what JSON that escapes all but ASCII makes of it
_LIST: Mapping[str, Reader] = {}  # a list without filters


_MACHINES = (
    Route("GET", "/health", health.live, _ANY, query=None, on_both=True),
    Route("GET", "/health/ready", health.ready, _ANY, query=None, on_both=True),
    Route("GET", "/boot.ipxe", boot.script, _ANY, query=None),
    Route("GET", "/boot/{loader}", boot.loader, _ANY, query=None),
    Route("GET", "/files/{path:.*}", files.file, _ANY, query=None),
    Route("GET", "/render/{token}/{template}", render.render, _ANY, query=None),
    Route("GET", "/metadata/{token}/{document}", metadata.nocloud, _ANY, query=None),
    Route("GET", "/metadata/{token}/{version}/{path:.*}", metadata.ec2, _ANY, query=None),
    Route("PUT", "/metadata/{token}/latest/api/token", metadata.session, _ANY, query=None),
    Route("GET", "/initrd/{token}/{path:.+}", initrd.ramdisk, _ANY, query=None),
    Route("GET", "/agent/linux.sh", agent.linux, _ANY, query=None),
    Route("POST", "/api/v1/report", reports.report, _ANY, query={"token": queries.text}, body=4 * MIB),
)

_CALLBACK = (
    Route("GET", "/current", callback.current, _NODE, query=callback.CURRENT_QUERY, head=False),
    Route("POST", "/step/{step}", callback.report, _NODE, body=MIB),
    Route("POST", "/step/{step}/logs", callback.logs, _NODE, query=callback.LOG_QUERY, body=MIB),
    Route("POST", "/heartbeat", callback.heartbeat, _NODE),
)

_NODES = (
    Route("GET", "", nodes.list_, _VIEW, filters=nodes.FILTERS),
    Route("POST", "", nodes.create, _WORK),
    Route("POST", "/bulk", nodes.bulk, _WORK, body=MIB),
    Route("GET", "/{id}", nodes.get, _VIEW),
    Route("PATCH", "/{id}", nodes.update, _WORK),
    Route("DELETE", "/{id}", nodes.retire, _WORK),
    Route("PATCH", "/{id}/state", nodes.move, _WORK),
    Route("GET", "/{id}/history", nodes.history, _VIEW, filters=_LIST),
    Route("GET", "/{id}/trace", traces.trace, _VIEW),
    Route("GET", "/{id}/explain", traces.explain, _VIEW),
    Route("POST", "/{id}/tags", nodes.tag, _WORK),
    Route("DELETE", "/{id}/tags", nodes.untag, _WORK, query=nodes.TAG_QUERY),
    Route("DELETE", "/{id}/tags/{tag}", nodes.untag_one, _WORK),
)

_GROUPS = (
    Route("GET", "", groups.list_, _VIEW, filters=groups.FILTERS),
    Route("POST", "", groups.create, _WORK),
    Route("GET", "/{id}", groups.get, _VIEW),
    Route("PATCH", "/{id}", groups.update, _WORK),
    Route("PUT", "/{id}", groups.update, _WORK),
    Route("DELETE", "/{id}", groups.delete, _WORK),
)


def _library(kind: DocumentKind) -> tuple[Route, ...]:
    """What can be asked of a template and a workflow alike."""
    return (
        Route("GET", "/{id}/where-used", library.where_used(kind), _VIEW, query=library.USAGE_QUERY),
        Route("GET", "/{id}/impact", library.impact(kind), _VIEW, query=library.IMPACT_QUERY),
        Route("POST", "/{id}/impact", library.impact_of_text(kind), _VIEW, body=_DOCUMENT),
    )


_TEMPLATES = (
    Route("GET", "", templates.list_, _VIEW, filters=templates.FILTERS, query=library.SEARCH_QUERY),
    Route("POST", "", templates.create, _WORK, query=templates.FORCE_QUERY, body=_DOCUMENT),
    Route("POST", "/validate", templates.validate_text, _VIEW, body=_DOCUMENT),
    Route("GET", "/{id}", templates.get, _VIEW),
    Route("PATCH", "/{id}", templates.update, _WORK),
    Route("PUT", "/{id}", templates.update, _WORK),
    Route("DELETE", "/{id}", templates.archive, _WORK, query=library.ARCHIVE_QUERY),
    Route("GET", "/{id}/versions", templates.versions, _VIEW, filters=_LIST),
    Route("POST", "/{id}/versions", templates.add_version, _WORK, query=templates.VERSION_QUERY, body=_DOCUMENT),
    Route("GET", "/{id}/versions/{version}", templates.version, _VIEW),
    Route("GET", "/{id}/diff", library.compare(DocumentKind.TEMPLATE), _VIEW, query=library.DIFF_QUERY),
    *_library(DocumentKind.TEMPLATE),
    Route("POST", "/{id}/render", templates.render, _VIEW),
    Route("POST", "/{id}/validate", templates.validate, _VIEW),
    Route("PUT", "/{id}/current", templates.set_current, _WORK, query=templates.FORCE_QUERY),
    Route("GET", "/{id}/files", files.versions, _VIEW),
    Route("GET", "/{id}/uploads", uploads.list_, _ADMIN),
    Route("POST", "/{id}/uploads", uploads.begin, _ADMIN),
    Route("GET", "/{id}/uploads/{upload}", uploads.get, _ADMIN),
    Route("PATCH", "/{id}/uploads/{upload}", uploads.append, _ADMIN),
    Route("DELETE", "/{id}/uploads/{upload}", uploads.abandon, _ADMIN),
)

_BLOBS = (Route("GET", "", files.blobs, _VIEW, filters=files.BLOB_FILTERS),)

_WORKFLOWS = (
    Route("GET", "", workflows.list_, _VIEW, filters=workflows.FILTERS, query=library.SEARCH_QUERY),
    Route("POST", "", workflows.create, _WORK, query=workflows.WRITE_QUERY, body=_DOCUMENT),
    Route("POST", "/import", workflows.import_, _WORK, query=workflows.FILE_QUERY, body=_DOCUMENT),
    Route("POST", "/from-template", from_template.make, _WORK, body=MIB),
    Route("POST", "/validate", workflows.validate, _VIEW, query=workflows.FILE_QUERY, body=_DOCUMENT),
    Route("GET", "/{id}", workflows.get, _VIEW, query=workflows.VERSION_QUERY),
    Route("PATCH", "/{id}", workflows.update, _WORK, query=workflows.WRITE_QUERY, body=_DOCUMENT),
    Route("PUT", "/{id}", workflows.replace, _WORK, query=workflows.WRITE_QUERY, body=_DOCUMENT),
    Route("DELETE", "/{id}", workflows.archive, _WORK, query=library.ARCHIVE_QUERY),
    Route("GET", "/{id}/versions", workflows.versions, _VIEW, filters=_LIST),
    Route("GET", "/{id}/versions/{version}", workflows.version, _VIEW),
    Route("POST", "/{id}/publish", workflows.publish, _WORK),
    Route("GET", "/{id}/diff", library.compare(DocumentKind.WORKFLOW), _VIEW, query=library.DIFF_QUERY),
    *_library(DocumentKind.WORKFLOW),
    Route("PUT", "/{id}/current", workflows.set_current, _WORK),
    Route("POST", "/{id}/archive", workflows.archive, _WORK, query=library.ARCHIVE_QUERY),
    Route("GET", "/{id}/export", workflows.export, _VIEW, query=workflows.VERSION_QUERY),
    Route("POST", "/{id}/execute", workflows.execute, _WORK, body=MIB),
    Route("POST", "/{id}/plan", plans.plan, _VIEW, body=MIB),
)

_PACKS = (
    Route("GET", "", packs.list_, _VIEW, filters=packs.FILTERS),
    Route("POST", "", packs.create, _WORK, query=packs.WRITE_QUERY),
    Route("GET", "/{ref}", packs.get, _VIEW),
    Route("PATCH", "/{ref}", packs.update, _WORK, query=packs.WRITE_QUERY),
    Route("PUT", "/{ref}", packs.update, _WORK, query=packs.WRITE_QUERY),
    Route("DELETE", "/{ref}", packs.remove, _WORK, query=packs.REMOVE_QUERY),
    Route("GET", "/{ref}/documents", packs.documents, _VIEW),
    Route("POST", "/{ref}/sync", packs.sync, _WORK, query=packs.WRITE_QUERY),
    Route("POST", "/{ref}/validate", packs.validate, _VIEW),
    Route("POST", "/{ref}/workflows/sync", packs.sync_workflows, _WORK, query=packs.WRITE_QUERY),
    Route("POST", "/{ref}/workflows/validate", packs.validate_workflows, _VIEW),
)

_EXECUTIONS = (
    Route("GET", "", executions.list_, _VIEW, filters=executions.FILTERS, query=executions.TIME_QUERY),
    Route("GET", "/{id}", executions.get, _VIEW),
    Route("GET", "/{id}/steps", executions.steps, _VIEW),
    Route("GET", "/{id}/events", executions.events, _VIEW, filters=_LIST),
    Route("GET", "/{id}/logs", executions.logs, _VIEW, query=executions.LOG_QUERY),
    Route("GET", "/{id}/tree", executions.tree, _VIEW),
    Route("GET", "/{id}/artifacts", artifacts.list_, _VIEW),
    Route("GET", "/{id}/artifacts/{name}", artifacts.get, _VIEW),
    Route("POST", "/{id}/cancel", executions.cancel, _WORK),
    Route("GET", "/{id}/links", links.of_execution, _VIEW, filters=_LIST),
    Route("POST", "/{id}/pause", executions.pause, _WORK),
    Route("POST", "/{id}/resume", executions.resume, _WORK),
    Route("POST", "/{id}/retry", executions.retry, _WORK),
    Route("POST", "/{id}/skip", executions.skip, _WORK),
    Route("POST", "/{id}/approve", executions.approve, _WORK),
    Route("POST", "/{id}/reject", executions.reject, _WORK),
)

_LINKS = (Route("GET", "", links.list_, _VIEW, filters=links.FILTERS),)

_DEAD_LETTERS = (
    Route("GET", "", dead_letters.list_, _VIEW, filters=dead_letters.FILTERS),
    Route("POST", "/replay", dead_letters.replay_many, _WORK),
    Route("GET", "/{id}", dead_letters.get, _VIEW),
    Route("POST", "/{id}/replay", dead_letters.replay, _WORK),
    Route("DELETE", "/{id}", dead_letters.discard, _WORK, query=dead_letters.DISCARD_QUERY),
)

_EVENTS = (
    Route("GET", "", events.after, _VIEW, filters=events.FILTERS, query=events.QUERY),
    Route("GET", "/stream", stream.stream, _VIEW, query=stream.QUERY),
)

_CONSOLE = (
    Route("GET", "", console.welcome, _VIEW),
    # Whoever may read may ask; what the method itself needs is in the table of the seam.
    Route("POST", "/{service}/{method}", console.perform, _VIEW, body=console.LARGEST_CALL),
)

_TOKENS = (
    Route("GET", "", tokens.list_, _ADMIN, filters=_LIST),
    Route("POST", "", tokens.create, _ADMIN),
    Route("DELETE", "/{id}", tokens.delete, _ADMIN),
)


_SECRETS = (
    Route("GET", "", secrets.list_, _ADMIN, filters=_LIST),
    Route("PUT", "", secrets.put_named, _ADMIN, body=secrets.LONGEST_BODY),
    Route("PUT", "/{name}", secrets.put, _ADMIN, body=secrets.LONGEST_BODY),
    Route("DELETE", "/{name}", secrets.delete, _ADMIN),
)

_TRAFFIC = (Route("GET", "", traffic.traffic, _ADMIN),)

_AGENTS = (
    Route("GET", "", agents.list_, _VIEW, filters=agents.FILTERS),
    Route("POST", "", agents.create, _ADMIN),
    Route("GET", "/{id}", agents.get, _VIEW),
    Route("PATCH", "/{id}", agents.update, _ADMIN),
    Route("PUT", "/{id}", agents.update, _ADMIN),
    Route("DELETE", "/{id}", agents.delete, _ADMIN),
    Route("GET", "/{id}/health", agents.health, _VIEW),
    Route("POST", "/{id}/health", agents.check, _WORK),
)

_TRIGGERS = (
    Route("GET", "", triggers.list_, _VIEW, filters=triggers.FILTERS),
    Route("POST", "", triggers.create, _WORK),
    Route("GET", "/{id}", triggers.get, _VIEW),
    Route("PATCH", "/{id}", triggers.update, _WORK),
    Route("PUT", "/{id}", triggers.update, _WORK),
    Route("DELETE", "/{id}", triggers.delete, _WORK),
    Route("POST", "/{id}/fire", triggers.fire, _WORK, body=hooks.MAX_BODY),
    Route("POST", "/{id}/enable", triggers.enable, _WORK),
    Route("POST", "/{id}/disable", triggers.disable, _WORK),
)


def _under(prefix: str, routes: Iterable[Route]) -> tuple[Route, ...]:
    return tuple(replace(route, path=prefix + route.path) for route in routes)


ROUTES: tuple[Route, ...] = (
    *_MACHINES,
    *_under("/api/v1/callback/{execution}", _CALLBACK),
    *_under("/api/v1/nodes", _NODES),
    *_under("/api/v1/groups", _GROUPS),
    *_under("/api/v1/templates", _TEMPLATES),
    *_under("/api/v1/blobs", _BLOBS),
    *_under("/api/v1/workflows", _WORKFLOWS),
    *_under("/api/v1/packs", _PACKS),
    *_under("/api/v1/executions", _EXECUTIONS),
    *_under("/api/v1/runs", _EXECUTIONS),
    *_under("/api/v1/links", _LINKS),
    *_under("/api/v1/dead-letters", _DEAD_LETTERS),
    *_under("/api/v1/events", _EVENTS),
    *_under("/api/v1/console", _CONSOLE),
    *_under("/api/v1/tokens", _TOKENS),
    *_under("/api/v1/secrets", _SECRETS),
    *_under("/api/v1/traffic", _TRAFFIC),
    *_under("/api/v1/agents", _AGENTS),
    *_under("/api/v1/triggers", _TRIGGERS),
    Route("POST", "/hooks/{path:.+}", hooks.receive, _ANY, query=None, body=hooks.MAX_BODY, on_both=True),
)
"""Every route there is."""


class Part(Enum):
    """Which part of the table a listener has."""

    ALL = auto()
    NODES = auto()
    ADMINISTRATORS = auto()

    def has(self, route: Route) -> bool:
        """Whether a route belongs to it."""
        return self is Part.ALL or route.on_both or route.for_nodes is (self is Part.NODES)


def build(site: Site, part: Part = Part.ALL) -> web.Application:
    """The application with a part of the table. What handlers read themselves is bounded by their route, not by it."""
    app = web.Application(middlewares=[translate])
    app[SITE] = site
    for route in ROUTES:
        if part.has(route):
            _add(app, route)
    app.on_response_prepare.append(_sign)
    app.on_shutdown.append(_let_go)
    if part is not Part.ADMINISTRATORS:
        app.cleanup_ctx.append(_ringing)
        app.cleanup_ctx.append(_watched)
    return app


def _add(app: web.Application, route: Route) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        site = request.app[SITE]
        if route.is_traced:
            request[SIGHTING] = Sighting(site.pureboot.traces, site.pureboot.context.now, route.who)
        caller = await authorize(request, site, route)
        if route.who is Who.NODE:
            tell(request, execution=request.match_info["execution"])
        call = Call(request, site, route, caller)
        if request.rel_url.raw_query_string and route.query is not None and route.filters is None:
            call.query()  # a misspelt parameter is an error also where the handler looks at none
        return await route.handler(call)

    async def handle_and_note(request: web.Request) -> web.StreamResponse:
        try:
            return await handle(request)
        except (PureBootError, Refusal) as error:
            if (sighting := sighting_of(request)) is not None and not sighting.message:
                sighting.message = str(error)
            raise

    app.router.add_route(route.method, route.path, handle_and_note)
    if route.method == "GET" and route.head:
        app.router.add_route("HEAD", route.path, handle_and_note)


async def _sign(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SIGNATURE)


async def _let_go(app: web.Application) -> None:
    app[SITE].bells.close()


async def _watched(app: web.Application) -> AsyncIterator[None]:
    """While the application runs, whoever looks at the traffic sees the files that go out."""
    site = app[SITE]
    site.pureboot.traffic.serve(Carrier.HTTP, site.outgoing)
    yield
    site.pureboot.traffic.withdraw(Carrier.HTTP, site.outgoing)


async def _ringing(app: web.Application) -> AsyncIterator[None]:
    """While the application runs, wake long polls when something happens to their execution."""
    site = app[SITE]
    follower = asyncio.create_task(site.bells.follow(site.pureboot.feed), name="http-bells")
    yield
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
