# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
"""Huey as a subject: a pipeline of 5 tasks in an SQLite queue that flushes each commit, and a consumer in the process.

It takes a task off the queue before it runs it, so what a kill interrupts is lost; hence it has no part in that bench.
"""

import argparse
from pathlib import Path

from huey import SqliteHuey
from huey.api import Result

from tests.bench.workload import KEYS, WARM_UP, Watch, by_threads, in_ms, say

WORKERS = 4


def consumed(path: Path) -> SqliteHuey:
    """A queue with a consumer that works on it in this process's threads."""
    huey = SqliteHuey(filename=str(path), fsync=True)
    consumer = huey.create_consumer(workers=WORKERS, periodic=False, initial_delay=0.001, max_delay=0.01, backoff=1.2)
    consumer.start()
    return huey


class Work:
    """The pipeline."""

    def __init__(self, huey: SqliteHuey) -> None:
        @huey.task()
        def noop(_: object = None) -> int:
            return 1

        self._huey, self._noop = huey, noop

    def start(self) -> Result:
        """Queue one; gives the result of its last task."""
        pipeline = self._noop.s()
        for _ in KEYS[1:]:
            pipeline = pipeline.then(self._noop)
        return list(self._huey.enqueue(pipeline))[-1]

    def run_one(self) -> None:
        """One from its start to its end."""
        _ended(self.start())

    def at_once(self, count: int) -> dict[str, float]:
        """What it takes to run so many that are queued at once."""
        watch = Watch(count)
        for result in [self.start() for _ in range(count)]:
            _ended(result)
        return watch.read()


def _ended(result: Result) -> None:
    result.get(blocking=True, timeout=120, backoff=1.0, max_delay=0.002)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("work", "cold"))
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workflows", type=int, default=500)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--looped", type=int, default=500)
    options = parser.parse_args()
    work = Work(consumed(options.folder / "huey.db"))
    if options.mode == "cold":
        work.run_one()
        say(finished=True)
        return
    work.at_once(WARM_UP)
    found = work.at_once(options.workflows)
    say(**found, **in_ms(by_threads(work.run_one, options.looped, options.clients)))


if __name__ == "__main__":
    main()
