"""A program in a terminal of its own, as a person sees it: what it paints and when, what it costs while it does."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.bench.subject import pss_mib
from tests.console.cli_support import ROOT

PATIENCE = 60.0
TAIL = 400_000
_TICKS = os.sysconf("SC_CLK_TCK")


class Screen:
    """One program in a pseudo-terminal. Whatever it writes is read at once, and counted."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (80, 24)) -> None:
        """`size` is columns and lines."""
        self.bytes = 0
        self.shown = b""
        self._mine, theirs = pty.openpty()
        columns, lines = size
        fcntl.ioctl(self._mine, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        variables = {**os.environ, **env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        for name in ("NO_COLOR", "COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE"):
            variables.pop(name, None)
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            list(argv), stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=variables, start_new_session=True
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        try:
            self._drain_until_gone(5.0)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._mine)

    def _drain_until_gone(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < ends:
            self.read(0.05)

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.perf_counter() - self.began

    def read(self, seconds: float) -> bytes:
        """What it writes next, within so long; nothing if nothing comes."""
        ready, _, _ = select.select([self._mine], [], [], max(0.0, seconds))
        if not ready:
            return b""
        try:
            piece = os.read(self._mine, 262_144)
        except OSError:  # it has ended
            time.sleep(min(seconds, 0.05))
            return b""
        self.bytes += len(piece)
        self.shown = (self.shown + piece)[-TAIL:]
        return piece

    def watch(self, seconds: float) -> int:
        """Read for so long; gives how many bytes came."""
        before, ends = self.bytes, time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self.read(left)
        return self.bytes - before

    def settle(self, quiet: float, patience: float = 10.0) -> None:
        """Read until nothing has come for a while, or patience ends: some never stop."""
        ends = time.monotonic() + patience
        while time.monotonic() < ends and self.read(quiet):
            pass

    def until(self, pattern: "re.Pattern[bytes]") -> float:
        """Read until something was painted; gives how old the program is then.

        Raises:
            RuntimeError: it was not, in all that time.
        """
        while not pattern.search(self.shown):
            self.read(0.5)
            if self.age > PATIENCE or self.process.poll() is not None:
                last = self.shown[-1500:].decode(errors="replace")
                raise RuntimeError(f"{pattern.pattern!r} was not painted, but: {last!r}")
        return self.age

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._mine, keys)

    def answer(self, keys: bytes, holds: Callable[[bytes], bool], patience: float = 10.0) -> float:
        """Type, and read until something holds of all that was painted since; gives the seconds, or `patience`."""
        seen = b""
        began = time.perf_counter()
        self.press(keys)
        while not holds(seen):
            left = patience - (time.perf_counter() - began)
            if left <= 0:
                return patience
            seen += self.read(left)
        return time.perf_counter() - began

    def signal(self, number: signal.Signals) -> None:
        """Tell it something by a signal."""
        self.process.send_signal(number)

    @property
    def cpu_seconds(self) -> float:
        """The processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def mib(self) -> float:
        """Its share of memory (PSS)."""
        return pss_mib(self.process.pid)
