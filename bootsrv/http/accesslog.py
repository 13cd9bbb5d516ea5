"""One line a request, without what must not be read in a log: tokens."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from bootsrv.paths import shown


class Seen(Protocol):
    """What a request carries of the machine that asks (`bootsrv.http.sighting`)."""

    def ended(self, request: web.BaseRequest, response: web.StreamResponse, seconds: float) -> None:
        """The answer was sent, or broken off."""


SIGHTING = web.RequestKey("sighting", Seen)

_MASK = "***"
_SECRET_KEYS = frozenset({"token", "access_token"})
# An admin token, and anything of the length of a capability token that is written like one.
_TOKEN = re.compile(r"pb_[A-Za-z0-9_-]{16,}|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])")
_RENDER = re.compile(r"(/(?:render|metadata|initrd)/+)[^/]+|(/hooks/+).+")
_LONGEST = 400


def shown_path(request: web.BaseRequest) -> str:
    """A request's path and query for logs and screens: decoded, so that no spelling hides a token, and masked."""
    return shown_question(request.path, request.query.items())


def shown_question(path: str, values: Iterable[tuple[str, str]] = ()) -> str:
    """A decoded path and the values of its query, masked."""
    path = _RENDER.sub(lambda found: f"{found[1] or found[2]}{_MASK}", path)
    query = "&".join(f"{key}={_MASK if key.lower() in _SECRET_KEYS else value}" for key, value in values)
    return shown(_TOKEN.sub(_MASK, f"{path}?{query}" if query else path), _LONGEST)


class AccessLog(AbstractAccessLogger):
    """Writes who asked for what, how that ended, how much was sent and how long it took."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write one line; what a machine did becomes one of its boot trace."""
        sighting = request.get(SIGHTING)
        if sighting is not None:
            sighting.ended(request, response, time)
        if self.logger.isEnabledFor(logging.INFO):
            values = {"status": response.status, "bytes": response.body_length, "seconds": round(time, 4)}
            write_line(self.logger, request.remote, request.method, shown_path(request), values)


def write_line(logger: logging.Logger, peer: str | None, method: str, path: str, values: Mapping[str, float]) -> None:
    """Write the line of a request; `values` are its status, bytes and seconds."""
    extra: dict[str, Any] = {"peer": peer, "method": method, "path": path, **values}
    logger.info("HTTP %(peer)s %(method)s %(path)s: %(status)s, %(bytes)s bytes in %(seconds).3f s", extra, extra=extra)
