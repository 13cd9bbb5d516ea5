"""Tokens: what proves who asks.

Two kinds. An admin token is random, is shown once when it is made, and only its digest is kept. A capability token
belongs to one execution: it is derived from the store's key, so that it can be put into boot scripts again after a
restart although only its digest is kept; it is good for that execution's callbacks and renders and nothing else.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

ADMIN_PREFIX = "pb_"


class Role(StrEnum):
    """What the holder of an admin token may do; `engine.core.permissions` says what that is."""

    VIEWER = "viewer"
    TECHNICIAN = "technician"
    ADMIN = "admin"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An admin token as it is kept: without the token itself."""

    SHOWN: ClassVar = ("groups",)

    id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of nodes it is limited to; empty means all of them, as every token of this version does."""
        return ()


def new_admin_token() -> str:
    """A fresh admin token with 192 bits of chance."""
    return ADMIN_PREFIX + secrets.token_urlsafe(24)


def digest(token: str) -> str:
    """What is kept of a token: its SHA-256 in hexadecimal. Enough, since tokens are long and random."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def capability(key: bytes, execution_id: str) -> str:
    """The capability token of an execution: HMAC-SHA256 of its id, 32 characters of URL-safe base64."""
    mac = hmac.new(key, b"execution:" + execution_id.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:24]).decode()
