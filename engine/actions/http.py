"""`core.http`: ask another system over HTTP.

Every request carries the attempt's `Idempotency-Key`, so a system that knows it can tell a repeat. With `link` what the
request makes is remembered: whoever runs the step again finds it and asks for nothing.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from engine import outbound
from engine.actions.registry import Action, ActionFailed, Call, Outcome, Parameters
from engine.core.executions import Performer
from engine.core.links import Link
from engine.durations import format_duration

if TYPE_CHECKING:
    import aiohttp

MAX_BODY = 1024 * 1024
MAX_LINK_DATA = 64 * 1024
SECONDS = 300.0  # for a step without a timeout of its own
CONNECT_SECONDS = 30.0
REDIRECTS = 5
KEY_HEADER = "Idempotency-Key"

_LARGE = 64 * 1024
_MOVED = frozenset({301, 302, 303, 307, 308})
_RANGE = re.compile(r"([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?")


def _expected(value: object) -> tuple[tuple[int, int], ...]:
    """Status codes as ranges: `201`, `"2xx"`, `"200-204"`, or a list of these."""
    if isinstance(value, list | tuple):
        return tuple(each for item in value for each in _expected(item))
    match = _RANGE.fullmatch(str(value).strip().lower())
    if match is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is no status; write 201, 2xx, 200-204 or a list of these")
    if match[1]:
        return ((int(match[1]) * 100, int(match[1]) * 100 + 99),)
    return ((int(match[2]), int(match[3] or match[2])),)


def _split(url: str) -> SplitResult:
    """The parts of an absolute URL of HTTP.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("is no URL; write http://address/path or https://address/path")
    return parts


def _url(value: str) -> str:
    _split(value)
    return value


def _texts(value: object) -> object:
    """Headers as YAML reads them: a number is meant as its text."""
    if not isinstance(value, Mapping):
        return value
    return {key: str(item) if isinstance(item, int | float) else item for key, item in value.items()}


class LinkTo(Parameters):
    """What the request makes, and where in the JSON answer its id stands (`data.id`, `items.0.id`)."""

    system: str = Field(min_length=1, max_length=64)
    kind: str = Field(min_length=1, max_length=64)
    key: str = Field(min_length=1, max_length=200)
    id: str = "id"


class Http(Parameters):
    """`core.http`: ask a URL; `json` or `body` is sent, and the status must be one of `expect`."""

    method: Annotated[str, AfterValidator(str.upper), Field(pattern=r"^[A-Za-z]{1,16}$")] = "GET"
    url: Annotated[str, AfterValidator(_url)]
    headers: Annotated[dict[str, str], BeforeValidator(_texts)] = Field(default={})
    json_: Any = Field(default=None, alias="json")
    body: str | None = None
    expect: Annotated[tuple[tuple[int, int], ...], BeforeValidator(_expected)] = ((200, 299),)
    link: LinkTo | None = None

    @model_validator(mode="after")
    def _one_body(self) -> "Http":
        if self.body is not None and self.has_json:
            raise ValueError("takes either json or body")
        return self

    @property
    def has_json(self) -> bool:
        """Whether JSON is sent; `json: null` is JSON as well."""
        return "json_" in self.model_fields_set

    def expects(self, status: int) -> bool:
        """Whether a status is one that is expected."""
        return any(low <= status <= high for low, high in self.expect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. `json` is None for a text that is no JSON."""

    status: int
    reason: str
    text: str
    json: Any
    location: str | None = None


async def _http(call: Call) -> Outcome:
    parameters: Http = call.parameters
    wanted = parameters.link
    if wanted is not None:
        known = await call.linked(wanted.system, wanted.kind, wanted.key)
        if known is not None:
            return _already(known)
    answer = await _asked(call, parameters)
    output = {"status": answer.status, "json": answer.json, "text": answer.text}
    message = f"{answer.status} {answer.reason}".strip()
    if wanted is None:
        return Outcome(output=output, message=message)
    external_id = _found(answer.json, wanted.id)
    made = await call.link(wanted.system, wanted.kind, wanted.key, external_id, _kept(answer.json))
    more = {"linked": False, "external_id": made.external_id, "data": dict(made.data)}
    return Outcome(output=output | more, message=message)


def _already(known: Link) -> Outcome:
    """What a link tells instead of an answer; `json` is the remembered one, so that later steps find what they name."""
    data = dict(known.data)
    more = {"linked": True, "external_id": known.external_id, "data": data}
    message = f"{known.kind} {known.key} is in {known.system} already, as {known.external_id}"
    return Outcome(output={"status": None, "json": data or None, "text": "", **more}, message=message)


def _kept(answer: Any) -> Mapping[str, Any]:
    """Of an answer, what its link remembers."""
    return answer if isinstance(answer, dict) and len(json.dumps(answer)) <= MAX_LINK_DATA else {}


def _found(answer: Any, path: str) -> str:
    """The id at a dotted path."""
    value = answer
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdecimal():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = None
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        message = f"the answer has no id at {path}, so what was made cannot be remembered"
        raise ActionFailed(message, quote=json.dumps(answer))
    return str(value)


async def _asked(call: Call, parameters: Http) -> Answer:
    """The answer that was expected.

    Raises:
        ActionFailed: there is none in time, or it is another.
    """
    import aiohttp

    seconds = SECONDS
    if call.deadline_at is not None:
        seconds = max(0.1, (call.deadline_at - call.clock.now()).total_seconds())
    where = f"{parameters.method} {_shown(parameters.url)}"
    limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(timeout=limits, connector=outbound.connector(call.guard)) as session,
        ):
            answer = await _followed(session, call, parameters)
    except aiohttp.ConnectionTimeoutError:
        raise ActionFailed(f"{where}: no connection within {format_duration(CONNECT_SECONDS)}") from None
    except TimeoutError:
        raise ActionFailed(f"{where}: no answer within {format_duration(round(seconds, 1))}") from None
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise ActionFailed(f"{where}: {_why(error)}") from None
    if not parameters.expects(answer.status):
        raise ActionFailed(f"{where} answered {_told(answer)}", quote=answer.text)
    return answer


async def _followed(session: "aiohttp.ClientSession", call: Call, parameters: Http) -> Answer:
    """The last answer after redirects within one host: what is sent, often with a secret, goes nowhere else."""
    method, url, data = parameters.method, parameters.url, _body(parameters)
    headers = _headers(call, parameters)
    for _ in range(REDIRECTS + 1):
        if (refusal := outbound.literal_refusal(call.guard, url)) is not None:
            raise ActionFailed(f"{method} {_shown(url)}: {refusal}")
        async with session.request(method, url, headers=headers, data=data, allow_redirects=False) as response:
            answer = await _read(response)
        if parameters.expects(answer.status) or answer.status not in _MOVED or answer.location is None:
            return answer
        there = urljoin(url, answer.location)
        if _origin(there) != _origin(url):
            return answer
        if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
            method, data = ("HEAD" if method == "HEAD" else "GET"), None
        url = there
    raise ActionFailed(f"{parameters.method} {_shown(parameters.url)} was redirected more than {REDIRECTS} times")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _body(parameters: Http) -> bytes | None:
    if parameters.has_json:
        return json.dumps(parameters.json_, ensure_ascii=False).encode()
    return None if parameters.body is None else parameters.body.encode()


def _headers(call: Call, parameters: Http) -> dict[str, str]:
    defaults = {KEY_HEADER: call.idempotency_key, "User-Agent": "PureBoot", "Accept": "application/json, */*;q=0.5"}
    if parameters.has_json:
        defaults["Content-Type"] = "application/json"
    given = {name.lower() for name in parameters.headers}
    return {name: value for name, value in defaults.items() if name.lower() not in given} | parameters.headers


async def _read(response: "aiohttp.ClientResponse") -> Answer:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_BODY:
            raise ActionFailed(f"{response.method} {_shown(str(response.url))}: the answer is larger than 1 MiB")
    text, value = await _understood(bytes(body), response.charset)
    return Answer(
        status=response.status,
        reason=response.reason or "",
        text=text,
        json=value,
        location=response.headers.get("Location"),
    )


async def _understood(body: bytes, charset: str | None) -> tuple[str, Any]:
    """An answer's text, and the JSON that it is."""
    if len(body) > _LARGE:  # would hold up everybody else for longer than 10 ms
        text = await asyncio.to_thread(_decoded, body, charset)
        return text, await asyncio.to_thread(_parsed, text)
    text = _decoded(body, charset)
    return text, _parsed(text)


def _decoded(body: bytes, charset: str | None) -> str:
    """An answer's text, as the store can keep it."""
    try:
        text = body.decode(charset or "utf-8", "replace")
    except LookupError:  # a charset that nobody knows
        text = body.decode("utf-8", "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _parsed(text: str) -> Any:
    """The JSON that a text is, as the store can keep it; None if it is none."""
    if "\\u" in text:  # an escape may stand for what no store takes: NUL, half a surrogate pair
        text = re.sub(r"(?<!\\)((?:\\\\)*)\\u0000", r"\1\\ufffd", text)
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _why(error: Exception) -> str:
    """What went wrong, without the URL, whose query may hold a secret."""
    import aiohttp

    if isinstance(getattr(error, "os_error", None), outbound.Refused):
        return str(getattr(error, "os_error", error))
    if isinstance(error, aiohttp.InvalidURL):
        return "is no URL"
    text = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    return text or type(error).__name__


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _told(answer: Answer) -> str:
    """An answer that was not expected, in a line."""
    told = f"{answer.status} {answer.reason}".strip()
    if answer.status in _MOVED and answer.location is not None:
        told += f", a redirect to {_shown(answer.location)}, which is not followed to another host"
    return told


def _shown(url: str) -> str:
    """A URL without what may be a secret in it: user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else parts.path


HTTP = Action(
    name="core.http",
    summary="ask another system over HTTP",
    performer=Performer.ENGINE,
    parameters=Http,
    run=_http,
)
