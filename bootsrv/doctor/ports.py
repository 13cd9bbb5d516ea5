"""The network as this machine has it: ports free or held by our own server, and the address that nodes are told."""

import asyncio
import errno
import ipaddress
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from bootsrv.doctor.finding import Finding, ok, problem, warning
from engine.settings import PRIVILEGED_TFTP_PORT, UNPRIVILEGED_TFTP_PORT, Settings

_SECONDS = 2.0
_ANSWER = 64 * 1024
_ALLOW_69 = (
    "run as root, or allow it: AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, "
    "or `setcap cap_net_bind_service=+ep` on the Python that runs it"
)


class Port(StrEnum):
    """What trying to listen on a port came to."""

    FREE = "free"
    TAKEN = "taken"
    FORBIDDEN = "forbidden"
    NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a running PureBoot says of itself: the status of each of its parts."""

    parts: Mapping[str, Any]

    @property
    def tftp(self) -> str:
        """Where its TFTP server listens, in its own words; empty if it does not."""
        part = self.parts.get("tftp", {})
        return str(part.get("message", "")) if part.get("status") == "ok" else ""


async def check_network(settings: Settings) -> list[Finding]:
    """Look at the ports and at `server.url`."""
    return await asyncio.to_thread(_check_network, settings)


def _check_network(settings: Settings) -> list[Finding]:
    running = ask_here(settings)
    http = _try(socket.SOCK_STREAM, settings.http.host, settings.http.port)
    return [
        judge_http(settings.http.host, settings.http.port, http, running),
        _check_tftp(settings, running),
        _check_server_url(settings, running),
    ]


def ask_here(settings: Settings) -> Running | None:
    """Ask the PureBoot of these settings, if it runs on this machine."""
    return ask(f"http://{_reachable(settings.http.host)}:{settings.http.port}") if settings.http.port else None


def _reachable(host: str) -> str:
    """An address to ask at for a host that may stand for all addresses."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"[{shown}]" if ":" in shown else shown


def ask(url: str) -> Running | None:
    """Ask whoever answers at a base URL whether it is PureBoot; None if nobody does, or somebody else."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=_SECONDS) as answer:  # noqa: S310
            body = json.loads(answer.read(_ANSWER))
    except urllib.error.HTTPError as answer:  # 503: a part of it is not ready
        try:
            body = json.loads(answer.read(_ANSWER))
        except (OSError, ValueError):
            return None
    except (OSError, ValueError):
        return None
    return parts_of(body)


def parts_of(body: Any) -> Running | None:
    """Read the answer of `/health/ready`, also that of one that is not ready."""
    if not isinstance(body, dict):
        return None
    data = body.get("data") or body
    parts = data.get("parts") if isinstance(data, dict) else None
    return Running(parts=parts) if isinstance(parts, dict) and "store" in parts else None


def _try(kind: int, host: str, port: int) -> Port:
    """Try to listen, for a moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            if kind == socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            return _WHY.get(error.errno or 0, Port.NOT_OURS)
    return Port.FREE


_WHY = {errno.EADDRINUSE: Port.TAKEN, errno.EACCES: Port.FORBIDDEN, errno.EPERM: Port.FORBIDDEN}


def judge_http(host: str, port: int, found: Port, running: Running | None) -> Finding:
    """What was found out about the HTTP port."""
    where = f"port {port} of {host}"
    if running is not None:
        return ok("http", f"PureBoot serves on {where}")
    if found is Port.FREE:
        return ok("http", f"{where} is free")
    return _judge_refused("http", where, port, found, "http.port")


def _judge_refused(name: str, where: str, port: int, found: Port, key: str) -> Finding:
    kind = "u" if name == "tftp" else "t"
    if found is Port.TAKEN:
        see = f"`ss -ln{kind}p 'sport = :{port}'` names it"
        return problem(name, f"{where} is used by another program", f"stop it ({see}), or choose another with {key}")
    if found is Port.FORBIDDEN:
        return problem(name, f"{where} is not allowed to this user", f"{_ALLOW_69}; or choose another with {key}")
    return problem(name, f"{where}: this machine has no such address", f"set {key.replace('port', 'host')}")


def _check_tftp(settings: Settings, running: Running | None) -> Finding:
    tftp = settings.tftp
    if not tftp.enabled:
        return warning("tftp", "switched off (tftp.enabled)", "switch it on, or serve the loaders by other means")
    port = PRIVILEGED_TFTP_PORT if tftp.port is None else tftp.port
    found = _try(socket.SOCK_DGRAM, tftp.host, port)
    fallback = _try(socket.SOCK_DGRAM, tftp.host, UNPRIVILEGED_TFTP_PORT) if tftp.port is None else None
    return judge_tftp(tftp.host, port, found, fallback, running)


def judge_tftp(host: str, port: int, found: Port, fallback: Port | None, running: Running | None) -> Finding:
    """What was found out about the TFTP port. `fallback` is the port that is taken where 69 is not allowed, if any."""
    where = f"port {port} of {host}"
    if running is not None and running.tftp:
        elsewhere = running.tftp.endswith(f"port {UNPRIVILEGED_TFTP_PORT}") and port == PRIVILEGED_TFTP_PORT
        return _on_6969(running.tftp) if elsewhere else ok("tftp", f"PureBoot serves on {running.tftp}")
    if found is Port.FREE:
        return ok("tftp", f"{where} is free")
    if found is Port.FORBIDDEN and fallback is Port.FREE:
        return _on_6969(f"{host} port {UNPRIVILEGED_TFTP_PORT}")
    return _judge_refused("tftp", where, port, found, "tftp.port")


def _on_6969(where: str) -> Finding:
    text = f"port 69 is not allowed to this user, so TFTP is on {where}; firmware only ever asks on 69"
    return warning("tftp", text, _ALLOW_69)


def _check_server_url(settings: Settings, running: Running | None) -> Finding:
    url = settings.server.url
    if not url:
        return judge_unset_url(settings.http.host)
    host = urlsplit(url).hostname or ""
    if ask(url) is not None:
        return _judge_address(url, host, is_ours=True, answers=True)
    if running is not None:
        text = f"{url} does not answer, although PureBoot runs"
        return problem("server.url", text, "set server.url to an address of this machine, with the port of http.port")
    return _judge_address(url, host, is_ours=_is_ours(host), answers=False)


def judge_unset_url(http_host: str) -> Finding:
    """What it means that no `server.url` is set."""
    if _is_loopback(http_host):
        fix = "set http.host to 0.0.0.0 or to the address of the provisioning network"
        return problem("server.url", f"PureBoot listens on {http_host} only: no node can reach it", fix)
    return ok("server.url", "not set: each node is told the address under which it asked")


def _judge_address(url: str, host: str, *, is_ours: bool, answers: bool) -> Finding:
    if _is_loopback(host):
        fix = "set server.url to the address of this machine in the provisioning network"
        return problem("server.url", f"{url} is this machine itself: no node can reach it", fix)
    if answers:
        return ok("server.url", f"{url} answers")
    if is_ours:
        return ok("server.url", f"{url} is an address of this machine")
    fix = "set server.url to an address of this machine, or make sure that the address leads here"
    return warning("server.url", f"{url} is not an address of this machine", fix)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _is_ours(host: str) -> bool:
    """Whether a name or address belongs to this machine: then a socket can be bound to it."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            try:
                probe.bind(address)
            except OSError:
                continue
            return True
    return False
