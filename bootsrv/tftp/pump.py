"""A thread that waits for sockets and times, and calls what is due: an event loop with only what TFTP needs in it.

A transfer of blocks one by one is some hundred thousand turns a second, of which asyncio's loop would spend most on
itself, and the console would wait for each. Here a turn is a look into a dictionary. All callbacks run in this thread;
other threads hand over work with `call`.

The threads of a process run Python in turns. This one lets go of its turn with each system call and has it back before
another thread is awake, which therefore waits for as long as luck has it. So a busy pump rests for a moment in each
millisecond: then the event loop gets its turn for certain.
"""

import heapq
import itertools
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

_READY_AT_ONCE = 256
_LONGEST_WAIT = 60.0
_BUSY_SECONDS, _REST_SECONDS = 0.002, 1e-6  # the kernel makes some 60 microseconds of the latter: enough to wake up in
_ENOUGH_REST_SECONDS = 30e-6

Readable = Callable[[float], None]
"""Told the time of `Pump.now`."""


class Pump:
    """Call `start`, and `stop` in the end. Times are seconds of `time.monotonic`."""

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._epoll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._readers: dict[int, Readable] = {self._bell: self._heard_bell}
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._handed: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._rung = False
        self._goes_on = True
        self._rested_at = 0.0

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @staticmethod
    def now() -> float:
        """The time by which all is due."""
        return time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what was handed over before; waits for it. Call it from another thread."""
        self.call(self._end)
        self._thread.join()
        self._epoll.close()
        os.close(self._bell)

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have it called in the thread, soon; from any thread. After the end nothing is called any more."""
        if not self._goes_on:
            return
        self._handed.append((function, arguments))
        if not self._rung:
            self._rung = True
            os.eventfd_write(self._bell, 1)

    # --- in the thread only

    def watch(self, descriptor: int, readable: Readable) -> None:
        """Call `readable` whenever there is something to read, once a turn."""
        self._readers[descriptor] = readable
        self._epoll.register(descriptor, select.EPOLLIN)

    def watch_by(self, descriptor: int, readable: Readable) -> None:
        """From now on call another for what is watched."""
        self._readers[descriptor] = readable

    def unwatch(self, descriptor: int) -> None:
        """Not any more; before it is closed. It may be one that is not watched."""
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def at(self, when: float, due: Callable[[float], None]) -> None:
        """Call `due` then, once. What need not happen any more finds that out when it is called."""
        heapq.heappush(self._due, (when, next(self._order), due))

    def _end(self) -> None:
        self._goes_on = False

    def _run(self) -> None:
        while self._goes_on:
            try:
                self._turn()
            except Exception:  # of one reader or timer, and no reason to leave all others
                log.exception("a turn of TFTP failed")

    def _turn(self) -> None:
        due, readers = self._due, self._readers
        before = time.monotonic()
        wait = _LONGEST_WAIT if not due else max(0.0, due[0][0] - before)
        ready = self._epoll.poll(wait, _READY_AT_ONCE)
        now = time.monotonic()
        if now - before > _ENOUGH_REST_SECONDS:
            self._rested_at = now
        elif now - self._rested_at > _BUSY_SECONDS:
            time.sleep(_REST_SECONDS)
            self._rested_at = now = time.monotonic()
        for descriptor, _ in ready:
            readable = readers.get(descriptor)
            if readable is not None:
                readable(now)
        while due and due[0][0] <= now:
            heapq.heappop(due)[2](now)

    def _heard_bell(self, _now: float) -> None:
        os.eventfd_read(self._bell)
        self._rung = False
        while self._handed:
            function, arguments = self._handed.popleft()
            try:
                function(*arguments)
            except Exception:
                log.exception("work for TFTP failed")
