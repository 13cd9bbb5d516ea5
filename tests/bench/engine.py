"""How many durable step transitions a second the engine makes, and how long a snapshot of a large site takes.

A transition is a row of state and its event, on the disk before anybody is told: an execution or an attempt begins or
ends. Workflows have 5 steps that only echo, so all there is to do is to keep book. Beside it a plain peer in the same
run: the same two rows a transition, written by hand with a commit each and the same durability, one after another.

Run it from the top of the source tree: `python -m tests.bench.engine`. PostgreSQL is taken if its programs are
installed (`apt-get install postgresql`).
"""

import asyncio
import contextlib
import json
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from engine.app import PureBoot
from engine.clock import new_id
from engine.core.events import Kind
from engine.core.nodes import Node
from engine.store import nodes
from engine.store.tx import Tx
from tests import postgres
from tests.store_settings import settings_for
from tests.story import ADA, published

STEPS = 5
WORKFLOW = "name: work\nsteps:\n" + "".join(f"  - {{key: s{at}, action: core.echo}}\n" for at in range(STEPS))
TRANSITIONS = frozenset({Kind.EXECUTION_STARTED, Kind.ATTEMPT_STARTED, Kind.ATTEMPT_FINISHED, Kind.EXECUTION_FINISHED})
IN_FLIGHT = (1, 50, 300)
EXECUTIONS = 300
PLAIN = 2000
NODES = 10_000
DATA = json.dumps({"status": "succeeded", "step": "s1", "attempt": 1, "attempt_id": new_id()})
TABLES = (
    "CREATE TABLE step (id INTEGER PRIMARY KEY, status TEXT NOT NULL)",
    "CREATE TABLE fact (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, data TEXT NOT NULL)",
)


async def executed(pureboot: PureBoot, in_flight: int) -> float:
    """Transitions a second with so many executions under way at once."""
    cursor = await pureboot.feed.cursor()
    left, made = min(EXECUTIONS, 20 * in_flight), 0
    begun = time.perf_counter()
    ended, waiting = 0, left - min(in_flight, left)
    await asyncio.gather(*(pureboot.executions.start("work", by=ADA) for _ in range(left - waiting)))
    async for batch in pureboot.feed.follow(cursor):
        made += sum(each.kind in TRANSITIONS for each in batch)
        over = sum(each.kind is Kind.EXECUTION_FINISHED for each in batch)
        ended += over
        if ended == left:
            break
        more, waiting = min(over, waiting), waiting - min(over, waiting)
        await asyncio.gather(*(pureboot.executions.start("work", by=ADA) for _ in range(more)))
    return made / (time.perf_counter() - begun)


def plain_sqlite(folder: Path) -> float:
    """Transitions a second of `sqlite3` alone, flushed as ours."""
    with contextlib.closing(sqlite3.connect(folder / "plain.db", isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", *TABLES):
            connection.execute(statement)
        begun = time.perf_counter()
        for number in range(PLAIN):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO step VALUES (?, 'running')", (number,))
            connection.execute("INSERT INTO fact VALUES (?, 'attempt.started', ?)", (number, DATA))
            connection.execute("COMMIT")
        return PLAIN / (time.perf_counter() - begun)


async def plain_postgres(url: str) -> float:
    """Transitions a second of asyncpg alone."""
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        for statement in TABLES:
            await connection.execute(statement)
        begun = time.perf_counter()
        for number in range(PLAIN):
            async with connection.transaction():
                await connection.execute("INSERT INTO step VALUES ($1, 'running')", number)
                await connection.execute("INSERT INTO fact VALUES ($1, 'attempt.started', $2)", number, DATA)
        return PLAIN / (time.perf_counter() - begun)
    finally:
        await connection.close()


async def fill(pureboot: PureBoot) -> None:
    """Make the nodes of a large site."""
    now = pureboot.context.now()

    def some(first: int) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            for number in range(first, first + 1000):
                mac = f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"
                facts = {"hostname": f"r{number:05}", "vendor": "Dell Inc.", "model": "PowerEdge R650"}
                moments = {"state_changed_at": now, "last_seen_at": now, "created_at": now, "updated_at": now}
                nodes.add(tx, Node(id=new_id(), mac_address=mac, tags=("r1",), **facts, **moments))  # type: ignore[arg-type]

        return work

    for first in range(0, NODES, 1000):
        await pureboot.context.database.write(some(first))


async def turns(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """How long `work` takes, and the longest turn of the event loop meanwhile; in milliseconds, best of five."""
    found: list[tuple[float, float]] = []
    for _ in range(5):
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            while True:
                asked = time.perf_counter()
                await asyncio.sleep(0.001)
                longest = max(longest, time.perf_counter() - asked - 0.001)

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        begun = time.perf_counter()
        await work()
        found.append(((time.perf_counter() - begun) * 1e3, longest * 1e3))
        watching.cancel()
    return min(each[0] for each in found), min(each[1] for each in found)


async def measure(name: str, url: str, folder: Path, plain: float) -> None:
    """Print the figures of one store beside its plain peer's."""
    async with PureBoot(settings_for(url, folder)) as pureboot:
        await published(pureboot, WORKFLOW)
        print(f"\n{name:36}{'transitions/s':>14}{'of plain':>10}")
        print(f"{'plain, a commit each':36}{plain:14.0f}{1:10.2f}")
        for in_flight in IN_FLIGHT:
            rate = await executed(pureboot, in_flight)
            print(f"{f'PureBoot, {in_flight} workflows in flight':36}{rate:14.0f}{rate / plain:10.2f}")
        await fill(pureboot)
        took, longest = await turns(pureboot.snapshot)
        print(f"snapshot of {NODES} nodes: {took:.0f} ms, longest turn of the event loop {longest:.1f} ms")


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """A folder for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


if __name__ == "__main__":
    with new_folder() as folder:
        alone = plain_sqlite(folder)
        asyncio.run(measure("SQLite (WAL, synchronous=FULL)", f"sqlite:///{folder / 'pureboot.db'}", folder, alone))
    if postgres.binaries() is None:
        print("\nPostgreSQL is not installed")
    else:
        with new_folder() as folder, postgres.cluster(durable=True) as server:
            alone = asyncio.run(plain_postgres(f"{server}/postgres"))
            asyncio.run(measure("PostgreSQL (fsync on)", f"{server}/template1", folder, alone))
