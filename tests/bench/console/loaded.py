"""The command `pureboot` with machines that report in its event loop: `python -m tests.bench.console.loaded RATE …`.

It is the real command; what is added is a task beside it in the same loop, which begins at SIGUSR1, ends at SIGUSR2,
and reports the progress of steps, RATE a second, as machines do. With `--no-screen` instead of the
console the engine and its doors alone are opened: what the console costs is what it has more.
"""

import asyncio
import contextlib
import itertools
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from console.cli import open as opening
from console.cli.main import cli

if TYPE_CHECKING:
    from engine.app import PureBoot

PIECES = 50  # a second


async def reporting(pureboot: "PureBoot", rate: int, going: asyncio.Event) -> None:
    """Report for ever, while `going` is set."""
    from engine.core.page import Page
    from engine.core.reports import ReportStatus, StepReport

    live, _ = await pureboot.executions.find(Page(limit=None, filters={"status": ("running",)}))
    keys = [(each.id, attempt.step_key) for each in live for attempt in each.attempts if attempt.is_open]
    turns = itertools.cycle(keys)
    percents = itertools.cycle(range(1, 100))
    due, sent = time.monotonic(), 0
    while True:
        if not going.is_set():
            await going.wait()
            due, sent = time.monotonic(), 0
        wanted = int((time.monotonic() - due) * rate) - sent
        sent += wanted
        calls = []
        for execution_id, step in itertools.islice(turns, wanted):
            report = StepReport(status=ReportStatus.PROGRESS, progress_percent=next(percents), message="at work")
            calls.append(pureboot.callbacks.report(execution_id, step, report))
        await asyncio.gather(*calls)
        await asyncio.sleep(1 / PIECES)


@contextlib.asynccontextmanager
async def beside(pureboot: "PureBoot", rate: int) -> AsyncIterator[None]:
    """Reports at so many a second beside what is done within, between the two signals."""
    going = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, going.set)
    loop.add_signal_handler(signal.SIGUSR2, going.clear)
    task = asyncio.create_task(reporting(pureboot, rate, going), name="bench-machines")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def main() -> None:
    """Open the console, or the engine alone."""
    rate = int(sys.argv.pop(1))
    if "--no-screen" in sys.argv:
        asyncio.run(_alone(rate))
        return
    plain = opening._doors

    @contextlib.asynccontextmanager
    async def doors(pureboot: "PureBoot", notices: list[str]) -> AsyncIterator[None]:
        async with plain(pureboot, notices), beside(pureboot, rate):
            yield

    opening._doors = doors
    cli(sys.argv[1:], prog_name="pureboot")


async def _alone(rate: int) -> None:
    from bootsrv.doors import Doors
    from engine.app import PureBoot
    from engine.collector import calm
    from engine.settings import load

    async with PureBoot(load()) as pureboot, Doors(pureboot), beside(pureboot, rate):
        calm()
        print("the engine is open", flush=True)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()


if __name__ == "__main__":
    main()
