"""Whether a long past costs anything: the first bench on a store that is full of what has ended.

The past is made in the file itself: one execution that the engine really ran is copied, with its attempts and events,
under new random ids; then it gets more events until there are as many as asked for. `python -m tests.bench aged --full`
does it with 100,000 executions and 5 million events.
"""

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.bench.rounds import OURS, Tell
from tests.bench.sizes import Sizes
from tests.bench.stores import Place, sqlite_place
from tests.bench.subject import result_of
from tests.bench.table import Aim, Figure, Row

_PIECE = 1000  # executions a transaction


def aged(sizes: Sizes, tell: Tell) -> Iterator[Row]:
    """The old store beside an empty one."""
    empty: list[dict[str, float]] = []
    old: list[dict[str, float]] = []
    with sqlite_place() as aged_place:
        tell(f"filling a store with {sizes.ended} executions and {sizes.past_events} events")
        result_of(OURS.module, "cold", "--url", aged_place.url, "--folder", aged_place.folder)
        fill(aged_place.folder / "store.db", sizes.ended, sizes.past_events)
        for number in range(sizes.rounds):
            tell(f"round {number + 1}: throughput on an empty and on an old store")
            with sqlite_place() as at:
                empty.append(_work(at, sizes))
            old.append(_work(aged_place, sizes))
    past = f"{sizes.ended:,} executions, {sizes.past_events:,} events past"
    for name, key, aim in (
        ("workflows/s", "rate", Aim(times_at_least=1 / 1.2)),
        ("p99 ms, closed loop", "p99", Aim(times_at_most=1.2)),
        ("s to open", "open_seconds", Aim(at_most=2)),
        ("peak memory MiB", "peak_mib", Aim(times_at_most=1.2)),
    ):
        yield Row(
            name=f"{name}, {past}",
            ours=Figure(tuple(each[key] for each in old)),
            peer="ours, empty store",
            other=Figure(tuple(each[key] for each in empty)),
            aim=aim,
        )


def _work(at: Place, sizes: Sizes) -> dict[str, float]:
    where = ("--url", at.url, "--folder", at.folder)
    load = ("--workflows", sizes.workflows, "--looped", sizes.workflows, "--clients", sizes.clients)
    return result_of(OURS.module, "work", *where, *load)


class Rows:
    """The rows of one table that belong to an execution, and how to add more like them."""

    def __init__(self, connection: sqlite3.Connection, table: str, key: str, value: str) -> None:
        found = connection.execute(f"SELECT * FROM {table} WHERE {key} = ? ORDER BY rowid", (value,))
        self.columns = [str(each[0]) for each in found.description]
        self.rows: list[tuple[Any, ...]] = found.fetchall()
        marks = ", ".join("?" * len(self.columns))
        self.insert = f"INSERT INTO {table} ({', '.join(self.columns)}) VALUES ({marks})"

    def like(self, row: Sequence[Any], **changes: Any) -> tuple[Any, ...]:
        """A row with some columns changed."""
        return tuple(changes.get(name, value) for name, value in zip(self.columns, row, strict=True))


def fill(path: Path, ended: int, past_events: int) -> None:
    """Copy the one execution in the store at `path` until there are so many, and so many events."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")
        (known,) = connection.execute("SELECT id FROM execution LIMIT 1").fetchone()
        executions = Rows(connection, "execution", "id", known)
        attempts = Rows(connection, "attempt", "execution_id", known)
        events = Rows(connection, "event", "execution_id", known)
        (there,) = connection.execute("SELECT count(*) FROM event").fetchone()
        each = max(len(events.rows), (past_events - there) // max(1, ended))
        for first in range(0, ended, _PIECE):
            ids = [str(uuid.uuid4()) for _ in range(first, min(first + _PIECE, ended))]
            connection.execute("BEGIN")
            connection.executemany(executions.insert, (_execution(executions, new) for new in ids))
            connection.executemany(
                attempts.insert,
                (attempts.like(row, id=str(uuid.uuid4()), execution_id=new) for new in ids for row in attempts.rows),
            )
            connection.executemany(
                events.insert,
                (
                    events.like(events.rows[number % len(events.rows)], id=None, execution_id=new)
                    for new in ids
                    for number in range(each)
                ),
            )
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _execution(rows: Rows, new: str) -> tuple[Any, ...]:
    return rows.like(rows.rows[0], id=new, token_digest=uuid.uuid4().hex * 2)
