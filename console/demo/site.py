"""The demo as a whole: a folder that is thrown away, a PureBoot in it with a past, and machines that boot from it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bootsrv.doors import Doors
from bootsrv.loaders import BIOS_LOADER, LOCALBOOT, UEFI_CAREFUL_LOADER, UEFI_LOADER, Loaders
from bootsrv.simulator import Network, Orders, Rack
from console.demo.content import scenario
from console.demo.director import Director
from console.demo.past import write_past
from engine.app import PureBoot
from engine.settings import Settings, load

MIB = 1024 * 1024
HOST = "127.0.0.1"
HTTP_PORT, TFTP_PORT = 8080, 6969
_FILES = {
    "debian-12/linux": 3 * MIB,
    "debian-12/initrd.gz": 9 * MIB,
    "rescue/linux": 3 * MIB,
    "rescue/initrd.gz": 6 * MIB,
}
_LOADER_BYTES = {BIOS_LOADER: 70_000, UEFI_LOADER: 300_000, UEFI_CAREFUL_LOADER: 250_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An open demo."""

    pureboot: PureBoot
    doors: Doors
    rack: Rack


@contextlib.asynccontextmanager
async def open_demo(
    folder: Path, *, count: int = 24, speed: float = 1.0, flags: Mapping[str, Any] | None = None
) -> AsyncIterator[Site]:
    """Open a demo in an empty folder; `flags` are settings that win over the demo's own.

    Raises:
        Unavailable: a port that was asked for is taken.
    """
    settings = await asyncio.to_thread(prepare, folder, flags or {})
    plan = scenario(count)
    under_way = await write_past(settings, plan, datetime.now(UTC))
    async with contextlib.AsyncExitStack() as stack:
        pureboot = await stack.enter_async_context(PureBoot(settings))
        doors = await stack.enter_async_context(Doors(pureboot))
        tftp = doors.tftp_address
        network = Network(url=doors.http_url, tftp_port=tftp[1] if tftp else TFTP_PORT)
        rack = Rack((planned.hardware for planned in plan.machines), network, speed=speed)
        await stack.enter_async_context(rack.running())
        for each in under_way:
            callback = f"{doors.http_url}/api/v1/callback/{each.execution_id}"
            rack.machines[each.mac_address].resume(Orders(callback=callback, token=each.token))
        director = Director(pureboot, rack, plan)
        await stack.enter_async_context(_beside(director.run(await pureboot.feed.cursor())))
        yield Site(pureboot=pureboot, doors=doors, rack=rack)


@contextlib.asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name="demo-director")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def prepare(folder: Path, flags: Mapping[str, Any]) -> Settings:
    """Make the demo's files and settings; what the user has set elsewhere has no part in it.

    Raises:
        Invalid: a flag is wrong.
    """
    files, loaders = folder / "files", folder / "loaders"
    for name, size in _FILES.items():
        _make_file(files / name, size)
    missing = {each.name for each in Loaders(None, folder / "cache").missing()}
    for name, size in _LOADER_BYTES.items():
        if name in missing:
            _make_file(loaders / name, size)
    # A machine of the demo never runs it, so it need not be made.
    _make_file(loaders / LOCALBOOT, 100_000)
    own = {
        "database.url": f"sqlite:///{folder / 'pureboot.db'}",
        "http.host": HOST,
        "http.port": _free(socket.SOCK_STREAM, HTTP_PORT),
        "tftp.host": HOST,
        "tftp.port": _free(socket.SOCK_DGRAM, TFTP_PORT),
        "auth.mode": "loose",
        "files.dir": str(files),
        "files.loaders": str(loaders),
    }
    no_file = folder / "pureboot.yaml"
    no_file.write_text("{}\n", encoding="utf-8")
    return load(config=no_file, environ={}, flags={**own, **flags})


def _make_file(path: Path, size: int) -> None:
    """A file of zeros that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def _free(kind: int, wanted: int) -> int:
    """The port, if nobody has it; else 0, which is any."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            return 0
    return wanted
