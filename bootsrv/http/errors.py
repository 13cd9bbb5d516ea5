"""Errors to answers, in one place: raised in the middle, translated at the door."""

import logging
from collections.abc import Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from bootsrv.http.accesslog import shown_path
from bootsrv.http.answers import problem
from engine.errors import Conflict, Forbidden, Invalid, NotFound, PureBootError, Unavailable
from engine.services.callbacks import Gone

_log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5

# The first that fits counts: Gone is a Conflict too.
_STATUS: tuple[tuple[type[PureBootError], int], ...] = (
    (NotFound, 404),
    (Gone, 410),
    (Conflict, 409),
    (Forbidden, 403),
    (Invalid, 422),
    (Unavailable, 503),
)

_PLAIN = {
    404: "there is nothing at this path",
    405: "this path does not take this method; Allow names those it takes",
}


class Refusal(Exception):
    """What only the door itself has a reason to refuse: a body too large, a token missing, a client too slow.

    The connection is closed after it when `ends_connection`: what is still to come on it was not read.
    """

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, ends_connection: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.ends_connection = ends_connection


def status_of(error: PureBootError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def answer_to(error: PureBootError | Refusal) -> web.Response:
    """The answer that tells of an error."""
    if isinstance(error, Refusal):
        response = problem(error.status, str(error), headers=error.headers)
        if error.ends_connection:
            response.force_close()
        return response
    status = status_of(error)
    problems = error.problems if isinstance(error, Invalid) else ()
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    return problem(status, error.message, problems=problems, headers=headers)


@web.middleware
async def translate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised behind it into an answer; a bug is logged with its traceback, which nobody else sees."""
    try:
        return await handler(request)
    except (PureBootError, Refusal) as error:
        return answer_to(error)
    except web.HTTPException as answer:
        return _translated(answer)
    except ConnectionError:
        raise  # the client is gone
    except Exception:
        _log.exception("%s %s failed unexpectedly", request.method, shown_path(request))
        return problem(500, "PureBoot failed unexpectedly; its log says why")


def _translated(answer: web.HTTPException) -> web.Response:
    allowed = {}
    if isinstance(answer, web.HTTPMethodNotAllowed):
        allowed["Allow"] = ", ".join(sorted(answer.allowed_methods))
    return problem(answer.status, _PLAIN.get(answer.status, answer.reason), headers=allowed)
