"""The work that each contender does, and how it is timed. Nothing is imported here that a peer would not need."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.sizes import STEPS

KEYS = tuple(f"s{number}" for number in range(STEPS))
WARM_UP = 20
STEP_SECONDS = 0.005  # how long a step takes that is there to be interrupted


def say(**line: Any) -> None:
    """Tell the runner."""
    print(json.dumps(line), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of the values does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def in_ms(latencies: Sequence[float]) -> dict[str, float]:
    """The middle and the slow end of some seconds, in milliseconds."""
    return {"p50": percentile(latencies, 0.5) * 1e3, "p99": percentile(latencies, 0.99) * 1e3}


class Watch:
    """Times `count` workflows: how many a second, and the processor time each took of this process."""

    def __init__(self, count: int) -> None:
        self._count, self._began, self._used = count, time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """What it shows now."""
        seconds, used = time.perf_counter() - self._began, time.process_time() - self._used
        return {"rate": self._count / seconds, "cpu_ms": used / self._count * 1e3}


def append(path: Path, workflow: str, step: str) -> None:
    """The effect of a step that may be interrupted: one line, which stays whatever happens to the process."""
    with path.open("a") as file:
        file.write(f"{workflow} {step}\n")


def by_threads(run_one: Callable[[], object], count: int, clients: int) -> list[float]:
    """Seconds each of `count` runs took, made by so many threads, each one after another."""
    tickets = iter(range(count))
    latencies: list[float] = []

    def client() -> None:
        for _ in _shared(tickets):
            began = time.perf_counter()
            run_one()
            latencies.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies


_taking = threading.Lock()


def _shared(tickets: Iterator[int]) -> Iterator[int]:
    while True:
        with _taking:
            ticket = next(tickets, None)
        if ticket is None:
            return
        yield ticket
