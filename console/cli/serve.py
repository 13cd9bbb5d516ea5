"""`pureboot serve`: engine and servers without a screen."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from console.cli.options import load_settings, settings_options

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.settings import Settings


@click.command()
@settings_options(shown=True)
@click.pass_context
def serve(ctx: click.Context) -> None:
    """Run PureBoot without a screen until SIGTERM or Ctrl+C; it logs to standard error."""
    from console.cli.logs import to_stderr

    settings = load_settings(ctx)
    to_stderr(settings.log.level, settings.log.format)
    until_signal(lambda: _serve(settings))


async def _serve(settings: "Settings") -> None:
    from bootsrv.doors import Doors
    from engine.app import PureBoot
    from engine.collector import calm

    async with PureBoot(settings, beside=True) as pureboot:
        require_host(pureboot)
        calm()
        async with Doors(pureboot):
            await asyncio.Event().wait()


def require_host(pureboot: "PureBoot") -> None:
    """Refuse to be a second server on a store.

    Raises:
        Unavailable: another process hosts it.
    """
    from engine.errors import Unavailable

    if not pureboot.is_host:
        raise Unavailable(
            "another PureBoot serves this store already; stop that one first, give this one a store of its own "
            "(--database-url), or run `pureboot` to open a console on it"
        )


def until_signal(work: Callable[[], Awaitable[None]]) -> None:
    """Run until it ends by itself or SIGTERM or SIGINT comes, which is a good end."""

    async def run() -> None:
        task = asyncio.ensure_future(work())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
