"""What the disk and the database library do at best: the limits behind all other figures."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.bench.rounds import Tell
from tests.bench.sizes import Sizes
from tests.bench.stores import sqlite_place
from tests.bench.table import Figure, Row

_BLOCK = b"x" * 4096


def disk(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """Flushes and commits a second."""
    for name, measure in (
        ("append 4 KiB + fdatasync, /s", _appends),
        ("sqlite3, WAL, FULL: 1-row commits/s", _commits),
    ):
        tell(name)
        found = []
        for _ in range(sizes.rounds):
            with sqlite_place() as at:
                found.append(measure(at.folder / "file", sizes.workflows))
        yield Row(name=f"limit: {name}", ours="", peer="this machine", other=Figure(tuple(found)))


def _appends(path: Path, count: int) -> float:
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        began = time.perf_counter()
        for _ in range(count):
            os.write(file, _BLOCK)
            os.fdatasync(file)
        return count / (time.perf_counter() - began)
    finally:
        os.close(file)


def _commits(path: Path, count: int) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE fact (at REAL);")
        began = time.perf_counter()
        for _ in range(count):
            connection.execute("INSERT INTO fact VALUES (?)", (time.time(),))
        return count / (time.perf_counter() - began)
