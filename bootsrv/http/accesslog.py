"""One line a request, without what must not be read in a log: tokens."""

import logging
import re
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
    path = _RENDER.sub(lambda found: f"{found[1] or found[2]}{_MASK}", request.path)
    query = "&".join(f"{key}={_MASK if key.lower() in _SECRET_KEYS else value}" for key, value in request.query.items())
    return shown(_TOKEN.sub(_MASK, f"{path}?{query}" if query else path), _LONGEST)


class AccessLog(AbstractAccessLogger):
    """Writes who asked for what, how that ended, how much was sent and how long it took."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write one line; what a machine did becomes one of its boot trace."""
        sighting = request.get(SIGHTING)
        if sighting is not None:
            sighting.ended(request, response, time)
        if not self.logger.isEnabledFor(logging.INFO):
            return
        extra: dict[str, Any] = {
            "peer": request.remote,
            "method": request.method,
            "path": shown_path(request),
            "status": response.status,
            "bytes": response.body_length,
            "seconds": round(time, 4),
        }
        self.logger.info(
            "HTTP %(peer)s %(method)s %(path)s: %(status)s, %(bytes)s bytes in %(seconds).3f s", extra, extra=extra
        )
