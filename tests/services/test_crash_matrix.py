"""A crash at every transaction boundary of a scenario: the same end as without, and no effect twice; on both databases.

The scenario and the ways to die are in `tests.crashing`. An outside witness sees the effects: it answers a key that
comes again as it answered it before, like any well-behaved peer, and counts how often each came.
"""

import asyncio
import contextlib
import itertools
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import update

from engine.core.events import Kind
from engine.core.executions import Attempt, Execution
from engine.core.page import EVERYTHING
from engine.store import events, executions, nodes
from engine.store.database import open_database
from engine.store.schema import engine_host
from engine.store.tx import Tx
from tests import postgres
from tests.clock import ManualClock
from tests.conftest import Opener
from tests.crashing import DIED, MAC, PLAYED, STRUCK, Life, Nursery, prepare

NURSERIES = 2
HOSTS = frozenset({Kind.HOST_LOST})
REPEATS = frozenset({Kind.REPORT_IGNORED})  # a result that is told again because its answer was lost


@dataclass
class Witness:
    """What came of each life: (step, key) in the order of arrival."""

    url: str = ""
    seen: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        life, step, key = request.match_info["life"], request.match_info["step"], request.headers["Idempotency-Key"]
        came = self.seen.setdefault(life, [])
        came.append((step, key))
        keys = list(dict.fromkeys(each for where, each in came if where == step))
        is_bad = step == "flaky" and keys.index(key) == 0
        return web.json_response({"told": step}, status=503 if is_bad else 200)


@contextlib.asynccontextmanager
async def witnessing() -> AsyncIterator[Witness]:
    witness = Witness()
    app = web.Application()
    app.router.add_post("/{life}/{step}", witness.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        witness.url = f"http://{host}:{port}"
        yield witness
    finally:
        await runner.cleanup()


@dataclass(frozen=True, kw_only=True)
class State:
    """A store as it is left: what is to be the same at the end of every story, and what is known of the attempts."""

    end: dict[str, Any]
    attempts: tuple[Attempt, ...]
    newest: datetime


def reading(tx: Tx, aside: Collection[Kind]) -> State:
    found, _ = executions.find(tx, EVERYTHING)
    names = {each.id: each.workflow_name for each in found}
    log = events.after(tx, 0, 10_000)
    kinds: dict[str, list[str]] = {}
    for each in log:
        if each.kind not in aside:
            whose = f"{names.get(str(each.execution_id))} {each.step_key}"
            kinds.setdefault(whose, []).append(f"{each.kind.value} {each.data.get('status', '')}")
    node = nodes.get(tx, MAC)
    return State(
        end={
            "executions": sorted((_execution(each) for each in found), key=str),
            "node": (node.state, node.install_attempts, node.last_install_error),
            **kinds,
        },
        attempts=tuple(attempt for each in found for attempt in each.attempts),
        newest=max(each.at for each in log),
    )


def _execution(each: Execution) -> object:
    attempts = sorted((_attempt(attempt) for attempt in each.attempts), key=str)
    facts = (each.status, each.error, each.progress_percent, dict(each.output), each.waits_for)
    return each.workflow_name, facts, attempts


def _attempt(each: Attempt) -> object:
    output = {name: value for name, value in each.output.items() if name != "execution_id"}
    error = (each.failure, each.error and each.error.rpartition("http://")[0], each.message)
    numbers = (each.attempt, each.visit, each.tries, each.entry, each.undoes is not None)
    return each.step_key, each.status, numbers, output, error, each.routes


async def left_by(url: str, aside: Collection[Kind] = HOSTS) -> State:
    """The store as it is; its hosts are dead, so their leases are over."""
    store = await open_database(url)
    try:
        past = update(engine_host).values(lease_until=engine_host.c.started_at)
        await store.write(lambda tx: tx.execute(past))
        return await store.read(lambda tx: reading(tx, aside))
    finally:
        await store.close()


class Copies:
    """Copies of a store in which the scenario is prepared, one for each life."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    @contextlib.asynccontextmanager
    async def one(self, name: str) -> AsyncIterator[str]:
        """A copy, for as long as this is entered."""
        if self._url.startswith("sqlite"):
            path = Path(self._url.removeprefix("sqlite:///"))
            copy = self._folder / f"{name}.db"
            for end in ("", ".key"):
                shutil.copy(f"{path}{end}", f"{copy}{end}")
            yield f"sqlite:///{copy}"
            return
        server, _, prepared = self._url.rpartition("/")
        copy_name = f"{prepared}_{name}"
        await _sql(server, postgres.copying(copy_name, prepared))
        try:
            yield f"{server}/{copy_name}"
        finally:
            await _sql(server, f"DROP DATABASE {copy_name} WITH (FORCE)")


async def _sql(server: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(f"{server.replace('+asyncpg', '')}/postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass(kw_only=True)
class Matrix:
    """All that is needed to let processes die in many places, and what is known of a life without disturbance."""

    copies: Copies
    folder: Path
    witness: Witness
    undisturbed: dict[str, Any] = field(default_factory=dict)

    def life(self, url: str, name: str, now: datetime, at: int = 0, how: str = "before") -> Life:
        return Life(
            url=url,
            folder=str(self.folder),
            witness=f"{self.witness.url}/{name}",
            now=now.isoformat(),
            at=at,
            how=how,
        )

    async def undisturbed_life(self, nursery: Nursery) -> None:
        """Let a process live without a fault, and remember what is left."""
        async with self.copies.one("undisturbed") as url:
            assert await nursery.live(self.life(url, "undisturbed", ManualClock().now())) == PLAYED
            self.undisturbed = (await left_by(url)).end

    async def strike(self, nursery: Nursery, at: int, how: str) -> bool:
        """Strike a process at its transaction number `at`; if it dies, the next one ends its work. False if it did not
        come that far.
        """
        name = f"{how}_{at}"
        async with self.copies.one(name) as url:
            code = await nursery.live(self.life(url, name, ManualClock().now(), at, how))
            left = await left_by(url)
            before = Counter(self.witness.seen.get(name, []))
            if code == DIED:
                code = await nursery.live(self.life(url, name, left.newest))
                assert code == PLAYED
                code = DIED
            end = await left_by(url, HOSTS | REPEATS if how == "unsure" else HOSTS)
        assert code in (DIED, STRUCK, PLAYED)
        self._judge(name, left, end, before)
        return code != PLAYED

    def _judge(self, name: str, left: State, end: State, before: Counter[tuple[str, str]]) -> None:
        came = Counter(self.witness.seen[name])
        assert _differences(self.undisturbed, end.end) == {}
        tries = Counter(each.step_key for each in end.attempts if each.action == "core.http")
        assert Counter(step for step, _ in came) == tries  # each try has one key, and was asked for at least once
        finished = {each.idempotency_key for each in left.attempts if not each.is_open}
        again = {key for _, key in came - before}
        assert not finished & again
        assert max(came.values()) <= 2


def _differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What is not the same, so that a failure can be read."""
    found = {name: (one.get(name), other.get(name)) for name in {**one, **other}}
    return {name: (mine, yours) for name, (mine, yours) in found.items() if mine != yours}


@pytest.fixture
async def nurseries() -> AsyncIterator[list[Nursery]]:
    opened = [await Nursery.open() for _ in range(NURSERIES)]
    yield opened
    for each in opened:
        await each.close()


@pytest.mark.parametrize("how", ["before", "after", "fails", "unsure"])
async def test_a_fault_at_any_transaction_changes_nothing(
    store_url: str, opener: Opener, tmp_path: Path, nurseries: list[Nursery], how: str
) -> None:
    """The process dies before or after the commit, or lives on with a commit that failed or whose answer is lost."""
    async with opener(store_url, clock=ManualClock(), host=False) as pureboot:
        await prepare(pureboot)
    dies = how in ("before", "after")
    is_file = store_url.startswith("sqlite")
    async with witnessing() as witness:
        matrix = Matrix(copies=Copies(store_url, tmp_path), folder=tmp_path, witness=witness)
        await matrix.undisturbed_life(nurseries[0])
        # The first is the one that opens the store: a process that lives on without it has only said why it cannot.
        numbers = itertools.count(1 if dies else 2, 1 if dies or is_file else 3)
        points = 0

        async def strike_with(nursery: Nursery) -> None:
            nonlocal points
            while await matrix.strike(nursery, next(numbers), how):
                points += 1

        async with asyncio.TaskGroup() as group:
            for nursery in nurseries:
                group.create_task(strike_with(nursery))
    print(f"{points} points on {store_url.partition(':')[0]}: {how}")
    assert points >= (15 if dies or is_file else 5)
