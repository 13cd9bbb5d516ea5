"""What to say when a PureBoot far away cannot be reached, or says no. Nothing is sent or read here."""

import ssl
from typing import Any

import aiohttp

from engine.core.findings import Finding, Severity
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Problem, PureBootError, Unavailable

_KINDS: dict[int, type[PureBootError]] = {403: Forbidden, 404: NotFound, 409: Conflict, 410: Conflict}
_INVALID = frozenset({400, 413, 415, 422})


class Cut(Unavailable):
    """The line to a PureBoot is cut; `since` is when it was heard last, by the monotonic clock."""

    def __init__(self, message: str, since: float) -> None:
        super().__init__(message)
        self.since = since


def refusal(status: int, body: Any, url: str) -> PureBootError:
    """What an answer that is no success says (RFC 9457), as the error that it was on the other side."""
    if not isinstance(body, dict) or not isinstance(body.get("detail"), str):
        return Unavailable(
            f"{url} answers {status}, and not as a PureBoot does: is this its address, or that of a proxy before it?"
        )
    detail = body["detail"]
    if status == 401:
        return Forbidden(f"{detail} (--token-file, PUREBOOT_TOKEN)")
    if status in _INVALID:
        problems = [_problem(each) for each in body.get("errors") or () if isinstance(each, dict)]
        return Invalid(problems or detail, detail)
    return _KINDS.get(status, Unavailable)(detail)


def _problem(data: dict[str, Any]) -> Problem:
    place = {name: data.get(name) for name in ("line", "column", "file")}
    message, path = str(data.get("message", "")), str(data.get("path", ""))
    if data.get("severity") in set(Severity):
        found = {"severity": Severity(data["severity"]), "validator": str(data.get("validator", ""))}
        return Finding(message=message, path=path, **place, **found)  # type: ignore[arg-type]
    return Problem(message=message, path=path, **place)


def unreachable(error: Exception, url: str) -> Unavailable:
    """Why nothing answers, and what to do about it."""
    return Unavailable(f"{url} cannot be reached: {_why(error)}")


def _why(error: Exception) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _certificate(cause)
    if isinstance(cause, ssl.SSLError):
        if cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
            return "it does not speak TLS there; write http:// if that is what it speaks"
        return f"TLS fails: {cause.reason or cause}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name has no address; is it spelt right?"
    if isinstance(cause, ConnectionRefusedError):
        return "nothing listens there; does PureBoot run, and is this its port (api.port, or else http.port)?"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return str(cause) or type(cause).__name__


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    said = error.verify_message
    match error.verify_code:
        case 18 | 19 | 20 | 21:  # self-signed, or by an authority that is not known here
            return f"its certificate is not trusted here ({said}); give the one that signed it with --ca-file"
        case 10:
            return "its certificate has expired; renew it there, and look at the clock of this machine"
        case 9:
            return "its certificate is not valid yet; look at the clocks of both machines"
        case 62 | 64:
            return f"its certificate is for another name ({said}); write the name that it is for in --url"
    return f"its certificate is not good: {said}"
