"""Requests in plain form: whole, in one piece, with no more in them than is read here.

What is not of this form is None, and aiohttp's to read: so a request is understood in the one sense that it can have,
or not at all.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from bootsrv.http.site import checked_host

MOST_BODY = 16 * 1024
_MOST_FIELDS = 2048

_FIELDS = re.compile(rb"(?:[A-Za-z-]{1,40}: [ -~]{0,300}\r\n){1,12}")
_QUESTION = frozenset(
    {"host", "user-agent", "connection", "accept", "accept-encoding", "accept-language", "cache-control"}
)
_REPORT = _QUESTION | {"authorization", "content-type", "content-length"}
_BEARER = re.compile(r"Bearer ([!-~]{1,256})")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Fields:
    """What the header fields say: the `host:port` that was asked, what asks (`User-Agent`), whether it is the last
    request on its connection, the token that is shown, the bytes of the body.
    """

    host: str
    agent: str
    is_last: bool
    token: str | None
    length: int


def split(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The request line, the lines of header fields (each with its end), and what comes after them."""
    line, _, rest = data.partition(b"\r\n")
    fields, end, body = rest.partition(b"\r\n\r\n")
    return (line, fields + b"\r\n", body) if end and len(fields) <= _MOST_FIELDS else None


@lru_cache(maxsize=64)
def question(lines: bytes) -> Fields | None:
    """The header fields of a question; None if there are others than iPXE sends. (Machines of one kind all send the
    same.)
    """
    return _read(lines, _QUESTION)


def report(lines: bytes, body: bytes) -> Fields | None:
    """The header fields of what a machine sends with its token; None if there are others, or if the body is not all of
    what comes after them.
    """
    fields = _report(lines)
    return None if fields is None or fields.token is None or fields.length != len(body) else fields


@lru_cache(maxsize=1024)  # a machine's reports and signs of life mostly have the same
def _report(lines: bytes) -> Fields | None:
    return _read(lines, _REPORT)


def _read(lines: bytes, known: frozenset[str]) -> Fields | None:
    if not _FIELDS.fullmatch(lines):
        return None
    listed = lines.decode("ascii").split("\r\n")[:-1]
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(": ") for line in listed)}
    if len(fields) != len(listed) or not fields.keys() <= known:
        return None
    host, connection = _host(fields.get("host", "")), fields.get("connection", "keep-alive").lower()
    token, length = fields.get("authorization"), fields.get("content-length", "0")
    bearer = None if token is None else _BEARER.fullmatch(token)
    if host is None or connection not in ("keep-alive", "close") or (token is not None and bearer is None):
        return None
    if not _LENGTH.fullmatch(length) or int(length) > MOST_BODY:
        return None
    agent = fields.get("user-agent", "")
    return Fields(host, agent, connection == "close", None if bearer is None else bearer[1], int(length))


_host = lru_cache(maxsize=64)(checked_host)
