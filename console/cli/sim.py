"""`pureboot sim`."""

import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from console.cli.options import json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootsrv.simulator import Rack

_DEFAULT_TFTP_PORT = 69
_TELL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """What happens when: see the options of the same names."""

    workflow: str | None
    token: str | None
    over: float
    every: float | None
    seconds: float | None
    once: bool


@click.command()
@click.option(
    "--server", required=True, metavar="URL", help="Where PureBoot serves HTTP, such as http://10.0.0.1:8080."
)
@click.option("--nodes", default=24, show_default=True, type=click.IntRange(1, 10_000), help="How many machines.")
@click.option("--tftp-port", type=click.IntRange(1, 65535), default=_DEFAULT_TFTP_PORT, show_default=True)
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 1000), help="2 is twice as fast.")
@click.option(
    "--over", default=10.0, show_default=True, type=click.FloatRange(0), help="Switch them on within so many s."
)
@click.option("--every", type=click.FloatRange(1), help="Switch machines that are off on again, every so many s.")
@click.option("--seconds", type=click.FloatRange(0), help="End after so many s; without, Ctrl+C ends it.")
@click.option(
    "--workflow",
    metavar="NAME",
    help="Make the machines nodes and start this workflow on each first; end when all are installed or have given up.",
)
@click.option("--token", envvar="PUREBOOT_TOKEN", help="For --workflow, where the API asks for one.")
@click.option(
    "--once",
    is_flag=True,
    help="End when each has booted its disk or given up; unknown ones stay and ask again.",
)
@click.option("--faults", is_flag=True, help="Some machines have dying disks or bad cables, as in the demo.")
@json_option
@click.pass_context
def sim(
    ctx: click.Context,
    /,
    server: str,
    nodes: int,
    tftp_port: int,
    speed: float,
    faults: bool,
    as_json: bool,
    **course: Any,
) -> None:
    """Simulated machines that boot from a running PureBoot by real TFTP and HTTP, and perform what it tells them.

    Unknown ones report themselves; with --every they notice what was started on them when they are switched on again.
    At the end it tells what became of them and how long each part of it took. The exit code is 1 if one has failed.
    """
    from console.cli import output
    from console.cli.logs import to_stderr
    from console.cli.serve import until_signal

    if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname:
        raise click.UsageError(f"{server!r} is no URL; write http://address:port")
    to_stderr("warning", "console")
    rack = _rack(server.rstrip("/"), tftp_port, nodes, speed, faults=faults)
    began = time.monotonic()
    until_signal(lambda: _run(rack, server, _Course(**course)))
    seconds = time.monotonic() - began
    if as_json:
        output.show_json(_data(rack, seconds))
    else:
        click.echo("\n".join(_summary(rack, seconds)))
    if rack.outcome.failed:
        ctx.exit(1)


def _rack(server: str, tftp_port: int, nodes: int, speed: float, *, faults: bool) -> "Rack":
    from dataclasses import replace

    from bootsrv.simulator import Network, Personality, Rack
    from console.demo.content import scenario

    hardware = [planned.hardware for planned in scenario(nodes).machines]
    if not faults:
        hardware = [replace(each, personality=Personality.STEADY, installed=False) for each in hardware]
    return Rack(hardware, Network(url=server, tftp_port=tftp_port), speed=speed)


async def _run(rack: "Rack", server: str, course: _Course) -> None:
    if course.workflow is not None:
        await _enrol(rack, server, course.workflow, course.token)
    with contextlib.suppress(TimeoutError), _telling(rack):
        async with asyncio.timeout(course.seconds), rack.running():
            pause = course.over / len(rack.machines)
            for mac_address in rack.machines:
                rack.power_on(mac_address)
                await asyncio.sleep(pause)
            while course.every is not None:
                await asyncio.sleep(course.every)
                for mac_address in rack.machines:
                    rack.power_on(mac_address)
            if course.once or course.workflow is not None:
                await rack.rest()
            else:
                await asyncio.Event().wait()


async def _enrol(rack: "Rack", server: str, workflow: str, token: str | None) -> None:
    from bootsrv.simulator.enrol import Api
    from engine.errors import Conflict

    async with Api(server, token) as api:
        await api.enrol(machine.hardware for machine in rack.machines.values())
        begun, refusals = await api.start(workflow, list(rack.machines))
    for refusal in refusals[:5]:
        click.echo(refusal, err=True)
    if not begun:
        raise Conflict(f"{workflow} was started on none of the {len(rack.machines)} machines")
    if refusals:
        click.echo(f"{workflow} was not started on {len(refusals)} of {len(rack.machines)} machines", err=True)


@contextlib.contextmanager
def _telling(rack: "Rack") -> "Iterator[None]":
    """While entered, a terminal shows in one line how far the machines are."""
    if not sys.stderr.isatty():
        yield
        return

    async def tell() -> None:
        while True:
            now = rack.outcome
            failed = f", {now.failed} given up" if now.failed else ""
            line = f"{now.installed} of {now.machines} installed{failed}, {rack.counters.http_bytes / 1e6:,.0f} MB"
            click.echo(f"\r\x1b[K{line}", nl=False, err=True)
            await asyncio.sleep(_TELL_SECONDS)

    telling = asyncio.ensure_future(tell())
    try:
        yield
    finally:
        telling.cancel()
        click.echo("\r\x1b[K", nl=False, err=True)


def _data(rack: "Rack", seconds: float) -> dict[str, Any]:
    """For programs: counts, what became of the machines, and the times of each stage in seconds."""
    from engine.core.shape import as_data

    spreads = as_data(rack.counters.times.spreads())
    return {**as_data(rack.counters), **as_data(rack.outcome), "seconds": seconds, "times": spreads}


_STAGES = {
    "loader": "loader by TFTP",
    "script": "boot script",
    "file": "each boot file",
    "answers": "answer file",
    "steps": "steps of the agent",
    "call": "each call of an agent",
    "install": "power on to new system",
}


def _summary(rack: "Rack", seconds: float) -> "Iterator[str]":
    """For people."""
    counted, became = rack.counters, rack.outcome
    parts = (
        (became.installed, "installed"),
        (became.on_disk, "booted their disk as it was"),
        (became.failed, "gave up"),
        (became.unfinished, "not done"),
    )
    said = ", ".join(f"{count} {what}" for count, what in parts if count) or "none was switched on"
    yield f"{became.machines} machines in {seconds:.1f} s: {said}"
    yield (
        f"{counted.power_ons} power-ons, {counted.kernels} kernels and {counted.disk_boots} disks booted, "
        f"{counted.steps} steps, {counted.callbacks} calls, {counted.heartbeats} heartbeats"
    )
    yield (
        f"{counted.tftp_bytes / 1e6:,.1f} MB by TFTP, {counted.http_bytes / 1e6:,.1f} MB by HTTP "
        f"({(counted.tftp_bytes + counted.http_bytes) / 1e6 / max(seconds, 1e-3):,.0f} MB/s)"
    )
    yield (
        f"{counted.failures} failures, {counted.lost} lost on the way, {counted.retries} calls made again, "
        f"{counted.refused} refused"
    )
    spreads = counted.times.spreads()
    if spreads:
        yield ""
        yield f"{'seconds':<24}{'count':>8}{'median':>10}{'p90':>10}{'p99':>10}{'longest':>10}"
    for stage, spread in spreads.items():
        times = "".join(f"{each:>10.3f}" for each in (spread.p50, spread.p90, spread.p99, spread.most))
        yield f"{_STAGES[stage]:<24}{spread.count:>8}{times}"
