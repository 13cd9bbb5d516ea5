"""PureBoot as a subject: `python -m tests.bench.ours MODE --url URL --folder FOLDER …`; the runner starts it."""

import argparse
import asyncio
import contextlib
import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Action, Call, Outcome, Parameters, Registry
from engine.app import PureBoot
from engine.collector import calm
from engine.core.executions import LIVE, Performer
from engine.settings import load
from tests.bench.workload import KEYS, STEP_SECONDS, WARM_UP, Watch, append, in_ms, say

BY = "user:bench"
NAME = "work"


class Nothing(Parameters):
    """`bench.noop`."""


class Line(Parameters):
    """`bench.append`: a line for the file at `path`, then a pause."""

    path: Path


async def _noop(_call: Call) -> Outcome:
    return Outcome()


async def _append(call: Call) -> Outcome:
    append(call.parameters.path, call.execution_id, call.step_key)
    await asyncio.sleep(STEP_SECONDS)
    return Outcome()


ACTIONS = (
    Action(name="bench.noop", summary="nothing", performer=Performer.ENGINE, parameters=Nothing, run=_noop),
    Action(name="bench.append", summary="a line", performer=Performer.ENGINE, parameters=Line, run=_append),
)


def workflow(action: str, with_: str = "") -> str:
    """A workflow whose steps all have one action."""
    return f"name: {NAME}\nsteps:\n" + "".join(f"  - {{key: {key}, action: {action}{with_}}}\n" for key in KEYS)


NOOP = workflow("bench.noop")


@contextlib.asynccontextmanager
async def opened(url: str, folder: Path, **flags: Any) -> AsyncIterator[PureBoot]:
    """An open PureBoot with the actions of the benches."""
    defaults = {"database.url": url, "files.dir": str(folder / "files"), "auth.mode": "loose"}
    settings = load(environ={}, flags={**defaults, **flags})
    async with PureBoot(settings, actions=Registry([*BUILTIN, *ACTIONS])) as pureboot:
        calm()  # as `pureboot serve` does
        yield pureboot


async def publish(pureboot: PureBoot, text: str) -> None:
    """Have a workflow ready to be started."""
    [(document, _)] = await pureboot.workflows.import_(text, by=BY)
    await pureboot.workflows.publish(document.name, by=BY)


async def run_one(pureboot: PureBoot) -> None:
    """One workflow from its start to its end."""
    execution = await pureboot.executions.start(NAME, by=BY)
    await pureboot.executions.wait(execution.id)


async def at_once(pureboot: PureBoot, count: int) -> dict[str, float]:
    """What it takes to run so many that are started at once."""
    watch = Watch(count)
    await asyncio.gather(*(run_one(pureboot) for _ in range(count)))
    return watch.read()


async def closed_loop(pureboot: PureBoot, count: int, clients: int) -> list[float]:
    """Seconds each workflow took, run by so many clients, each one after another."""
    tickets = iter(range(count))
    latencies: list[float] = []

    async def client() -> None:
        for _ in tickets:
            began = time.perf_counter()
            await run_one(pureboot)
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(clients)))
    return latencies


class Probe:
    """Asks the event loop for a call each millisecond, and notes how late the latest came."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._loop = asyncio.get_running_loop()
        self._asked()

    def _asked(self) -> None:
        self._due = self._loop.time() + 0.001
        self._handle = self._loop.call_later(0.001, self._called)

    def _called(self) -> None:
        self.longest = max(self.longest, self._loop.time() - self._due)
        self._asked()

    def stop(self) -> float:
        """The longest turn in milliseconds."""
        self._handle.cancel()
        return self.longest * 1e3


async def work(options: argparse.Namespace) -> None:
    """All at once, then a closed loop."""
    began = time.perf_counter()
    async with opened(options.url, options.folder) as pureboot:
        open_seconds = time.perf_counter() - began
        await publish(pureboot, NOOP)
        await at_once(pureboot, WARM_UP)
        found = await at_once(pureboot, options.workflows)
        latencies = await closed_loop(pureboot, options.looped, options.clients)
        say(open_seconds=open_seconds, **found, **in_ms(latencies))


async def turns(options: argparse.Namespace) -> None:
    """All at once, with the event loop watched."""
    async with opened(options.url, options.folder) as pureboot:
        await publish(pureboot, NOOP)
        await at_once(pureboot, WARM_UP)
        probe = Probe()
        await at_once(pureboot, options.workflows)
        say(longest_ms=probe.stop())


async def cold(options: argparse.Namespace) -> None:
    """One workflow, as soon as can be."""
    async with opened(options.url, options.folder) as pureboot:
        await publish(pureboot, NOOP)
        await run_one(pureboot)
        say(finished=True)


async def kill(options: argparse.Namespace) -> None:
    """Start many and work until killed."""
    async with opened(options.url, options.folder) as pureboot:
        await publish(pureboot, workflow("bench.append", f", with: {{path: {options.folder / 'lines'}}}"))

        async def accepted() -> None:
            say(accepted=(await pureboot.executions.start(NAME, by=BY)).id)

        await asyncio.gather(*(accepted() for _ in range(options.workflows)))
        await asyncio.Event().wait()


async def resume(options: argparse.Namespace) -> None:
    """Open the store again, and wait until nothing is left to do."""
    began = time.perf_counter()
    async with opened(options.url, options.folder) as pureboot:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(options.patience):
                await _nothing_lives(pureboot)
        say(seconds=time.perf_counter() - began)


async def _nothing_lives(pureboot: PureBoot) -> None:
    while True:
        counts = await pureboot.executions.counts()
        if not any(counts.get(status) for status in LIVE):
            return
        await asyncio.sleep(0.02)


async def steady(options: argparse.Namespace) -> None:
    """So many workflows a second, started when their time comes whatever became of the earlier ones."""
    async with opened(options.url, options.folder) as pureboot:
        await publish(pureboot, NOOP)
        loop = asyncio.get_running_loop()
        began = loop.time()
        latencies = array("d")  # numbers alone: hundreds of thousands of objects would be taken for a leak

        async def one(due: float) -> None:
            await run_one(pureboot)
            latencies.append(loop.time() - due)

        async with asyncio.TaskGroup() as group:
            for number in range(int(options.seconds * options.per_s)):
                due = began + number / options.per_s
                await asyncio.sleep(due - loop.time())
                group.create_task(one(due))
        say(rate=len(latencies) / (loop.time() - began), **in_ms(latencies))


MODES = {each.__name__: each for each in (work, turns, cold, kill, resume, steady)}


def main() -> None:
    """Do what the runner asks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workflows", type=int, default=500)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--looped", type=int, default=500)
    parser.add_argument("--patience", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--per-s", type=float, default=100.0)
    options = parser.parse_args()
    asyncio.run(MODES[options.mode](options))


if __name__ == "__main__":
    main()
