"""Requests that no client sends: random bytes, broken heads, huge ones, bodies that lie, and clients that stop."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

Address = tuple[str, int]

PATIENCE, MIB = 20.0, 1024 * 1024
_PATHS = [
    "/health",
    "/nothing",
    "/boot.ipxe",
    "/boot.ipxe?mac=52:54:00:00:00:01",
    "/boot.ipxe?mac=%00%ff${x}&uuid=" + "9" * 300,
    "/files/",
    "/files/../../etc/passwd",
    "/files/%2e%2e/%2e%2e/etc/passwd",
    "/files/a%00b",
    "/files/" + "a/" * 2000,
    "/render/x/y",
    "/metadata/x/user-data",
    "/api/v1/nodes?limit=-1&offset=1e9&sort=%27",
    "/api/v1/report",
    "/api/v1/callback/x/step/y",
    "/hooks/x",
    "http://other/health",
    "*",
    "//",
    "/%zz",
]
_METHODS = ["GET", "GET", "GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get", "G\0T"]
_VERSIONS = ["1.1", "1.1", "1.0", "2", "9.9"]
_HEADS = [
    "Host: x",
    "Host: x\r\nHost: y",
    "Host: \r\n",
    "Host: a b",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Content-Length: 5\r\nContent-Length: 6",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 3",
    "Transfer-Encoding: gzip, chunked",
    "Content-Encoding: gzip",
    "Content-Type: application/json",
    "Content-Type: multipart/form-data; boundary=",
    "Expect: 100-continue",
    "Upgrade: websocket\r\nConnection: Upgrade",
    "Range: bytes=0-0,1-1,-99999999999999999999",
    "If-None-Match: " + '"x",' * 300,
    "If-Modified-Since: never",
    "Authorization: Bearer \x80\xff",
    "Authorization: Basic " + "A" * 3000,
    "Cookie: a=\x01",
    " folded: x",
    "no colon",
    ": no name",
    "X: " + "a" * 9000,
    "Accept: " + "*/*;q=0," * 500,
]
_BODIES = [
    b"",
    b"hello",
    b"{",
    b"[" * 5000,
    b'{"mac_address": "zz"}',
    b'{"mac_address": {"$": 1e999}}',
    b"\x1f\x8b\x08\0\0\0",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello",
    b"fffffffffffffffff\r\nx",
    b"5;" + b"x" * 9000,
    b"zz\r\n\r\n",
]


def request(chance: random.Random) -> bytes:
    """One of all kinds."""
    kind = chance.random()
    if kind < 0.1:
        return chance.randbytes(chance.randrange(1, 3000))
    if kind < 0.15:
        return _huge(chance)
    if kind < 0.45:
        return _well_formed(chance) * chance.choice([1, 1, 1, 5])
    head = [
        f"{chance.choice(_METHODS)} {chance.choice(_PATHS)} HTTP/{chance.choice(['1.1', '1.1', '1.0', '2', '9.9'])}"
    ]
    head += ["Host: x"] * (chance.random() < 0.7)
    head += chance.choices(_HEADS, k=chance.randrange(5))
    raw = "\r\n".join([*head, "", ""]).encode("latin-1") + chance.choice(_BODIES)
    if kind < 0.6:
        return raw * chance.choice([1, 1, 1, 5])
    broken = bytearray(raw)
    for _ in range(chance.randrange(1, 6)):
        broken[chance.randrange(len(broken))] = chance.choice((0, 10, 13, 32, 58, 255, chance.randrange(256)))
    return bytes(broken[: chance.randrange(1, len(broken) + 1)])


def _well_formed(chance: random.Random) -> bytes:
    """What HTTP allows, and no handler expects."""
    method, path, body = chance.choice(_METHODS[:8]), chance.choice(_PATHS[:-4]), chance.choice(_BODIES)
    more = chance.choice(["", "Range: bytes=9-1\r\n", "Content-Encoding: gzip\r\n", "Expect: 100-continue\r\n"])
    if method in ("GET", "HEAD"):
        return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode("latin-1")
    told = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}"
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{told}\r\n".encode("latin-1") + body


def _huge(chance: random.Random) -> bytes:
    match chance.randrange(4):
        case 0:
            return b"GET /" + b"a" * chance.randrange(8000, 300_000) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        case 1:
            return b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"b" * chance.randrange(8000, 300_000)
        case 2:
            lines = b"".join(b"X-%d: y\r\n" % index for index in range(chance.randrange(100, 5000)))
            return b"GET /health HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n"
    length = chance.randrange(MIB, 3 * MIB)
    head = b"POST /api/v1/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % length + b"[" * length


async def _send(chance: random.Random, address: Address, raw: bytes) -> str:
    """Send it in some pieces, and then wait or hang up; gives the first status, or what else came of it."""
    host = f"127.0.3.{chance.randrange(1, 250)}"
    reader, writer = await asyncio.open_connection(*address, local_addr=(host, 0))
    manner = chance.choice(["wait", "wait", "end", "hang up", "abort"])
    try:
        cut = chance.randrange(len(raw) + 1)
        for piece in (raw[:cut], raw[cut:]):
            writer.write(piece)
            await writer.drain()
        if manner == "abort":
            writer.transport.abort()
        if manner in ("abort", "hang up"):
            return manner
        if manner == "end":
            writer.write_eof()
        return _status(await reader.read(65536))
    except ConnectionError:
        return "cut off"
    finally:
        writer.close()


def _status(answer: bytes) -> str:
    if not answer:
        return "closed"
    words = answer.split(b" ", 2)
    good = words[0] in (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9") and len(words) == 3 and words[1].isdigit()
    return words[1].decode() if good else f"no HTTP: {answer[:80]!r}"


async def storm(
    chance: random.Random, address: Address, count: int, told: Counter[str], *, at_once: int = 25
) -> AsyncIterator[int]:
    """Send so many, `at_once` together; counts in `told` how each ended, and gives now and then how many are sent.

    Raises:
        TimeoutError: a connection was held for longer than the server says that it holds one.
    """
    for begin in range(0, count, at_once):
        together = [_send(chance, address, request(chance)) for _ in range(min(at_once, count - begin))]
        async with asyncio.timeout(PATIENCE):
            told.update(await asyncio.gather(*together))
        yield begin + len(together)
