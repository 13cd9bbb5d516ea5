"""One warm process that forks for each piece of work it is handed, a line of JSON each: a killed child harms nobody."""

import asyncio
import gc
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn, Self


def fork_for_each_line(warm_up: Callable[[], Awaitable[None]], live: Callable[[Mapping[str, Any]], NoReturn]) -> None:
    """Import all that is needed, then fork for each line of the standard input; tell how each child ended."""

    async def warm() -> None:
        await warm_up()

    asyncio.run(warm())
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()  # else each child copies all that there is, just by looking for garbage in it
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            live(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


class Forker:
    """The other end of it. One piece of work at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, module: str) -> Self:
        """Start it."""
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(sys.executable, "-m", module, stdin=pipe, stdout=pipe))

    async def hand(self, work: Mapping[str, Any]) -> list[int]:
        """Let a child do it; gives the numbers that it and its parent said, its exit code last."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(work).encode() + b"\n")
        return [int(word) for word in (await self.process.stdout.readline()).split()]

    async def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()
