"""`pureboot demo`."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli.options import CHOICES, Given, ascii_option, settings_options
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.demo.site import Site
    from console.preferences import Preferences
    from engine.app import PureBoot
    from engine.settings import Reading

NODES = 24


@click.command()
@click.option("--nodes", default=NODES, show_default=True, type=click.IntRange(1, 2000), help="How many machines.")
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 1000), help="2 is twice as fast.")
@click.option("--no-screen", "--serve", "no_screen", is_flag=True, help="Print what happens instead of a screen.")
@ascii_option
@settings_options()
@click.pass_context
def demo(ctx: click.Context, nodes: int, speed: float, no_screen: bool) -> None:
    """Open the console on a simulated rack.

    Everything is in a temporary folder that is removed at the end, and on loopback: machines boot by real TFTP and HTTP
    from this process. A machine that you start a workflow on is switched on a second later.
    """
    from console.cli.open import require_terminal

    given = ctx.find_root().ensure_object(Given)
    if given.config is not None:
        raise click.UsageError("the demo has settings of its own; give it single ones, such as --http-port")
    if not no_screen:
        require_terminal("pureboot demo --no-screen")
    with _folder() as folder:
        if no_screen:
            _without_screen(folder, nodes, speed, given.flags)
        else:
            _with_screen(ctx, folder, nodes, speed, given.flags)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that is gone afterwards; the log beside it stays if something went wrong."""
    with tempfile.TemporaryDirectory(prefix="pureboot-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _with_screen(ctx: click.Context, folder: Path, nodes: int, speed: float, flags: Mapping[str, Any]) -> None:
    from console.cli.logs import to_file
    from console.cli.open import run_app

    reading = _wanted(folder, flags)
    log = folder.with_suffix(".log")
    to_file(log, _level(flags, "info"), "console")

    @asynccontextmanager
    async def open_() -> "AsyncIterator[PureBoot]":
        from console.demo.site import open_demo

        async with open_demo(folder, count=nodes, speed=speed, flags=flags) as site:
            yield site.pureboot

    run_app(ctx, open_, log=log, title="PureBoot demo", wanted=lambda: _preferences(reading))
    log.unlink(missing_ok=True)


def _wanted(folder: Path, flags: Mapping[str, Any]) -> "Reading":
    """What is wanted of the console itself; of a demo nothing is remembered.

    Raises:
        BadSettings: something in it is wrong.
    """
    from console.cli.lazy import lines
    from console.cli.options import BadSettings, check_keys
    from engine.settings import read

    no_file = folder / "console.yaml"
    no_file.write_text("{}\n", encoding="utf-8")
    try:
        reading = read(config=no_file, environ={}, flags={k: flags[k] for k in flags if k.startswith("console.")})
        check_keys(reading)
    except PureBootError as error:
        raise BadSettings("\n".join(lines(error))) from None
    return reading


def _preferences(reading: "Reading") -> "Preferences":
    from console.preferences import preferences

    return preferences(reading.settings.console, origins=reading.origins)


def _level(flags: Mapping[str, Any], default: str) -> str:
    """How much is logged; a level that is none is refused with the other settings."""
    level = flags.get("log.level", default)
    return str(level) if level in CHOICES["log.level"] else default


def _without_screen(folder: Path, nodes: int, speed: float, flags: Mapping[str, Any]) -> None:
    from console.cli.logs import to_stderr
    from console.cli.serve import until_signal

    to_stderr(_level(flags, "error"), "console")

    async def run() -> None:
        from console.demo.site import open_demo

        async with open_demo(folder, count=nodes, speed=speed, flags=flags) as site:
            await _tell(site)

    until_signal(run)


async def _tell(site: "Site") -> None:
    """Print what happens, for ever."""
    from console.cli.events import follow_events

    tftp = site.doors.tftp_address
    where = f"{site.doors.http_url}, TFTP on port {tftp[1]}" if tftp else site.doors.http_url
    click.echo(f"{len(site.rack.machines)} simulated machines at {where}; Ctrl+C ends it", err=True)
    await follow_events(site.pureboot, await site.pureboot.feed.cursor(), as_json=False)
