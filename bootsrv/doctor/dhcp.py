"""ProxyDHCP: its ports, and other servers that tell machines what to boot."""

import asyncio
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from bootsrv.dhcp import sockets
from bootsrv.dhcp.offer import BINL_PORT, SERVER_PORT
from bootsrv.dhcp.sockets import Hears
from bootsrv.doctor.finding import Finding, ok, problem, warning
from bootsrv.doctor.ports import Running, ask_here
from bootsrv.doctor.store import reading, sqlite_path
from engine.core.events import Kind
from engine.errors import PureBootError
from engine.settings import Settings

_NAME, _OTHERS = "dhcp", "other boot servers"
_EVENTS = 100_000  # how far back the log is searched: it has no index of kinds
_RECENT = timedelta(days=2)  # a server that is still there is told of once a day
_ALLOW = (
    "run PureBoot as root, or allow it: AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit; "
    "or set dhcp.mode: off and have the site's DHCP server name PureBoot"
)
_SEE = f"its log says why, as it started; where that is not permitted: {_ALLOW}"


async def check_dhcp(settings: Settings) -> list[Finding]:
    """Look at the ports of proxyDHCP, where it is wanted, and at what the log says of other servers."""
    if settings.dhcp.mode == "off":
        return [ok(_NAME, "off: the site's own DHCP server tells machines to boot from PureBoot")]
    ports = await asyncio.to_thread(_check_ports, settings)
    return [*ports, *await _check_others(settings)]


def _check_ports(settings: Settings) -> list[Finding]:
    here = sockets.interface_names()
    lost = [name for name in settings.dhcp.interfaces if name not in here]
    if lost:
        text = f"dhcp.interfaces names {', '.join(lost)}, which this machine has not"
        return [problem(_NAME, text, f"set dhcp.interfaces to some of {', '.join(here)}")]
    running = ask_here(settings)
    if running is not None:
        return [judge_running(running)]
    of = settings.dhcp.interfaces or (None,)
    return [judge_ports(_refusal(SERVER_PORT, of), _refusal(BINL_PORT, of))]


def _refusal(port: int, interfaces: tuple[str | None, ...]) -> OSError | None:
    """Why a port cannot be listened on, if so."""
    for interface in interfaces:
        try:
            sockets.listen(port, interface, Hears.ALL).close()
        except OSError as error:
            return error
    return None


def judge_running(running: Running) -> Finding:
    """What a running PureBoot says of its proxyDHCP."""
    part = running.parts.get("dhcp")
    if not isinstance(part, Mapping):
        return warning(_NAME, "the PureBoot that runs was started without dhcp.mode: proxy", "start it again")
    if part.get("status") == "ok":
        return ok(_NAME, f"PureBoot answers on {part.get('message')}")
    return problem(_NAME, f"PureBoot runs, but its proxyDHCP does not answer on port {SERVER_PORT}", _SEE)


def judge_ports(server: OSError | None, binl: OSError | None) -> Finding:
    """What trying to listen on ports 67 and 4011 came to; None where it worked."""
    if isinstance(server, PermissionError):
        return problem(_NAME, f"port {SERVER_PORT} is not allowed to this user", _ALLOW)
    if server is not None:
        text = f"port {SERVER_PORT} is {sockets.reason(server)}: proxyDHCP shares it, if the other one lets it"
        fix = "run the DHCP server on another machine, or have it name PureBoot and set dhcp.mode: off"
        return warning(_NAME, text, fix)
    if binl is not None:
        text = f"port {BINL_PORT} is {sockets.reason(binl)}: some UEFI firmware will not boot"
        return warning(_NAME, text, f"stop the other program: `ss -lunp 'sport = :{BINL_PORT}'` names it")
    return ok(_NAME, f"ports {SERVER_PORT} and {BINL_PORT} are free")


async def _check_others(settings: Settings) -> list[Finding]:
    path = sqlite_path(settings)
    try:
        if path is None:
            seen = await _of_postgres(settings.database.url)
        else:
            seen = await asyncio.to_thread(_of_sqlite, path)
    except (PureBootError, sqlite3.Error, ImportError):
        return []  # that the store cannot be read is another finding
    return judge_others(seen, datetime.now(UTC))


def judge_others(seen: list[tuple[datetime, Mapping[str, Any]]], now: datetime) -> list[Finding]:
    """What the log says of other servers: when each was seen, and what it told."""
    latest: dict[str, tuple[datetime, Mapping[str, Any]]] = {}
    for at, data in seen:
        if now - at < _RECENT:
            latest[str(data.get("server"))] = (at, data)
    if not latest:
        return [ok(_OTHERS, "none was seen")]
    fix = "take its boot options out (66, 67, next-server, filename), or set dhcp.mode: off"
    told = {
        f"{server} tells machines what to boot too: {data.get('file') or 'no file'} (seen {at:%Y-%m-%d %H:%M} UTC)"
        for server, (at, data) in latest.items()
    }
    return [warning(_OTHERS, text, fix) for text in sorted(told)]


def _of_sqlite(path: Path) -> list[tuple[datetime, Mapping[str, Any]]]:
    if not path.exists():
        return []
    newest = "SELECT COALESCE(MAX(id), 0) FROM event"
    query = f"SELECT at, data FROM event WHERE kind = ? AND id > ({newest}) - ? ORDER BY id"  # noqa: S608 - no text from elsewhere
    with reading(path) as connection:
        rows = connection.execute(query, (Kind.DHCP_OTHER_SERVER.value, _EVENTS)).fetchall()
    return [(datetime.fromisoformat(at).replace(tzinfo=UTC), orjson.loads(data)) for at, data in rows]


async def _of_postgres(url: str) -> list[tuple[datetime, Mapping[str, Any]]]:
    from engine.core.page import Page
    from engine.store import events
    from engine.store.database import open_database
    from engine.store.migrate import HEAD, revision

    database = await open_database(url)
    page = Page(limit=200, sort="id", filters={"kind": (Kind.DHCP_OTHER_SERVER.value,)})
    try:
        if await revision(database) != HEAD:
            return []
        found, _ = await database.read(lambda tx: events.find(tx, page, events.cursor(tx) - _EVENTS))
        return [(event.at, event.data) for event in found]
    finally:
        await database.close()
