"""The least that a durable callback can cost: a bare aiohttp handler that reads JSON and adds a row, flushed when it
answers. No token, no check, no workflow. `--write database` adds it through our `Database.write`, `--write sqlite3`
with nothing but the standard library and a writer thread that commits what waits.
"""

import argparse
import asyncio
import contextlib
import json
import queue
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.bench.workload import say

Add = Callable[[str, str, Any], Awaitable[None]]

_MOST = 500


@contextlib.asynccontextmanager
async def through_database(folder: Path) -> AsyncIterator[Add]:
    """Adds an event by `Database.write`."""
    from engine.core.events import Kind, NewEvent
    from engine.store import events
    from engine.store.database import open_database
    from engine.store.migrate import migrate

    database = await open_database(f"sqlite:///{folder / 'bare.db'}")
    await migrate(database)

    async def add(execution: str, step: str, body: Any) -> None:
        at = datetime.now(UTC)
        fact = NewEvent(kind=Kind.ATTEMPT_PROGRESSED, at=at, execution_id=execution, step_key=step, data=body)
        await database.write(lambda tx: events.append(tx, [fact]))

    try:
        yield add
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def through_sqlite3(folder: Path) -> AsyncIterator[Add]:
    """Adds a row with `sqlite3` alone."""
    waiting: queue.SimpleQueue[tuple[tuple[str, ...], asyncio.Future[None]] | None] = queue.SimpleQueue()
    loop = asyncio.get_running_loop()

    def write() -> None:
        with contextlib.closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as connection:
            connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
            connection.execute("CREATE TABLE fact (id INTEGER PRIMARY KEY, execution, step, at, data)")
            connection.execute("CREATE INDEX fact_of_execution ON fact (execution, id)")
            while (item := waiting.get()) is not None:
                batch = [item]
                with contextlib.suppress(queue.Empty):
                    while len(batch) < _MOST and (item := waiting.get_nowait()) is not None:
                        batch.append(item)
                connection.execute("BEGIN IMMEDIATE")
                rows = [row for row, _ in batch]
                connection.executemany("INSERT INTO fact (execution, step, at, data) VALUES (?, ?, ?, ?)", rows)
                connection.execute("COMMIT")
                loop.call_soon_threadsafe(acknowledge, [future for _, future in batch])

    def acknowledge(futures: list[asyncio.Future[None]]) -> None:
        for future in futures:
            if not future.done():
                future.set_result(None)

    async def add(execution: str, step: str, body: Any) -> None:
        future: asyncio.Future[None] = loop.create_future()
        waiting.put(((execution, step, datetime.now(UTC).isoformat(), json.dumps(body)), future))
        await future

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield add
    finally:
        waiting.put(None)
        writer.join()


WAYS = {"database": through_database, "sqlite3": through_sqlite3}


async def serve(options: argparse.Namespace) -> None:
    """Answer until the standard input is closed."""
    async with WAYS[options.write](options.folder) as add:

        async def report(request: web.Request) -> web.Response:
            body = await request.json()
            await add(request.match_info["execution"], request.match_info["step"], body)
            return web.json_response({"success": True, "data": {"result": "recorded"}})

        app = web.Application()
        app.router.add_post("/api/v1/callback/{execution}/step/{step}", report)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        say(port=runner.addresses[0][1])
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()


def main() -> None:
    """Do what the runner asks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", choices=WAYS, required=True)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
