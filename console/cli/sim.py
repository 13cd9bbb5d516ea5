"""`pureboot sim`."""

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from console.cli.options import json_option

if TYPE_CHECKING:
    from bootsrv.simulator import Rack

_DEFAULT_TFTP_PORT = 69


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
@json_option
def sim(
    server: str,
    nodes: int,
    tftp_port: int,
    speed: float,
    over: float,
    every: float | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    """Simulated machines that boot from a running PureBoot by real TFTP and HTTP, and perform what it tells them.

    Unknown ones report themselves; with --every they notice what was started on them when they are switched on again.
    """
    from console.cli import output
    from console.cli.logs import to_stderr
    from console.cli.serve import until_signal

    if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname:
        raise click.UsageError(f"{server!r} is no URL; write http://address:port")
    to_stderr("warning", "console")
    rack = _rack(server.rstrip("/"), tftp_port, nodes, speed)
    until_signal(lambda: _run(rack, over, every, seconds))
    if as_json:
        output.show_json(rack.counters)
    else:
        click.echo(_summary(rack))


def _rack(server: str, tftp_port: int, nodes: int, speed: float) -> "Rack":
    from bootsrv.simulator import Network, Rack
    from console.demo.content import scenario

    hardware = [planned.hardware for planned in scenario(nodes).machines]
    return Rack(hardware, Network(url=server, tftp_port=tftp_port), speed=speed)


async def _run(rack: "Rack", over: float, every: float | None, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), rack.running():
            pause = over / len(rack.machines)
            for mac_address in rack.machines:
                rack.power_on(mac_address)
                await asyncio.sleep(pause)
            while every is not None:
                await asyncio.sleep(every)
                for mac_address in rack.machines:
                    rack.power_on(mac_address)
            await asyncio.Event().wait()


def _summary(rack: "Rack") -> str:
    counted = rack.counters
    return (
        f"{len(rack.machines)} machines: {counted.power_ons} power-ons, {counted.kernels} kernels and "
        f"{counted.disk_boots} disks booted, {counted.steps} steps, {counted.callbacks} calls, "
        f"{counted.tftp_bytes / 1e6:.1f} MB by TFTP, {counted.http_bytes / 1e6:.1f} MB by HTTP, "
        f"{counted.failures} failures, {counted.lost} lost on the way"
    )
