"""Answers: the envelope of what went well (CONTRACT section 8), and RFC 9457 for what did not."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from engine.core.findings import Finding
from engine.core.shape import as_data
from engine.errors import Problem

PROBLEM_JSON = "application/problem+json"
SIGNATURE = {"Server": "PureBoot", "X-Content-Type-Options": "nosniff"}
"""A plain word in place of the names and versions of what this is made of; empty it must not be: OVMF hangs."""

NO_STORE = {"Cache-Control": "no-store"}

# Ours, not Python's: what is in `type` must not change with the version of Python.
_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    410: "Gone",
    413: "Body too large",
    415: "Unsupported type",
    422: "Invalid",
    429: "Too many",
    500: "Internal error",
    503: "Unavailable",
}


def ok(value: Any, message: str | None = None, *, status: int = 200, headers: Mapping[str, str] = {}) -> web.Response:
    """One value."""
    return _json(_envelope(value, message), status, headers)


def encoded(value: Any, message: str | None = None) -> bytes:
    """The body of `ok`."""
    return _encoded(_envelope(value, message))


def _envelope(value: Any, message: str | None) -> dict[str, Any]:
    return {"success": True, "data": as_data(value), "message": message}


def created(value: Any, message: str | None = None, *, at: str = "") -> web.Response:
    """One value that is new; `at` is where it is found from now on."""
    return ok(value, message, status=201, headers={"Location": at} if at else {})


def listed(values: Iterable[Any], total: int, message: str | None = None, **more: Any) -> web.Response:
    """A page of a list; `total` is how many there are without the page's cut."""
    data = [as_data(value) for value in values]
    return _json({"success": True, "data": data, "message": message, "total": total, **more}, 200, {})


def text(content: str, content_type: str = "text/plain") -> web.Response:
    """A text that is meant for machines as it is, never to be kept by anyone on the way."""
    body = content.encode("utf-8", "replace")
    return web.Response(body=body, headers={"Content-Type": f"{content_type}; charset=utf-8", **NO_STORE})


def nothing() -> web.Response:
    """204: nothing now."""
    return web.Response(status=204, headers=NO_STORE)


def problem(
    status: int,
    detail: str,
    *,
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] = {},
    **more: Any,
) -> web.Response:
    """What went wrong; `more` are members of this problem's own."""
    body = {**problem_data(status, detail, problems), **more}
    return _json(body, status, headers, PROBLEM_JSON)


def problem_data(status: int, detail: str, problems: Iterable[Problem] = ()) -> dict[str, Any]:
    """The members of RFC 9457, and `errors` with every single thing that is wrong."""
    title = _TITLES.get(status) or HTTPStatus(status).phrase
    return {
        "type": f"urn:pureboot:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [_error(each) for each in problems],
    }


def _error(each: Problem) -> dict[str, Any]:
    data: dict[str, Any] = {"path": each.path, "line": each.line, "column": each.column, "message": each.message}
    if isinstance(each, Finding):
        data = {**data, "severity": each.severity.value, "validator": each.validator}
    return data if each.file is None else {**data, "file": each.file}


def _json(
    body: Mapping[str, Any], status: int, headers: Mapping[str, str], content_type: str = "application/json"
) -> web.Response:
    headers = {**NO_STORE, **headers}
    return web.Response(body=_encoded(body), status=status, content_type=content_type, headers=headers)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except (TypeError, ValueError):  # a number of more than 64 bits, half a surrogate pair
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
