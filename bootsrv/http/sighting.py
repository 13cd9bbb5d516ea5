"""One request of a machine as a line of its boot trace: made while it is handled, noted when its answer is sent."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aiohttp import hdrs, web

from bootsrv.http.accesslog import SIGHTING, shown_question
from bootsrv.http.routing import Who
from engine.core.boot import BootDecision, BootRequest, Load, Local, Serve, Wait
from engine.core.boot_trace import Contact, ContactKind, Outcome
from engine.core.nodes import parse_mac
from engine.errors import Invalid
from engine.services.traces import Traces

_AGENT_LENGTH = 60
_CALLBACK = "/api/v1/callback/"
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a request ended: what it asked for, fit to be kept, and the bytes of its answer that there are and that were
    sent (None of a refusal and of HEAD); `whole` if all were.
    """

    what: str
    method: str
    status: int
    whole: bool
    size: int | None
    sent: int | None
    agent: str
    address: str


class Sighting:
    """What is known of a machine that asks; whoever handles its request adds to it."""

    def __init__(self, traces: Traces, now: Callable[[], Any], who: Who) -> None:
        self.message = ""
        self.mac: str | None = None
        self.execution: str | None = None
        self.facts: dict[str, str] = {}
        self._traces = traces
        self._at = now()
        self._kind = ContactKind.CALLBACK if who is Who.NODE else ContactKind.HTTP

    def told(self, request: BootRequest, decision: BootDecision) -> None:
        """Note who asked for the script and what was decided."""
        with contextlib.suppress(Invalid):
            self.mac = parse_mac(request.mac_address)
        said = {"platform": request.platform, "arch": request.arch, "model": request.model, "ip": request.ip_address}
        self.facts |= {name: value for name, value in said.items() if value}
        if request.again:
            self.facts["again"] = "true"
        match decision:
            case Serve():
                self.facts["told"], self.message = "serve", decision.step_name
            case Wait():
                self.facts["told"], self.message = "wait", decision.message
            case Load():
                self.facts["told"], self.message = "load", decision.loader
            case Local():
                self.facts["told"], self.message = "local", decision.message
                self.facts["reason"] = decision.reason

    def ended(self, request: web.BaseRequest, response: web.StreamResponse, seconds: float) -> None:
        """The answer was sent, or broken off."""
        good = response.status < 400
        size = response.content_length if good and request.method != hdrs.METH_HEAD else None
        # aiohttp tells in no other way whether an answer came to its end: a connection may close at once after it.
        whole = bool(getattr(response, "_eof_sent", True))
        ending = Ending(
            what=what_of(request.path),
            method=request.method,
            status=response.status,
            whole=whole,
            size=size,
            sent=size if whole or size is None else min(size, response.body_length),
            agent=request.headers.get(hdrs.USER_AGENT, ""),
            address=request.remote or "",
        )
        self.ends(ending, seconds)

    def ends(self, ending: "Ending", seconds: float) -> None:
        """The answer was sent, or broken off, and this is what it was."""
        status = ending.status
        contact = Contact(
            at=self._at,
            kind=self._kind,
            what=ending.what,
            outcome=Outcome.REFUSED if status >= 400 else _outcome(ending),
            message=self.message,
            status=None if status == 200 else status,
            bytes=ending.sent,
            size=ending.size,
            seconds=round(seconds, 3),
            facts={**self.facts, "agent": ending.agent[:_AGENT_LENGTH], "address": ending.address},
        )
        self._traces.note(contact, mac=self.mac, address=ending.address or None, execution=self._execution(status))

    def _execution(self, status: int) -> str | None:
        """The execution a request spoke for; of one whose token was refused nobody knows whose it is."""
        return None if status in (401, 403) else self.execution


def _outcome(ending: Ending) -> Outcome:
    if not ending.whole:
        return Outcome.FAILED
    return Outcome.PROBED if ending.method == hdrs.METH_HEAD else Outcome.OK


def what_of(asked: str) -> str:
    """A path, without what a machine says of itself there and without ids and tokens."""
    if asked.startswith(_CALLBACK):
        return _of_callback(asked[len(_CALLBACK) :].partition("/")[2][:_LONGEST])
    return shown_question(asked).partition("?")[0]


@lru_cache(maxsize=1024)  # machines of one kind all report the same steps
def _of_callback(rest: str) -> str:
    return shown_question(f"callback/{rest}").partition("?")[0]


def sighting_of(request: web.BaseRequest) -> Sighting | None:
    """What a request carries of the machine that asks; None where it is no machine's."""
    found = request.get(SIGHTING)
    return found if isinstance(found, Sighting) else None


def tell(request: web.BaseRequest, *, mac: str | None = None, execution: str | None = None, **facts: str) -> None:
    """Add what a handler found out of the machine that asks."""
    sighting = sighting_of(request)
    if sighting is not None:
        sighting.mac = mac or sighting.mac
        sighting.execution = execution or sighting.execution
        sighting.facts |= facts
