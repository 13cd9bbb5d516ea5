"""The listening socket: how many may connect, from where, and how long they may say nothing.

aiohttp limits none of this itself, and a middleware would be too late: a connection that never sends a request is never
seen there. So connections are accepted here, and counted before aiohttp has one of them.
"""

import asyncio
import errno
import ipaddress
import logging
import os
import resource
import socket
from collections import defaultdict
from functools import lru_cache
from typing import Any, cast

from aiohttp import web

from bootsrv.http.accesslog import AccessLog
from bootsrv.http.answers import SIGNATURE, problem
from bootsrv.http.quick import QuickConnection
from bootsrv.http.site import Limits, Site, bracketed
from engine.errors import Conflict, Unavailable

_log = logging.getLogger(__name__)
_access_log = logging.getLogger("bootsrv.http.access")

_BACKLOG = 1024  # a rack that is switched on asks all at once
_AT_ONCE = 64
_SHUTDOWN_SECONDS = 2.0
_TELL_EVERY_SECONDS = 10.0
_OUT_OF_FILES_SECONDS = 0.5
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Listener:
    """Serves an application on one address and port; port 0 picks a free one."""

    def __init__(
        self,
        app: web.Application,
        *,
        host: str,
        port: int,
        setting: str,
        limits: Limits,
        quick: Site | None = None,
    ) -> None:
        """`setting` is the section of the settings that holds host and port, for what is said when they do not do.
        `quick` is there where machines ask for their scripts: those are answered without aiohttp.
        """
        self._quick = quick
        self._first: set[QuickConnection] = set()
        self._host, self._port, self._setting = host, port, setting
        self._limits = limits
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._open: defaultdict[str, list[_Coming]] = defaultdict(list)
        self._untaken: set[socket.socket] = set()  # accepted just now
        self._known = 0  # of them, those that may have ended included
        self._most = min(limits.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._turned_away = 0
        self._told_at = float("-inf")

    @property
    def address(self) -> tuple[str, int]:
        """Address and port it listens on.

        Raises:
            Conflict: it is not started.
        """
        if self._socket is None:
            raise Conflict("HTTP does not listen yet")
        host, port = self._socket.getsockname()[:2]
        return host, port

    @property
    def connections(self) -> int:
        """How many are open."""
        return sum(len(self._still_open(host)) for host in list(self._open))

    @property
    def quick_connections(self) -> int:
        """Of those the ones that aiohttp has not seen yet."""
        return len(self._first)

    @property
    def turned_away(self) -> int:
        """How many connections were refused, since it was made."""
        return self._turned_away

    async def start(self) -> None:
        """Listen.

        Raises:
            Unavailable: the port is taken or not permitted, or the address is not ours; the text says what to do.
        """
        self._socket = await self._listen()
        try:
            await self._runner.setup()
        except BaseException:
            self._socket.close()
            raise
        self._accepting = asyncio.create_task(self._accept(self._socket), name=f"{self._setting}-accept")
        _log.info("HTTP listens on %s port %d", *self.address)

    async def close(self) -> None:
        """Stop listening, let long polls and streams end, and give requests in work a moment."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        for accepted in self._untaken:
            accepted.close()
        if self._socket is not None:
            self._socket.close()
        await asyncio.gather(self._runner.cleanup(), *(each.stop(_SHUTDOWN_SECONDS) for each in self._first.copy()))

    async def _listen(self) -> socket.socket:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            listening = _bound(found[0][0], found[0][4])
        except OSError as error:
            where = f"{bracketed(self._host)} port {self._port}"
            raise Unavailable(f"HTTP cannot listen on {where}: {self._remedy(error)}") from None
        # What is accepted inherits it. It also ends a peer that keeps its window shut: that one acknowledges our probes
        # for ever, and takes nothing.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._limits.stall_seconds * 1000))
        return listening

    def _remedy(self, error: OSError) -> str:
        section = self._setting
        variable = f"PUREBOOT_{section.upper()}__PORT"
        if isinstance(error, socket.gaierror):
            return f"the name has no address; set {section}.host to an address of this machine, or 0.0.0.0 for all"
        match error.errno:
            case errno.EADDRINUSE:
                names = f"`ss -ltnp sport = :{self._port}` names it"
                return f"another program does ({names}); stop it, or set another {section}.port ({variable})"
            case errno.EACCES | errno.EPERM:
                need = "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
                return f"{need}; or set {section}.port to a higher one ({variable})"
            case errno.EADDRNOTAVAIL:
                return f"not an address of this machine (`ip address` lists them); set {section}.host to one of them"
        return os.strerror(error.errno or 0)

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            coming, error = _waiting(listening)
            if not coming and error is None:
                await _readable(listening)
                continue
            self._untaken.update(each for each, _ in coming)
            await asyncio.gather(*(self._take(each, where[0]) for each, where in coming))
            if error is not None:
                self._tell(f"no more connections can be opened: {error.strerror}")
                await asyncio.sleep(_OUT_OF_FILES_SECONDS)

    async def _take(self, accepted: socket.socket, host: str) -> None:
        self._untaken.discard(accepted)
        refusal = self._refusal(host)
        if refusal is not None:
            self._turn_away(accepted, refusal)
            return
        coming = _Coming()  # counts at once: others of its address may have come with it
        self._open[host].append(coming)
        self._known += 1
        try:
            coming.transport, _ = await asyncio.get_running_loop().connect_accepted_socket(self._begin, accepted)
        except OSError as error:
            _log.debug("a connection from %s was lost at once: %s", host, error)
            coming.is_lost = True
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise

    def _begin(self) -> asyncio.Protocol:
        if self._quick is None:
            return self._connection()
        first = QuickConnection(self._quick, others=self._connection, ended=self._first.discard)
        self._first.add(first)
        return first

    def _connection(self) -> "_Connection":
        return _Connection(
            cast("web.Server", self._runner.server),
            loop=asyncio.get_running_loop(),
            keepalive_timeout=self._limits.header_seconds,
            access_log_class=AccessLog,
            access_log=_access_log,
            lingering_time=self._limits.linger_seconds,
            auto_decompress=False,
        )

    def _refusal(self, host: str) -> str | None:
        here = self._limits.local_is_free and _is_loopback(host)
        most = self._limits.per_address
        if not here and len(self._open.get(host, ())) >= most and len(self._still_open(host)) >= most:
            return f"{host} has {most} connections already"
        if self._known >= self._most and self.connections >= self._most:
            return f"{self._most} connections are open"
        return None

    def _still_open(self, host: str) -> "list[_Coming]":
        """Forget those that have ended; done only when it matters, so each connection costs next to nothing."""
        still = [each for each in self._open[host] if not each.has_ended]
        self._known -= len(self._open[host]) - len(still)
        if still:
            self._open[host] = still
        else:
            del self._open[host]
        return still

    def _turn_away(self, accepted: socket.socket, reason: str) -> None:
        self._turned_away += 1
        self._tell(f"{self._turned_away} connections turned away so far: {reason}")
        accepted.setblocking(False)
        with accepted:
            try:
                accepted.send(_FULL)
            except OSError:
                return

    def _tell(self, message: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= _TELL_EVERY_SECONDS:
            self._told_at = now
            _log.warning("HTTP: %s", message)


class _Coming:
    """A connection from the moment at which it was accepted."""

    __slots__ = ("is_lost", "transport")

    def __init__(self) -> None:
        self.transport: asyncio.BaseTransport | None = None
        self.is_lost = False

    @property
    def has_ended(self) -> bool:
        """Whether it counts no more."""
        return self.is_lost or (self.transport is not None and self.transport.is_closing())


class _Connection(web.RequestHandler):
    """aiohttp's connection, but what is no HTTP is answered in our own form, and is no fault of ours to be logged."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what could not even be given to a handler."""
        if isinstance(exc, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise exc  # the peer has hung up before its answer: nobody to tell, nothing to mend
        if status >= 500:
            _log.error("a request of %s failed unexpectedly", request.remote, exc_info=exc)
        else:
            _log.info("what %s sent is not HTTP: %s", request.remote, type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        detail = "this is no HTTP request that can be read" if status < 500 else "PureBoot failed unexpectedly"
        response = problem(status, detail, headers=SIGNATURE)
        response.force_close()
        return response


def _waiting(listening: socket.socket) -> tuple[list[tuple[socket.socket, Any]], OSError | None]:
    """The connections that wait to be accepted, some at most; and why no more can be, if this machine is the reason."""
    found: list[tuple[socket.socket, Any]] = []
    for _ in range(_AT_ONCE):
        try:
            accepted, peer = listening.accept()
        except BlockingIOError:
            break
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                return found, error
            continue  # it was gone before it was accepted
        accepted.setblocking(False)
        found.append((accepted, peer))
    return found, None


async def _readable(listening: socket.socket) -> None:
    """Wait for a connection. `loop.sock_accept` would lose one if it is cancelled just when it has it."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(listening, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(listening)


@lru_cache(maxsize=4096)
def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _bound(family: int, address: Any) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.setblocking(False)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
