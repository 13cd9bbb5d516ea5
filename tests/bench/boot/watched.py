"""The command `pureboot` with a clock in its event loop: `python -m tests.bench.boot.watched serve …`.

It is the real command and nothing else of it is changed. A ticker in its loop notes how late each tick was; for each
line on standard input it prints those since the line before, in milliseconds, as one line of JSON.
"""

import asyncio
import json
import sys
import threading
import time

from console.__main__ import main

TICK = 0.002


class _Ticker:
    """Notes how late a loop is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.late: list[float] = []
        self._loop = loop
        self._due = 0.0
        self._wait()

    def _wait(self) -> None:
        self._due = time.perf_counter() + TICK
        self._loop.call_later(TICK, self._tick)

    def _tick(self) -> None:
        self.late.append(1e3 * (time.perf_counter() - self._due))
        self._wait()

    def tell(self) -> None:
        """Print what was noted, whenever somebody asks."""
        for _ in sys.stdin:
            late, self.late = self.late, []
            print(json.dumps([round(each, 3) for each in late]), flush=True)


class _Watched(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        threading.Thread(target=_Ticker(loop).tell, name="bench-lags", daemon=True).start()
        return loop


if __name__ == "__main__":
    asyncio.set_event_loop_policy(_Watched())
    main()
