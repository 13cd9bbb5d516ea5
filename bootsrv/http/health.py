"""Liveness and readiness."""

from aiohttp import web

from bootsrv.http.answers import ok, problem
from bootsrv.http.call import Call
from bootsrv.http.errors import RETRY_AFTER_SECONDS
from engine.errors import Unavailable


async def live(call: Call) -> web.Response:
    """The process answers."""
    return ok({"status": "ok"})


async def ready(call: Call) -> web.Response:
    """Whether it can do its work, part by part: store, engine, TFTP."""
    parts = {"store": await _store(call), "engine": _engine(call), "tftp": _tftp(call)}
    failed = [name for name, part in parts.items() if part["status"] == "failed"]
    if failed:
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return problem(503, f"not ready: {', '.join(failed)}", headers=headers, parts=parts)
    return ok({"status": "ready", "parts": parts})


async def _store(call: Call) -> dict[str, str]:
    try:
        cursor = await call.pureboot.feed.cursor()
    except Unavailable as error:
        return {"status": "failed", "message": error.message}
    return {"status": "ok", "message": f"{cursor} events"}


def _engine(call: Call) -> dict[str, str]:
    if not call.pureboot.is_host:
        return {"status": "ok", "message": "another process on this store performs the steps"}
    if call.pureboot.engine_runs:
        return {"status": "ok", "message": "performs the steps"}
    return {"status": "failed", "message": "it stopped; the log says why; start PureBoot again"}


def _tftp(call: Call) -> dict[str, str]:
    if not call.pureboot.settings.tftp.enabled:
        return {"status": "off", "message": "tftp.enabled is false"}
    address = call.site.tftp()
    if address is None:
        return {"status": "failed", "message": "does not listen"}
    return {"status": "ok", "message": f"{address[0]} port {address[1]}"}
