"""Who asks, and whether they may.

Administrators show an admin token; its role says what it may do. A node shows the capability token of the execution
that the path names: it is good for that execution and no other. `auth.mode: loose` lets those in who show nothing; what
is shown and wrong never is.
"""

import hmac
from dataclasses import dataclass

from aiohttp import web

from bootsrv.http.errors import Refusal
from bootsrv.http.routing import Route, Who
from bootsrv.http.site import Site
from engine.core.executions import Execution
from engine.core.permissions import Permission, may, roles_with
from engine.core.tokens import Role
from engine.errors import Forbidden

ANONYMOUS = "user:anonymous"

_NEEDS = {Who.VIEWER: Permission.READ, Who.TECHNICIAN: Permission.WORK, Who.ADMIN: Permission.ADMINISTER}
_MAX_TOKEN = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a principal, and a role where they showed an admin token (or need none)."""

    principal: str
    role: Role | None = None


_NODE = Caller(principal="node")


async def authorize(request: web.Request, site: Site, route: Route) -> Caller:
    """Whoever asks for a route, if they may.

    Raises:
        Refusal: 401, no token or one that nobody knows.
        Forbidden: a token that is good, but not for this.
    """
    if route.who is Who.ANYONE:
        return Caller(principal=ANONYMOUS)
    if route.who is Who.NODE:
        return await node(site, request.match_info["execution"], shown_token(request))
    return await _administrator(site, bearer(request), _NEEDS[route.who])


def bearer(request: web.Request) -> str | None:
    """The token of the `Authorization` header.

    Raises:
        Refusal: 401, there is such a header, but it holds no bearer token.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or len(token) > _MAX_TOKEN:
        raise unauthorized("write `Authorization: Bearer TOKEN`", error="invalid_request")
    return token.strip()


def shown_token(request: web.Request) -> str | None:
    """The token a node shows: in the header, or as `?token=` where its tools can send no header."""
    return bearer(request) or request.query.get("token") or None


async def administrator(site: Site, token: str) -> Caller | None:
    """Whose admin token this is; None if it is none."""
    found = await site.pureboot.access.authenticate(token)
    return None if found is None else Caller(principal=f"token:{found.name}", role=found.role)


async def execution_of(site: Site, token: str) -> Execution | None:
    """The execution whose capability token this is."""
    return await site.pureboot.callbacks.execution_of(token)


def is_loose(site: Site) -> bool:
    """Whether those are let in who show no token."""
    return site.pureboot.settings.auth.mode == "loose"


def require(caller: Caller, permission: Permission) -> Caller:
    """Refuse who has not a permission.

    Raises:
        Forbidden: the role of the one who asks does not have it.
    """
    if not may(caller.role, permission):
        roles = " or ".join(roles_with(permission))
        raise Forbidden(f"this needs the role {roles}; {caller.principal} has the role {caller.role or 'of none'}")
    return caller


def unauthorized(detail: str, *, error: str = "") -> Refusal:
    """401, with the challenge that RFC 6750 wants."""
    challenge = 'Bearer realm="PureBoot"' + (f', error="{error}"' if error else "")
    return Refusal(401, detail, headers={"WWW-Authenticate": challenge})


def unknown() -> Refusal:
    """401 for a token that nobody knows, or that has expired or was revoked."""
    return unauthorized("this token is not known here; it may have expired or been revoked", error="invalid_token")


async def _administrator(site: Site, token: str | None, needed: Permission) -> Caller:
    if token is None:
        if is_loose(site):
            return Caller(principal=ANONYMOUS, role=Role.ADMIN)
        raise unauthorized("this needs `Authorization: Bearer TOKEN`; `pureboot token create NAME` makes one")
    caller = await administrator(site, token)
    if caller is None:
        raise unknown()
    return require(caller, needed)


async def node(site: Site, execution_id: str, token: str | None) -> Caller:
    """Whoever speaks for an execution, if they may.

    Raises:
        Refusal: 401, no token or one that nobody knows.
        Forbidden: a token that is good, but not for this.
    """
    if token is None:
        if is_loose(site):
            return Caller(principal=ANONYMOUS)
        raise unauthorized("this needs the execution's token, as `Authorization: Bearer TOKEN` or ?token=TOKEN")
    expected = site.pureboot.context.capability(execution_id)
    if hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace")):
        return _NODE
    if await site.pureboot.callbacks.may_speak_for(token, execution_id):
        return _NODE
    if await execution_of(site, token) is not None:
        raise Forbidden("this token is another execution's")
    caller = await administrator(site, token)
    if caller is None:
        raise unknown()
    return require(caller, Permission.REPORT)
