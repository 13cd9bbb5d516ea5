"""Words for tests of what becomes of a store under a running PureBoot."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Action, Call, Outcome, Parameters, Registry
from engine.app import PureBoot
from engine.core.events import Kind
from engine.core.executions import Performer
from engine.errors import Unavailable
from tests.store_settings import settings_for
from tests.story import PATIENCE, published


class Stream:
    """Notes one number after another, several at once; `acknowledged` are those of which the store said so."""

    def __init__(self, pureboot: PureBoot) -> None:
        self._pureboot = pureboot
        self._number = 0
        self.acknowledged: set[int] = set()
        self.refused: list[str] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Stream"]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run()) for _ in range(4)]
            yield self
            for task in tasks:
                task.cancel()

    async def _run(self) -> None:
        while True:
            self._number += 1
            number = self._number
            try:
                await self._pureboot.note(Kind.NODE_UPDATED, number=number, text="x" * 200)
                self.acknowledged.add(number)
            except Unavailable as error:
                self.refused.append(str(error))
                await asyncio.sleep(0.05)

    async def more(self, count: int = 40) -> None:
        """Return when so many more were acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.acknowledged) < wanted:  # noqa: ASYNC110 - a stream of writes tells nobody
                await asyncio.sleep(0.01)

    async def refusal(self, words: str) -> None:
        """Return when a write was refused with these words."""
        async with asyncio.timeout(PATIENCE):
            while not any(words in each for each in self.refused):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def holds(found: Callable[[], bool]) -> None:
    """Return when something has come true."""
    async with asyncio.timeout(PATIENCE):
        while not found():  # noqa: ASYNC110 - the writer thread tells nobody
            await asyncio.sleep(0.01)


async def in_store(pureboot: PureBoot) -> set[int]:
    found = await pureboot.events_after(0, 100_000)
    return {each.data["number"] for each in found if "number" in each.data}


def in_file(path: Path) -> set[int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT json_extract(data, '$.number') FROM event WHERE kind = 'node.updated'"
        return {number for (number,) in connection.execute(query)}


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def backup(path: Path, to: Path) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as one, contextlib.closing(sqlite3.connect(to)) as other:
        one.backup(other)
    return to


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "engine.store.outage"]


class Slow:
    """An action that ends when it is let go; it counts how often it began, by idempotency key."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self._let_go = asyncio.Event()

    def go(self) -> None:
        self._let_go.set()

    async def run(self, call: Call) -> Outcome:
        self.began.append(call.idempotency_key)
        await self._let_go.wait()
        return Outcome(output={"by": call.idempotency_key})

    @contextlib.asynccontextmanager
    async def opened(self, url: str, folder: Path) -> AsyncIterator[PureBoot]:
        """A PureBoot that has the action, and the workflow `slow` of two such steps."""
        parts = {"performer": Performer.ENGINE, "parameters": Parameters, "run": self.run}
        actions = Registry((*BUILTIN, Action(name="test.slow", summary="", **parts)))  # type: ignore[arg-type]
        async with PureBoot(settings_for(url, folder), actions=actions) as pureboot:
            await published(pureboot, "name: slow\nsteps: [{key: a, action: test.slow}, {key: b, action: test.slow}]")
            yield pureboot


async def checkpointed(path: Path) -> None:
    """Have another connection bring the whole log into the file; readers, which it waits for, can end meanwhile."""

    def checkpoint() -> None:
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as other:
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0

    await asyncio.to_thread(checkpoint)


@contextlib.asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """While entered, another program keeps the store locked against writers."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(path_of(url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    import asyncpg

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE event, writer IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()
