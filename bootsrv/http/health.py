"""Liveness and readiness."""

import contextlib
from typing import Any

from aiohttp import web

from bootsrv.http.answers import ok, problem
from bootsrv.http.call import Call
from bootsrv.http.errors import RETRY_AFTER_SECONDS
from engine.app import PureBoot
from engine.errors import Unavailable

Part = dict[str, Any]


async def live(call: Call) -> web.Response:
    """The process answers."""
    return ok({"status": "ok"})


async def ready(call: Call) -> web.Response:
    """Whether it can do its work, part by part: store, engine, TFTP, and proxyDHCP where that is wanted."""
    parts = {"store": await _store(call), "engine": await _engine(call), "tftp": _tftp(call)}
    if call.pureboot.settings.dhcp.mode != "off":
        parts["dhcp"] = _dhcp(call)
    failed = [name for name, part in parts.items() if part["status"] == "failed"]
    if failed:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return problem(503, f"not ready: {', '.join(failed)}", headers=headers, parts=parts)
    return ok({"status": "ready", "parts": parts})


async def _store(call: Call) -> Part:
    try:
        cursor = await call.pureboot.feed.cursor()
    except Unavailable as error:
        return {"status": "failed", "message": call.pureboot.trouble or error.message}
    if call.pureboot.trouble is not None:
        return {"status": "failed", "message": call.pureboot.trouble}
    return {"status": "ok", "message": f"{cursor} events"}


async def _engine(call: Call) -> Part:
    """What it does; `hosts` are all processes that perform steps, as far as the store can tell now."""
    told = _told_of_engine(call.pureboot)
    told["attempts"] = call.pureboot.working
    with contextlib.suppress(Unavailable):
        told["hosts"] = [host.name for host in await call.pureboot.hosts()]
    return told


def _told_of_engine(pureboot: PureBoot) -> Part:
    if not pureboot.is_host:
        return {"status": "ok", "message": "another process on this store performs the steps"}
    if not pureboot.engine_runs:
        return {"status": "failed", "message": "it stopped; the log says why; start PureBoot again"}
    if pureboot.trouble is not None:
        return {"status": "ok", "message": "takes no work until the store can be written"}
    return {"status": "ok", "message": "performs the steps"}


def _dhcp(call: Call) -> Part:
    """Where it does not answer, the rest goes on: the site's DHCP server may name us."""
    ports = call.site.dhcp()
    if not ports:
        return {"status": "off", "message": "it does not answer; the log says why"}
    from bootsrv.dhcp.sockets import shown_ports

    return {"status": "ok", "message": shown_ports(ports)}


def _tftp(call: Call) -> Part:
    if not call.pureboot.settings.tftp.enabled:
        return {"status": "off", "message": "tftp.enabled is false"}
    address = call.site.tftp()
    if address is None:
        return {"status": "failed", "message": "does not listen"}
    return {"status": "ok", "message": f"{address[0]} port {address[1]}"}
