"""A process that is measured: started fresh, told what to do by its arguments, and heard by the lines it prints.

Every line is JSON. Meanwhile its peak of memory is watched from outside: the share of memory that is its own (PSS), so
that libraries which others have loaded as well count in part.
"""

import contextlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.sizes import Sizes

TOP = Path(__file__).parent.parent.parent
PATIENCE = 300.0  # seconds until a subject is given up
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Somebody who does the work: its name in the table, its module, what it is told, the package it needs."""

    name: str
    module: str
    options: tuple[str, ...] = ()
    needs: str | None = None

    def missing(self, sizes: Sizes) -> str | None:
        """Why it takes no part; None if it does."""
        if self.needs is None:
            return None
        if not sizes.peers:
            return "left out"
        if importlib.util.find_spec(self.needs) is None:
            return f"{self.needs} is not installed (pip install '.[bench]')"
        return None


def _environment() -> dict[str, str]:
    """Ours, but bytecode is kept: libraries that pip installed have theirs, and whoever has none pays at each start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Subject:
    """One running process."""

    def __init__(self, module: str, *arguments: object, env: Mapping[str, str] | None = None) -> None:
        """Start `python -m module arguments` from the top of the source tree."""
        self.began = time.perf_counter()
        command = [sys.executable, "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(
            command,
            cwd=TOP,
            env={**_environment(), **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._what = " ".join([module, *map(str, arguments[:1])])
        self.peak_mib = 0.0
        self.complaints: list[str] = []
        self.seconds = 0.0
        self._lines: queue.SimpleQueue[tuple[float, str] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._listen, self._listen_to_complaints, self._weigh)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def line(self, patience: float = PATIENCE) -> dict[str, Any]:
        """The next line it prints; `seconds` is then how long after its start that was.

        Raises:
            RuntimeError: it ended without one, or took too long; with what it complained of.
        """
        try:
            found = self._lines.get(timeout=patience)
        except queue.Empty:
            self.kill()
            raise RuntimeError(f"{self._what} said nothing for {patience:g} s: {self._last_words()}") from None
        if found is None:
            self._process.wait()
            self._threads[1].join()
            raise RuntimeError(f"{self._what} ended ({self._process.returncode}): {self._last_words()}")
        at, text = found
        self.seconds = at - self.began
        line: dict[str, Any] = json.loads(text)
        return line

    def lines(self) -> list[dict[str, Any]]:
        """What it has printed and nobody has taken, once it has ended."""
        self._threads[0].join()
        found = []
        while (line := self._lines.get()) is not None:
            found.append(json.loads(line[1]))
        return found

    def tell(self) -> None:
        """Let it go on to its end: it waits for its standard input to close."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def end(self) -> None:
        """Wait until it has ended by itself."""
        self.tell()
        self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End it and all it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        """The processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # peers also print banners
                self._lines.put((time.perf_counter(), line))
        self._lines.put(None)

    def _listen_to_complaints(self) -> None:
        assert self._process.stderr is not None
        self.complaints.extend(self._process.stderr)

    def _weigh(self) -> None:
        while self._process.poll() is None:
            self.peak_mib = max(self.peak_mib, pss_mib(self.pid))
            time.sleep(_SAMPLE_SECONDS)

    def _last_words(self) -> str:
        words = [line.strip() for line in self.complaints if line.strip()]
        return words[-1] if words else "no complaint"


@contextlib.contextmanager
def started(module: str, *arguments: object, env: Mapping[str, str] | None = None) -> Iterator[Subject]:
    """A subject for as long as it is needed."""
    subject = Subject(module, *arguments, env=env)
    try:
        yield subject
    finally:
        subject.close()


def result_of(module: str, *arguments: object, env: Mapping[str, str] | None = None) -> dict[str, float]:
    """What a subject finds out that prints one line and ends; `peak_mib` is put beside it."""
    with started(module, *arguments, env=env) as subject:
        found = subject.line()
        subject.end()
        return {**found, "peak_mib": subject.peak_mib}


def pss_mib(pid: int) -> float:
    """The share of memory that is a process's own, in MiB; 0 if it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0
