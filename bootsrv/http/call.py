"""One request as a handler sees it: who asks, what for, and the body within its bounds."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel

from bootsrv.http.access import Caller
from bootsrv.http.bodies import check, read_json
from bootsrv.http.errors import Refusal
from bootsrv.http.queries import LONGEST, read_page, read_query, text
from bootsrv.http.routing import KIB, Route, Who
from bootsrv.http.site import Site, bracketed, checked_host
from engine.app import PureBoot
from engine.core.page import Page
from engine.core.scopes import Server
from engine.core.texts import decode
from engine.errors import NotFound

M = TypeVar("M", bound=BaseModel)

_LARGE = 64 * KIB
_YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml"})


class Call:
    """A request that may be carried out. `by` is the principal who asks."""

    def __init__(self, request: web.Request, site: Site, route: Route, caller: Caller) -> None:
        self.request = request
        self.site = site
        self.route = route
        self.caller = caller

    @property
    def pureboot(self) -> PureBoot:
        """The open PureBoot."""
        return self.site.pureboot

    @property
    def by(self) -> str:
        """The principal who asks."""
        return self.caller.principal

    @property
    def host(self) -> str:
        """The `host:port` under which the client reached us: what it says, or else the address it connected to."""
        named = checked_host(self.request.headers.get(hdrs.HOST, ""))
        if named is not None:
            return named
        sockname = self.request.get_extra_info("sockname")
        return f"{bracketed(sockname[0])}:{sockname[1]}" if sockname else ""

    @property
    def server(self) -> Server:
        """What this client is told of this server."""
        return self.site.server(self.host)

    @property
    def _is_browser(self) -> bool:
        """Whether a browser sends this: it says for which page, with everything that could change something."""
        return hdrs.ORIGIN in self.request.headers or "Sec-Fetch-Site" in self.request.headers

    @property
    def is_gone(self) -> bool:
        """Whether the client has hung up."""
        return self.request.transport is None or self.request.transport.is_closing()

    def part(self, name: str) -> str:
        """A part of the path, such as an id or a name.

        Raises:
            NotFound: it is not of a form that anything can have.
        """
        value = self.request.match_info[name]
        if not value or len(value) > LONGEST or not value.isprintable():
            raise NotFound("there is nothing of this name")
        return value

    def query(self) -> dict[str, Any]:
        """The query parameters that were given.

        Raises:
            Invalid: one is not known here, or is wrong.
        """
        known = dict(self.route.query or {})
        if self.route.who is Who.NODE:
            known["token"] = text
        return read_query(list(self.request.query.items()), known)

    def page(self) -> Page:
        """What part of the list is wanted.

        Raises:
            Invalid: a parameter is not known here, or is wrong.
        """
        filters: Mapping[str, Any] = self.route.filters or {}
        own = self.route.query or {}
        given = [(name, value) for name, value in self.request.query.items() if name not in own]
        return read_page(given, filters)

    def own_query(self) -> dict[str, Any]:
        """Of a list's query, what is neither filter nor paging.

        Raises:
            Invalid: one is wrong.
        """
        own = self.route.query or {}
        return read_query([(name, value) for name, value in self.request.query.items() if name in own], own)

    @property
    def content_type(self) -> str:
        """The type of the body, empty if it was not said."""
        return self.request.content_type if hdrs.CONTENT_TYPE in self.request.headers else ""

    @property
    def is_yaml(self) -> bool:
        """Whether the body is said to be YAML."""
        return self.content_type in _YAML

    @property
    def is_json(self) -> bool:
        """Whether the body is said to be JSON."""
        return self.content_type == "application/json" or self.content_type.endswith("+json")

    def prefers(self, content_type: str, other: str) -> bool:
        """Whether the client would rather have `content_type` than `other`, which it gets if it does not say."""
        return _quality(self.request.headers.get(hdrs.ACCEPT, ""), content_type) > _quality(
            self.request.headers.get(hdrs.ACCEPT, ""), other
        )

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            Refusal: it is larger than this route takes, too slow, compressed or broken.
        """
        if self.request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise Refusal(415, "a compressed body is not taken here", ends_connection=True)
        if (self.request.content_length or 0) > self.route.body:
            raise self._too_large()
        if self.request.content.is_eof():  # it has arrived: the usual case of a small body
            body = self.request.content.read_nowait()
            if len(body) > self.route.body:
                raise self._too_large()
            return body
        seconds = self.site.limits.body_seconds + self.route.body / (64 * KIB)
        try:
            async with asyncio.timeout(seconds):
                return await self._pieces()
        except TimeoutError:
            raise Refusal(408, f"the body did not arrive within {seconds:g} seconds", ends_connection=True) from None
        except web.RequestPayloadError:
            raise Refusal(400, "the body is broken", ends_connection=True) from None

    async def _pieces(self) -> bytes:
        body = bytearray()
        while piece := await self._piece():
            body += piece
            if len(body) > self.route.body:
                raise self._too_large()
        return bytes(body)

    async def _piece(self) -> bytes:
        seconds = self.site.limits.body_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self.request.content.readany()
        except TimeoutError:
            raise Refusal(408, f"nothing more of the body came in {seconds:g} seconds", ends_connection=True) from None

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the body may have {self.route.body} bytes here", ends_connection=True)

    async def json(self) -> Any:
        """The body as JSON; nothing at all is an empty object.

        It is taken by whatever name, as `curl --data` and an installer's wget send it, but not from a browser: a page
        of another site may send anything there behind an administrator's back, unless it is called JSON.

        Raises:
            Refusal: as `read`, or a browser sends it and does not say that it is JSON.
            Invalid: it is not JSON.
        """
        body = await self.read()
        if not body.strip():
            return {}
        if not self.route.for_nodes and self._is_browser and not self.is_json:
            raise Refusal(415, "send JSON, with `Content-Type: application/json`")
        if len(body) > _LARGE:  # would hold up everybody else for longer than 10 ms
            return await asyncio.to_thread(read_json, body, lenient=self.route.for_nodes)
        return read_json(body, lenient=self.route.for_nodes)

    async def body(self, model: type[M]) -> M:
        """The body as a model has it.

        Raises:
            Refusal: as `json`.
            Invalid: it does not fit; every error is named.
        """
        checked: M = check(model, await self.json())
        return checked

    async def text(self) -> str:
        """The body as text, byte for byte.

        Raises:
            Refusal: as `read`.
            Invalid: it is no UTF-8, or too large for a document; with the place.
        """
        return decode(await self.read())


def _quality(accept: str, content_type: str) -> float:
    """How much a type is wanted by an Accept header, 0 to 1; the most fitting range counts (RFC 9110, 12.5.1)."""
    best = (-1, 0.0)
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        fit = _fit(kind, content_type)
        if fit > best[0]:
            best = (fit, next((_weight(part[2:]) for part in parameters if part.startswith("q=")), 1.0))
    return best[1] if best[0] >= 0 else 0.0


def _fit(kind: str, content_type: str) -> int:
    if kind == content_type:
        return 2
    if kind == content_type.partition("/")[0] + "/*":
        return 1
    return 0 if kind in ("*/*", "*") else -1


def _weight(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
