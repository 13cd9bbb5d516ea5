"""Remote agents: programs with a URL that perform steps (`agent.call`), and how one is called.

An agent answers a call at once (200 and its output), or says that it took it (202) and reports later to the callback
API. What it failed to take for reasons of its own (5xx, no answer) is asked again by its `retry_config`; a 4xx is an
answer as well: the step fails.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import urlsplit

from engine.durations import parse_duration
from engine.errors import Invalid, Problem

SIGNATURE = "X-PureBoot-Signature"
MAX_ATTEMPTS = 10
MAX_TIMEOUT_MS = 600_000
LONGEST_DELAY = 300.0
_LONGEST = 4096


class AuthType(StrEnum):
    """How PureBoot shows an agent who it is."""

    NONE = "none"
    BEARER = "bearer"
    BASIC = "basic"
    HMAC = "hmac"


_NEEDS: Mapping[AuthType, tuple[str, ...]] = {
    AuthType.NONE: (),
    AuthType.BEARER: ("token",),
    AuthType.BASIC: ("username", "password"),
    AuthType.HMAC: ("secret",),
}


class AgentStatus(StrEnum):
    """What the last health check found."""

    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """How often a call is tried, with which delay between (seconds; doubled each time if `exponential`)."""

    max_attempts: int = 3
    delay: float = 1.0
    backoff: str = "exponential"

    def delays(self) -> Iterator[float]:
        """The seconds before the second try, the third …"""
        for number in range(self.max_attempts - 1):
            yield min(LONGEST_DELAY, self.delay * (2**number if self.backoff == "exponential" else 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A remote agent. `sealed` is its `auth_config`, encrypted: it is never shown again."""

    HIDDEN: ClassVar = frozenset({"sealed"})

    id: str
    name: str
    url: str
    description: str = ""
    auth_type: AuthType = AuthType.NONE
    sealed: str | None = None
    timeout_ms: int = 30_000
    retry_config: RetryConfig = field(default_factory=RetryConfig)
    status: AgentStatus = AgentStatus.UNKNOWN
    last_health_at: datetime | None = None
    last_error: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def principal(self) -> str:
        """Who reports what it did."""
        return f"agent:{self.name}"


def parse_url(text: Any) -> str:
    """An agent's address without the `/` at its end.

    Raises:
        Invalid: it is no absolute URL of HTTP, or it holds a password, query or fragment.
    """
    problem = None
    url = str(text or "")
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or len(url) > 2000:
            problem = "is no URL of HTTP; write http://address:port/path"
        elif "@" in parts.netloc:
            problem = "holds a user or password; give those in auth_config"
        elif parts.query or parts.fragment or not url.isprintable() or " " in url:
            problem = "may have no query, fragment or blank"
    except ValueError:
        problem = "is no URL of HTTP; write http://address:port/path"
    if problem:
        raise Invalid([Problem(path="url", message=f"{url[:200]!r} {problem}" if url else "is missing")])
    return url.rstrip("/")


def parse_retry(data: Any) -> RetryConfig:
    """`retry_config {max_attempts, delay, backoff}`; what is missing has its default.

    Raises:
        Invalid: a value is wrong or unknown; every one is named.
    """
    given = dict(data) if isinstance(data, Mapping) else {"": data}
    problems = [
        Problem(path=f"retry_config.{name}".rstrip("."), message="is not known; there are max_attempts, delay, backoff")
        for name in given
        if name not in ("max_attempts", "delay", "backoff")
    ]
    attempts, backoff = given.get("max_attempts", 3), given.get("backoff", "exponential")
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= MAX_ATTEMPTS:
        message = f"{attempts!r} is not a number from 1 to {MAX_ATTEMPTS}"
        problems.append(Problem(path="retry_config.max_attempts", message=message))
    if backoff not in ("constant", "exponential"):
        problems.append(Problem(path="retry_config.backoff", message=f"{backoff!r} is not constant or exponential"))
    delay = 0.0
    try:
        delay = float(parse_duration(given.get("delay", 1.0)))
        if not 0 <= delay <= LONGEST_DELAY:
            raise ValueError(f"{delay:g} is not between 0 and {LONGEST_DELAY:g} seconds")
    except (ValueError, TypeError) as error:
        problems.append(Problem(path="retry_config.delay", message=str(error)))
    if problems:
        raise Invalid(problems)
    return RetryConfig(max_attempts=attempts, delay=delay, backoff=backoff)


def parse_auth(kind: AuthType, data: Any) -> dict[str, str]:
    """What a way to show who asks needs to know.

    Raises:
        Invalid: something is missing or unknown; every one is named.
    """
    given = dict(data) if isinstance(data, Mapping) else {}
    needed = _NEEDS[kind]
    problems = [
        Problem(path=f"auth_config.{name}", message=f"is not known for auth_type {kind}")
        for name in given
        if name not in needed
    ]
    for name in needed:
        value = given.get(name)
        if not isinstance(value, str) or not value:
            problems.append(Problem(path=f"auth_config.{name}", message=f"is missing for auth_type {kind}"))
        elif len(value) > _LONGEST or not value.isprintable():
            message = f"must be printable text of at most {_LONGEST} characters"
            problems.append(Problem(path=f"auth_config.{name}", message=message))
        elif name == "username" and ":" in value:
            problems.append(Problem(path="auth_config.username", message="may hold no `:` (RFC 7617)"))
    if problems:
        raise Invalid(problems)
    return {name: given[name] for name in needed}


def auth_headers(kind: AuthType, config: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The headers by which an agent knows PureBoot: RFC 6750, RFC 7617, or the HMAC-SHA256 of the body."""
    match kind:
        case AuthType.BEARER:
            return {"Authorization": f"Bearer {config['token']}"}
        case AuthType.BASIC:
            pair = f"{config['username']}:{config['password']}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        case AuthType.HMAC:
            digest = hmac.new(config["secret"].encode(), body, hashlib.sha256).hexdigest()
            return {SIGNATURE: f"sha256={digest}"}
    return {}
