"""/boot.ipxe and /boot/{loader}: what firmware and iPXE ask for.

iPXE cannot read an error: to it a status of 400 or above is "no answer", and the reason is lost. So iPXE (which says so
in `User-Agent`) is told in a script what is wrong, on its screen, and then boots its disk; anyone else gets the status
and a problem in JSON.
"""

import asyncio
import logging
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from aiohttp import web

from bootsrv import ipxe, paths
from bootsrv.http.answers import text
from bootsrv.http.call import Call
from bootsrv.http.sending import send
from bootsrv.http.sighting import Sighting, sighting_of
from bootsrv.http.site import Site
from bootsrv.lacking import lacking
from engine.core.boot import BootDecision, BootRequest, Choice, Local, Serve, Wait, stays
from engine.core.scopes import Server
from engine.errors import Invalid, NotFound, Unavailable

_log = logging.getLogger(__name__)

_LONGEST = 256
_NO_HTTPS = (
    "this machine's iPXE cannot fetch {url}: it was built without HTTPS; name the file in files.upstream or put it "
    "under files.dir, so that it is served from here, or give the machine an iPXE with HTTPS"
)
_RETRY_SECONDS = 10  # how long a machine that stays waits before it asks again


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a request for the script holds: the raw query, the `host:port` that was asked, what asks (`User-Agent`)."""

    site: Site
    host: str
    query: str
    agent: str
    sighting: Sighting | None

    @property
    def server(self) -> Server:
        """What this client is told of this server."""
        return self.site.server(self.host)


async def script(call: Call) -> web.Response:
    """The script for the machine that asks; one that has not said who it is, is asked to."""
    asked = Question(
        site=call.site,
        host=call.host,
        query=call.request.rel_url.raw_query_string,
        agent=call.request.headers.get("User-Agent", ""),
        sighting=sighting_of(call.request),
    )
    return text(await answer(asked))


async def answer(asked: Question) -> str:
    """The text of the script for a machine.

    Raises:
        Invalid: the MAC address is none, and it is not iPXE that asks.
    """
    server = asked.server
    request = _request(asked.query)
    server_url = _server_url(asked.host, server.url, request)
    if not request.mac_address:
        _tell_asked(asked)
        return ipxe.ask_again(server_url)
    decision = await _decided(asked, server, request)
    if isinstance(decision, Serve) and (url := ipxe.needs_https(decision, server_url)) is not None:
        if request.has_https is None:
            _tell_asked(asked)
            return ipxe.ask_features(server_url)
        if not request.has_https:
            decision = await asked.site.pureboot.boots.refuse(request, _NO_HTTPS.format(url=url))
    if asked.sighting is not None:
        asked.sighting.told(request, decision)
    if isinstance(decision, Serve):
        for problem in ipxe.cmdline_problems(decision.cmdline):
            _log.warning("the command line for %s: %s", request.mac_address, problem)
    return ipxe.script(
        decision,
        server_url=server_url,
        platform=request.platform,
        arch=request.arch,
        retry_seconds=None if isinstance(decision, Local) and not decision.ask_again else _RETRY_SECONDS,
    )


def _tell_asked(asked: Question) -> None:
    if asked.sighting is not None:
        asked.sighting.facts["told"] = "ask"


def _server_url(host: str, url: str, request: BootRequest) -> str:
    """Where iPXE is to ask us: by plain HTTP, as it does now, unless it says that it can more."""
    return f"http://{host}" if url.lower().startswith("https://") and not request.has_https else url


def _facts(query: str) -> dict[str, str]:
    """What the machine says of itself; iPXE leaves empty what it does not know, and of two values the first counts."""
    facts: dict[str, str] = {}
    for name, value in pairs_of(ipxe.repaired_query(query)):
        if value:
            facts.setdefault(name, value.strip()[:_LONGEST])
    return {name: value for name, value in facts.items() if value}


def pairs_of(query: str) -> list[tuple[str, str]]:
    """The names and values of a query, as `urllib.parse.parse_qsl` reads it, which takes longer than the store does."""
    return [(_decoded(name), _decoded(value)) for name, _, value in (each.partition("=") for each in query.split("&"))]


def _decoded(text: str) -> str:
    text = text.replace("+", " ")
    return unquote(text, errors="replace") if "%" in text else text


@lru_cache(maxsize=2048)  # a machine that asks again writes the same
def _request(query: str) -> BootRequest:
    facts = _facts(query)
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


async def _decided(asked: Question, server: Server, request: BootRequest) -> BootDecision:
    boots = asked.site.pureboot.boots
    try:
        decision = await boots.boot(request, server=server)
        if isinstance(decision, Serve):
            missing = await lacking(asked.site.pureboot, decision, asked.site.looks)
            if missing is not None:
                decision = await boots.refuse(request, missing)
    except Unavailable as error:
        return _patiently(asked, request, error)
    except Invalid as error:
        if not is_ipxe(asked.agent):
            raise
        return Local(message=f"{error}: this machine boots its disk", reason="invalid")
    asked.site.patience.answered(request.mac_address)
    return decision


def is_ipxe(agent: str) -> bool:
    """Whether it is iPXE, which can read no error."""
    return agent.startswith("iPXE/")


def _patiently(asked: Question, request: BootRequest, error: Unavailable) -> BootDecision:
    """Ask the machine to come back, some times; then its disk is better than a screen that says the same all night."""
    _log.warning("%s cannot be answered: %s", request.mac_address, error)
    seconds = asked.site.patience.wait(request.mac_address)
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
