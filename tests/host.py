"""A process that hosts a store until it is stopped: `python -m tests.host STORE_URL FOLDER LEASE`.

Prints `hosts` each time it has become a host, logs to the standard error, and leaves in order on SIGTERM. The action
`test.work` writes its beginning and end to the file `witness` in the folder, a line each, and lasts until the file
that it names as its gate is there too.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Action, Call, Outcome, Parameters, Registry
from engine.app import PureBoot
from engine.clock import new_id
from engine.core.executions import Performer
from tests.store_settings import settings_for
from tests.story import PATIENCE


class Work(Parameters):
    """What it waits for."""

    gate: str = "witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the witness's: `begin` or `end` of a performance of the attempt with a key, and by which process."""

    what: str
    key: str
    step: str
    pid: int
    at: float


class Witness:
    """The file with all that was performed, by whomever."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "witness"
        self._path.touch()

    async def work(self, call: Call) -> Outcome:
        self._write("begin", call)
        while not self._path.with_name(call.parameters.gate).exists():  # noqa: ASYNC110 - other processes make it
            await asyncio.sleep(0.02)
        self._write("end", call)
        return Outcome(output={"by": os.getpid()})

    def _write(self, what: str, call: Call) -> None:
        with self._path.open("ab", buffering=0) as file:  # one write of a short line is whole, whoever else writes
            file.write(f"{what} {call.idempotency_key} {call.step_key} {os.getpid()} {time.time()}\n".encode())

    def open(self, gate: str) -> None:
        """Let go on what waits at a gate."""
        self._path.with_name(gate).touch()

    def lines(self) -> list[Line]:
        rows = (line.split() for line in self._path.read_text().splitlines())
        return [Line(what=row[0], key=row[1], step=row[2], pid=int(row[3]), at=float(row[4])) for row in rows]

    def keys(self, what: str) -> Counter[str]:
        """How often each key began or ended."""
        return Counter(line.key for line in self.lines() if line.what == what)


def actions(witness: Witness) -> Registry:
    """The built-in ones and `test.work`."""
    work = Action(name="test.work", summary="", performer=Performer.ENGINE, parameters=Work, run=witness.work)
    return Registry((*BUILTIN, work))


class HostProcess:
    """Such a process, seen from outside."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    async def hosts(self) -> None:
        """Wait until it has become a host, once more."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            assert await self._process.stdout.readline() == b"hosts\n", self.log

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; gives its exit code."""
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()


@contextlib.asynccontextmanager
async def host_process(url: str, folder: Path, lease: float) -> AsyncIterator[HostProcess]:
    """Such a process, killed at the end if it still lives."""
    log = folder / f"host-{new_id()}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.host", url, str(folder), str(lease)),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        yield HostProcess(process, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def host(url: str, folder: Path, lease: float) -> None:
    """Host until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    settings = settings_for(url, folder, engine__lease=lease)
    async with PureBoot(settings, beside=True, actions=actions(Witness(folder))) as pureboot:
        told = asyncio.create_task(_tell(pureboot))
        await stopped.wait()
        told.cancel()


async def _tell(pureboot: PureBoot) -> None:
    while True:
        await pureboot.hosting()
        print("hosts", flush=True)
        while pureboot.is_host:  # noqa: ASYNC110 - it does not tell when it ends
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(host(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
