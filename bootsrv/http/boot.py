"""/boot.ipxe and /boot/{loader}: what firmware and iPXE ask for.

iPXE cannot read an error: to it a status of 400 or above is "no answer", and the reason is lost. So iPXE (which says so
in `User-Agent`) is told in a script what is wrong, on its screen, and then boots its disk; anyone else gets the status
and a problem in JSON.
"""

import asyncio
import logging
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from bootsrv import ipxe, paths
from bootsrv.http.answers import text
from bootsrv.http.call import Call
from bootsrv.http.sending import send
from bootsrv.http.sighting import tell, tell_decision
from bootsrv.lacking import lacking
from engine.core.boot import BootDecision, BootRequest, Choice, Local, Serve, Wait, stays
from engine.errors import Invalid, NotFound, Unavailable

_log = logging.getLogger(__name__)

_LONGEST = 256
_NO_HTTPS = (
    "this machine's iPXE cannot fetch {url}: it was built without HTTPS; name the file in files.upstream or put it "
    "under files.dir, so that it is served from here, or give the machine an iPXE with HTTPS"
)
_RETRY_SECONDS = 10  # how long a machine that stays waits before it asks again


async def script(call: Call) -> web.Response:
    """The script for the machine that asks; one that has not said who it is, is asked to."""
    request = _request(_facts(call))
    if not request.mac_address:
        tell(call.request, told="ask")
        return text(ipxe.ask_again(_server_url(call, request)))
    server_url = _server_url(call, request)
    decision = await _decided(call, request)
    if isinstance(decision, Serve) and (url := ipxe.needs_https(decision, server_url)) is not None:
        if request.has_https is None:
            tell(call.request, told="ask")
            return text(ipxe.ask_features(server_url))
        if not request.has_https:
            decision = await call.pureboot.boots.refuse(request, _NO_HTTPS.format(url=url))
    tell_decision(call.request, request, decision)
    if isinstance(decision, Serve):
        for problem in ipxe.cmdline_problems(decision.cmdline):
            _log.warning("the command line for %s: %s", request.mac_address, problem)
    answer = ipxe.script(
        decision,
        server_url=server_url,
        platform=request.platform,
        arch=request.arch,
        retry_seconds=None if isinstance(decision, Local) and not decision.ask_again else _RETRY_SECONDS,
    )
    return text(answer)


def _server_url(call: Call, request: BootRequest) -> str:
    """Where iPXE is to ask us: by plain HTTP, as it does now, unless it says that it can more."""
    url = call.server.url
    return f"http://{call.host}" if url.lower().startswith("https://") and not request.has_https else url


def _facts(call: Call) -> dict[str, str]:
    """What the machine says of itself; iPXE leaves empty what it does not know, and of two values the first counts."""
    facts: dict[str, str] = {}
    for name, value in parse_qsl(ipxe.repaired_query(call.request.rel_url.raw_query_string), errors="replace"):
        facts.setdefault(name, value.strip()[:_LONGEST])
    return {name: value for name, value in facts.items() if value}


def _request(facts: Mapping[str, str]) -> BootRequest:
    return BootRequest(
        mac_address=facts.get("mac", ""),
        uuid=facts.get("uuid"),
        serial=facts.get("serial"),
        arch=facts.get("arch"),
        platform=facts.get("platform"),
        vendor=facts.get("manufacturer") or facts.get("vendor"),
        model=facts.get("product") or facts.get("model"),
        hostname=facts.get("hostname"),
        ip_address=facts.get("ip") or facts.get("ip_address"),
        chip=facts.get("chip"),
        again="again" in facts,
        choice=next((each for each in Choice if each == facts.get("choice")), None),
        has_https="https" in facts["features"].lower().split(",") if "features" in facts else None,
    )


async def _decided(call: Call, request: BootRequest) -> BootDecision:
    try:
        decision = await call.pureboot.boots.boot(request, server=call.server)
        if isinstance(decision, Serve):
            missing = await lacking(call.pureboot, decision)
            if missing is not None:
                decision = await call.pureboot.boots.refuse(request, missing)
    except Unavailable as error:
        return _patiently(call, request, error)
    except Invalid as error:
        if not _is_ipxe(call):
            raise
        return Local(message=f"{error}: this machine boots its disk", reason="invalid")
    call.site.patience.answered(request.mac_address)
    return decision


def _is_ipxe(call: Call) -> bool:
    return call.request.headers.get("User-Agent", "").startswith("iPXE/")


def _patiently(call: Call, request: BootRequest, error: Unavailable) -> BootDecision:
    """Ask the machine to come back, some times; then its disk is better than a screen that says the same all night."""
    _log.warning("%s cannot be answered: %s", request.mac_address, error)
    seconds = call.site.patience.wait(request.mac_address)
    if seconds is None:
        return stays("PureBoot's store cannot be used: this machine boots its disk", "store")
    return Wait(message="PureBoot's store cannot be used now", seconds=seconds)


async def loader(call: Call) -> web.StreamResponse:
    """A loader, or the program by which UEFI machines get to their disk."""
    name = call.part("loader")
    path = await asyncio.to_thread(call.site.loaders.find, name)
    if path is None:
        raise NotFound(await asyncio.to_thread(_why_not, call, name))
    try:
        return await send(await asyncio.to_thread(path.open, "rb"), name, call.site)
    except OSError as error:
        raise Unavailable(f"{name} cannot be read now: {error.strerror}") from None


def _why_not(call: Call, name: str) -> str:
    missing: list[str] = [
        f"{name} is not here; it is for {each.purpose}; {each.remedy}"
        for each in call.site.loaders.missing()
        if each.name == name
    ]
    return missing[0] if missing else f"there is no loader {paths.shown(name)}"
