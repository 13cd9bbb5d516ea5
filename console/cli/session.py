"""An open store for the length of one command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from console.cli.options import load_settings

if TYPE_CHECKING:
    from engine.app import PureBoot

T = TypeVar("T")


def ask(ctx: click.Context, work: "Callable[[PureBoot], Awaitable[T]]") -> T:
    """Open the store beside whoever hosts it, do the work, and close it."""
    from console.cli.logs import to_stderr
    from engine.app import PureBoot

    settings = load_settings(ctx)
    to_stderr("warning", settings.log.format)

    async def run() -> T:
        async with PureBoot(settings, host=False) as pureboot:
            return await work(pureboot)

    return asyncio.run(run())


def follow(ctx: click.Context, work: "Callable[[PureBoot], Awaitable[None]]") -> None:
    """As `ask`, for what only ends when the person at the terminal ends it."""
    try:
        ask(ctx, work)
    except KeyboardInterrupt:
        ctx.exit(130)  # as a shell has it for SIGINT
