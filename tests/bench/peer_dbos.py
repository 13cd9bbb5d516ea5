# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"
"""DBOS Transact as a subject, with the same modes as ours. `--wal` gives its SQLite file the write-ahead log first.

It keeps a workflow's start, the outcome of each step and its end, in a transaction each; after a kill it runs again
what has no outcome. Its SQLite file is as it makes it: rollback journal, `synchronous=FULL`.
"""

import argparse
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from dbos import DBOS, DBOSConfig

from tests.bench.workload import KEYS, STEP_SECONDS, WARM_UP, Watch, append, by_threads, in_ms, say

LIVE = ["PENDING", "ENQUEUED"]


@DBOS.step()
def noop() -> None:
    pass


@DBOS.workflow()
def work_of_nothing() -> None:
    for _ in KEYS:
        noop()


@DBOS.step()
def line(path: str, key: str) -> None:
    append(Path(path), str(DBOS.workflow_id), key)
    time.sleep(STEP_SECONDS)


@DBOS.workflow()
def work_of_lines(path: str) -> None:
    for key in KEYS:
        line(path, key)


@contextlib.contextmanager
def launched(options: argparse.Namespace) -> Iterator[None]:
    url = options.url.replace("+asyncpg", "")
    if options.wal:
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": url,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


def run_one() -> None:
    DBOS.start_workflow(work_of_nothing).get_result()


def at_once(count: int) -> dict[str, float]:
    watch = Watch(count)
    for handle in [DBOS.start_workflow(work_of_nothing) for _ in range(count)]:
        handle.get_result()
    return watch.read()


def work(options: argparse.Namespace) -> None:
    with launched(options):
        at_once(WARM_UP)
        found = at_once(options.workflows)
        say(**found, **in_ms(by_threads(run_one, options.looped, options.clients)))


def cold(options: argparse.Namespace) -> None:
    with launched(options):
        run_one()
        say(finished=True)


def kill(options: argparse.Namespace) -> None:
    with launched(options):
        for _ in range(options.workflows):
            handle = DBOS.start_workflow(work_of_lines, str(options.folder / "lines"))
            say(accepted=handle.get_workflow_id())
        time.sleep(options.patience)


def resume(options: argparse.Namespace) -> None:
    began = time.perf_counter()
    with launched(options):
        while DBOS.list_workflows(status=LIVE, limit=1) and time.perf_counter() < began + options.patience:
            time.sleep(0.02)
        say(seconds=time.perf_counter() - began)


MODES = {each.__name__: each for each in (work, cold, kill, resume)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workflows", type=int, default=500)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--looped", type=int, default=500)
    parser.add_argument("--patience", type=float, default=60.0)
    parser.add_argument("--wal", action="store_true")
    options = parser.parse_args()
    MODES[options.mode](options)


if __name__ == "__main__":
    main()
