"""A process of the rack: it ends with the test, and with the test's process however that ends."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path

from tests.e2e.lab.console import Console

_PATIENCE_SECONDS = 5.0


class Child:
    """One running program; what it prints is its `log`."""

    def __init__(self, process: Process, log: Console, pump: asyncio.Task[None]) -> None:
        self.pid = process.pid
        self.log = log
        self._process = process
        self._pump = pump

    @classmethod
    async def start(cls, *command: str, log: Path | None = None) -> "Child":
        """Start a program. The kernel kills it when this process is gone, so that even `kill -9` leaves nothing."""
        process = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "KILL", "--", *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        console = Console(Path(command[0]).name, log)
        assert process.stdout is not None
        return cls(process, console, asyncio.create_task(console.follow(process.stdout)))

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    async def ended(self) -> int:
        """Wait for its end and give its exit code; by then `log` is complete."""
        code = await self._process.wait()
        await asyncio.shield(self._pump)
        return code

    async def wait(self, timeout: float) -> int:
        """The same, for a time.

        Raises:
            TimeoutError: it still runs after `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            return await self.ended()

    async def stop(self) -> None:
        """End it: asked first, then made to."""
        if self.running:
            self._process.terminate()
            try:
                await self.wait(_PATIENCE_SECONDS)
            except TimeoutError:
                self._process.kill()
        await self.ended()
