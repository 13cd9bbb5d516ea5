"""What a way of writing allows at most: no engine, only the rows of one, flushed before anybody is told.

Each step is begun and ended durably, a guarded update and an event each, as ours are; but there is no graph, condition,
template or planner, and what comes next is known beforehand. `--commit each` commits every transition alone, `--commit
group` all that wait while the last commit runs.
"""

import argparse
import asyncio
import contextlib
import json
import queue
import sqlite3
import threading
import time
import uuid
from pathlib import Path

from tests.bench.workload import KEYS, WARM_UP, Watch, in_ms, say

TABLES = """
CREATE TABLE run (id TEXT PRIMARY KEY, status TEXT NOT NULL, step INTEGER NOT NULL, rev INTEGER NOT NULL);
CREATE TABLE fact (id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, data TEXT NOT NULL);
CREATE INDEX fact_of_run ON fact (run, id);
"""
ADD = "INSERT INTO run VALUES (?, 'running', 0, 0)"
MOVE = "UPDATE run SET status = ?, step = ?, rev = rev + 1 WHERE id = ? AND rev = ?"
NOTE = "INSERT INTO fact (run, kind, at, data) VALUES (?, ?, ?, ?)"

_Item = tuple[str, str, int, int, asyncio.Future[None]]


class Store:
    """One writer thread."""

    def __init__(self, path: Path, *, group: bool) -> None:
        self._path, self._most = path, 500 if group else 1
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._run)
        self._writer.start()

    async def transition(self, run: str, status: str, step: int, rev: int) -> None:
        """Return when it is on the disk."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((run, status, step, rev, future))
        await future

    def close(self) -> None:
        """End the writer."""
        self._queue.put(None)
        self._writer.join()

    def _run(self) -> None:
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + TABLES)
            while (item := self._queue.get()) is not None:
                batch = [item]
                with contextlib.suppress(queue.Empty):
                    while len(batch) < self._most and (item := self._queue.get_nowait()) is not None:
                        batch.append(item)
                connection.execute("BEGIN IMMEDIATE")
                for each in batch:
                    _write(connection, *each[:4])
                connection.execute("COMMIT")
                self._loop.call_soon_threadsafe(_acknowledge, batch)


def _write(connection: sqlite3.Connection, run: str, status: str, step: int, rev: int) -> None:
    if rev == 0:
        connection.execute(ADD, (run,))
    elif connection.execute(MOVE, (status, step, run, rev - 1)).rowcount != 1:
        raise RuntimeError("somebody else was faster")
    data = json.dumps({"status": status, "step": step, "attempt": 1})
    connection.execute(NOTE, (run, status, time.time(), data))


def _acknowledge(batch: list[_Item]) -> None:
    for *_, future in batch:
        future.set_result(None)


async def run_one(store: Store) -> None:
    """One workflow."""
    run = str(uuid.uuid4())
    await store.transition(run, "running", 0, 0)
    for step in range(len(KEYS)):
        await store.transition(run, "started", step, 2 * step + 1)
        await store.transition(run, "finished", step, 2 * step + 2)
    await store.transition(run, "succeeded", len(KEYS), 2 * len(KEYS) + 1)


async def at_once(store: Store, count: int) -> dict[str, float]:
    """What it takes to run so many that are started at once."""
    watch = Watch(count)
    await asyncio.gather(*(run_one(store) for _ in range(count)))
    return watch.read()


async def closed_loop(store: Store, count: int, clients: int) -> list[float]:
    """Seconds each took."""
    tickets = iter(range(count))
    latencies: list[float] = []

    async def client() -> None:
        for _ in tickets:
            began = time.perf_counter()
            await run_one(store)
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(clients)))
    return latencies


async def work(options: argparse.Namespace) -> None:
    """All at once, then a closed loop."""
    store = Store(options.folder / "floor.db", group=options.commit == "group")
    try:
        await at_once(store, WARM_UP)
        found = await at_once(store, options.workflows)
        say(**found, **in_ms(await closed_loop(store, options.looped, options.clients)))
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("work",))
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--commit", choices=("group", "each"), default="group")
    parser.add_argument("--workflows", type=int, default=500)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--looped", type=int, default=500)
    asyncio.run(work(parser.parse_args()))


if __name__ == "__main__":
    main()
