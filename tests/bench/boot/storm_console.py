"""Somebody at a console while a storm passes: keys are pressed in a real terminal, and their answers awaited.

`down` and `up` in the list of machines are answered when the cursor's colour is painted on another line; `?` when the
last line of the help is there.
"""

import os
import re
import select
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.console.cli_support import Terminal

DOWN, UP, ESCAPE, LEAVE = "\x1b[B", "\x1b[A", "\x1b", "\x11"
CURSOR_ROW = re.compile(rb"\x1b\[(\d+);1H\x1b\[[\d;]*48;2;41;64;90m")
HELP = b"previous row"
PAUSE_SECONDS, PATIENCE, HELP_EVERY = 0.3, 30.0, 10


@dataclass(slots=True)
class Pressed:
    """What was found: seconds to the answer of each key, by kind, and what went wrong."""

    moves: list[float] = field(default_factory=list)
    helps: list[float] = field(default_factory=list)
    error: str = ""


class _Screen(Terminal):
    """A terminal that is read in small portions."""

    row = 0  # the line on which the cursor was painted last

    def portion(self, seconds: float) -> bytes:
        """What is painted now, or first within so long."""
        ready, _, _ = select.select([self._screen], [], [], seconds)
        shown = os.read(self._screen, 65536) if ready else b""
        rows = CURSOR_ROW.findall(shown)
        self.row = int(rows[-1]) if rows else self.row
        return shown

    def watch(self, seconds: float) -> None:
        """Read for so long."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self.portion(left)

    def seconds_until(self, holds: Callable[[bytes], bool]) -> float:
        """Read until something holds of the last bytes that were painted.

        Raises:
            AssertionError: it does not, in all that time.
        """
        began, tail = time.perf_counter(), b""
        while not holds(tail := tail[-200:] + self.portion(1.0)):
            assert time.perf_counter() - began < PATIENCE, "a key was not answered"
        return time.perf_counter() - began


class Somebody(threading.Thread):
    """Presses keys in `pureboot WORDS` until told to leave."""

    def __init__(self, env: Mapping[str, str], *words: str) -> None:
        super().__init__(daemon=True)
        self.found = Pressed()
        self.pid = 0
        self._env, self._words = env, words
        self._left = threading.Event()

    def leave(self) -> Pressed:
        """Have the console closed; gives what was found."""
        self._left.set()
        self.join()
        return self.found

    def run(self) -> None:
        """Sit down, press, leave."""
        try:
            with _Screen(*self._words, env=self._env) as screen:
                self.pid = screen.process.pid
                screen.seconds_until(lambda _: bool(screen.row))
                screen.watch(1.0)
                number = 0
                while not self._left.is_set():
                    number += 1
                    self._press(screen, number)
                screen.press(LEAVE)
                screen.end()
        except (AssertionError, OSError) as error:
            self.found.error = str(error)[-2000:]

    def _press(self, screen: _Screen, number: int) -> None:
        if number % HELP_EVERY == 0:
            screen.press("?")
            self.found.helps.append(screen.seconds_until(lambda shown: HELP in shown))
            screen.press(ESCAPE)
        else:
            before = screen.row
            screen.press(DOWN if number % 2 else UP)
            self.found.moves.append(screen.seconds_until(lambda _: screen.row != before))
        screen.watch(PAUSE_SECONDS)
