"""What is answered without aiohttp: iPXE's question for its script, a report about a step, a sign of life.

Each is read here from a plain request and answered by the same functions as aiohttp's handlers use.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from bootsrv.http import access, boot, callback, plain
from bootsrv.http.answers import SIGNATURE, encoded, ok, text
from bootsrv.http.bodies import check, read_json
from bootsrv.http.routing import Who
from bootsrv.http.sighting import Sighting
from bootsrv.http.site import Site

BOOT_PATH = "/boot.ipxe"

_SCRIPT = re.compile(rb"GET /boot\.ipxe\?([!\"$-~]{0,4000}) HTTP/1\.1")
_PART = rb"([0-9A-Za-z][0-9A-Za-z._-]{0,99})"
_CALLBACK = re.compile(rb"POST /api/v1/callback/%b/(?:step/%b|heartbeat) HTTP/1\.1" % (_PART, _PART))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that can be answered: `answer` gives the body that goes with 200 and the header fields `head`."""

    method: str
    path: str
    query: str
    agent: str
    is_last: bool
    sighting: Sighting
    head: bytes
    answer: Callable[[], Awaitable[bytes]]


class _Way(Protocol):
    def __call__(self, site: Site, found: "re.Match[bytes]", lines: bytes, body: bytes) -> Asked | None: ...


def read(site: Site, data: bytes) -> Asked | None:
    """What is asked; None if that is for aiohttp to find out."""
    parts = plain.split(data)
    if parts is None:
        return None
    line, lines, body = parts
    for form, way in _WAYS:
        found = form.fullmatch(line)
        if found is not None:
            return way(site, found, lines, body)
    return None


def _sighting(site: Site, who: Who) -> Sighting:
    return Sighting(site.pureboot.traces, site.pureboot.context.now, who)


def _script(site: Site, found: "re.Match[bytes]", lines: bytes, body: bytes) -> Asked | None:
    fields = plain.question(lines)
    if fields is None or body or not boot.is_ipxe(fields.agent):
        return None
    query, sighting = found[1].decode("ascii"), _sighting(site, Who.ANYONE)
    question = boot.Question(site=site, host=fields.host, query=query, agent=fields.agent, sighting=sighting)

    async def answer() -> bytes:
        return (await boot.answer(question)).encode("utf-8", "replace")

    return Asked(
        method="GET",
        path=BOOT_PATH,
        query=query,
        agent=fields.agent,
        is_last=fields.is_last,
        sighting=sighting,
        head=_SCRIPT_HEAD,
        answer=answer,
    )


def _callback(site: Site, found: "re.Match[bytes]", lines: bytes, body: bytes) -> Asked | None:
    fields = plain.report(lines, body)
    if fields is None:
        return None
    token, execution, step = fields.token, found[1].decode("ascii"), found[2]
    sighting = _sighting(site, Who.NODE)

    async def answer() -> bytes:
        await access.node(site, execution, token)
        sighting.execution = execution
        callbacks = site.pureboot.callbacks
        if step is None:
            await callbacks.heartbeat(execution)
            return _NOTHING
        said = check(callback.Report, read_json(body, lenient=True) if body.strip() else {})
        return encoded(*await callback.taken(callbacks, execution, step.decode("ascii"), said))

    return Asked(
        method="POST",
        path=f"/api/v1/callback/{execution}/" + ("heartbeat" if step is None else f"step/{step.decode('ascii')}"),
        query="",
        agent=fields.agent,
        is_last=fields.is_last,
        sighting=sighting,
        head=_JSON_HEAD,
        answer=answer,
    )


def head(response: web.Response) -> bytes:
    """The status line and header fields of an answer, without those that depend on body and time."""
    headers = {**response.headers, **SIGNATURE}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "Content-Length")
    return f"HTTP/1.1 {response.status} {response.reason}\r\n{lines}".encode("ascii", "replace")


_SCRIPT_HEAD, _JSON_HEAD, _NOTHING = head(text("")), head(ok(None)), encoded(None)
_WAYS: tuple[tuple["re.Pattern[bytes]", _Way], ...] = ((_CALLBACK, _callback), (_SCRIPT, _script))
