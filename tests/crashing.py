"""A process that plays a scenario and dies at a chosen transaction: `python -m tests.crashing`.

Reads one `Life` a line (JSON) and forks for each, from a process that has everything imported and no thread: so dying,
a real `os._exit` in the midst of all, costs a fraction of a second. Answers each line with the exit code.
"""

import asyncio
import contextlib
import os
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

from sqlalchemy import Connection

from engine import runtime
from engine.app import PureBoot
from engine.core.executions import AttemptStatus, Execution, Performer
from engine.errors import Conflict, Unavailable
from engine.store import database, postgres, sqlite
from tests.clock import ManualClock
from tests.forking import Forker, fork_for_each_line
from tests.store_settings import settings_for
from tests.story import ADA, published

T = TypeVar("T")

PLAYED = 0
STRUCK = 85  # played to the end although a connection broke on the way
DIED = 86
MAC = "52:54:00:00:00:01"

SCENARIO = (
    """
name: part
params: {witness: {type: string}}
output: {told: "{{ steps.inner.output.json.told }}"}
steps: [{key: inner, action: core.http, with: {method: POST, url: "{{ params.witness }}/inner"}}]
""",
    """
name: install
params: {witness: {type: string}}
state_on_start: pending
steps:
  - key: first
    action: core.http
    with: {method: POST, url: "{{ params.witness }}/first"}
    next_state: installing
  - key: second
    action: core.echo
    with: {message: "{{ steps.first.output.json.told }}"}
    edges: [{to: flaky}, {to: pause}]
  - key: flaky
    action: core.http
    with: {method: POST, url: "{{ params.witness }}/flaky"}
    retry: {max_attempts: 3, delay: 30s}
    edges: [{to: both}]
  - {key: pause, action: core.delay, with: {duration: 1m}, edges: [{to: both}]}
  - {key: both, action: core.http, with: {method: POST, url: "{{ params.witness }}/both"}}
  - {key: part, action: core.workflow, with: {workflow: part, params: {witness: "{{ params.witness }}"}}}
  - {key: approve, action: core.approve}
  - key: last
    action: core.http
    with: {method: POST, url: "{{ params.witness }}/last", json: "{{ steps.part.output.told }}"}
    next_state: installed
""",
    """
name: undone
params: {witness: {type: string}}
steps:
  - {key: one, action: core.http, with: {method: POST, url: "{{ params.witness }}/one"}, rollback: undo_one}
  - {key: two, action: core.http, with: {method: POST, url: "{{ params.witness }}/two"}, rollback: undo_two}
  - {key: three, action: core.fail, on_failure: rollback, edges: []}
  - {key: undo_one, action: core.http, with: {method: POST, url: "{{ params.witness }}/undo_one"}, edges: []}
  - {key: undo_two, action: core.http, with: {method: POST, url: "{{ params.witness }}/undo_two"}, edges: []}
""",
)
"""A sub-workflow, a sequence with a fork, a join, a retry, a timer and an approval; and one that is rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of a process. At its transaction number `at` (0: never) it dies `before` or `after` the commit; or the
    connection breaks there instead (`fails`, `unsure`) and it lives on.
    """

    url: str
    folder: str
    witness: str
    now: str
    at: int = 0
    how: str = "before"


async def prepare(pureboot: PureBoot) -> None:
    """Put what the scenario needs into a store."""
    for text in SCENARIO:
        await published(pureboot, text)
    await pureboot.nodes.create(MAC, by=ADA)


async def play(life: Life) -> None:
    """Start the scenario, or go on with it, and do what its people and its clock do, to the end."""
    clock = ManualClock(datetime.fromisoformat(life.now))
    async with PureBoot(settings_for(life.url, Path(life.folder), engine__lease=60), clock=clock) as pureboot:
        await pureboot.hosting()
        params = {"witness": life.witness}

        async def started(workflow: str, node: str | None) -> Execution:
            start = pureboot.executions.start
            return await asked(lambda: start(workflow, node=node, params=params, request_id="once", by=ADA))

        async def known(execution: Execution) -> Execution:
            return await asked(lambda: pureboot.executions.get(execution.id))

        install, undone = await started("install", MAC), await started("undone", None)
        while True:
            seen = pureboot.feed.stirs
            install = await known(install)
            if install.ended and (await known(undone)).ended:
                return
            if not await approved(pureboot, install) and not await moved(pureboot, clock, install):
                await pureboot.feed.changed(seen)


async def asked(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer."""
    while True:
        try:
            return await ask()
        except Unavailable:
            await asyncio.sleep(0.01)


async def approved(pureboot: PureBoot, execution: Execution) -> bool:
    """Approve if that is waited for."""
    if not any(each.performer is Performer.PERSON and each.is_open for each in execution.attempts):
        return False
    with contextlib.suppress(Conflict):  # the answer of the first time was lost
        await asked(lambda: pureboot.control.approve(execution.id, by=ADA))
    return True


async def moved(pureboot: PureBoot, clock: ManualClock, execution: Execution) -> bool:
    """Let time pass if that is all that is waited for."""
    family = await asked(lambda: pureboot.executions.tree(execution.id))
    runs = [each for one in family for each in one.attempts if each.status is AttemptStatus.RUNNING]
    if any(each.performer is Performer.ENGINE for each in runs):
        return False
    wake = await asked(pureboot.executions.next_wake)
    if wake is None or wake <= clock.now():
        return False
    clock.advance((wake - clock.now()).total_seconds())
    return True


def doom(life: Life) -> Callable[[], bool]:
    """Let what is to happen at a transaction happen, in this process, on whichever store; gives what says if it did."""
    database.MAX_BATCH = 1  # every unit has a transaction of its own, so that the same number is the same place
    runtime._RETRY_SECONDS = 0.01
    count = 0

    def doomed(real: Callable[..., Any]) -> Callable[..., Any]:
        def transaction(self: Any, work: Callable[[Connection], Any]) -> Any:
            nonlocal count
            count += 1
            if count != life.at:
                return real(self, work)
            if life.how == "fails":
                raise ConnectionResetError("cut before the commit")
            result = real(self, (lambda connection: _die(work(connection))) if life.how == "before" else work)
            if life.how == "unsure":
                raise ConnectionResetError("cut after the commit")
            _die(result)

        return transaction

    for backend in (sqlite.Sqlite, postgres.Postgres):
        backend.transaction = doomed(backend.transaction)  # type: ignore[method-assign]
    return lambda: 0 < life.at <= count


def _die(_: object) -> NoReturn:
    os._exit(DIED)


def live(life: Life) -> NoReturn:
    """Live it, in a process of its own."""
    code = 1
    try:
        struck = doom(life)
        asyncio.run(play(life))
        code = STRUCK if struck() else PLAYED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


async def warm_up() -> None:
    """Import all that a life will need, and let what is made once be made."""
    import aiohttp  # noqa: F401
    import asyncpg  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(f"sqlite:///{folder}/warm.db", Path(folder))
        async with PureBoot(settings) as pureboot:
            await prepare(pureboot)
            done = await pureboot.executions.start("undone", params={"witness": "http://127.0.0.1:1"}, by=ADA)
            await pureboot.executions.wait(done.id)


class Nursery(Forker):
    """Where lives begin."""

    @classmethod
    async def open(cls) -> Self:
        """Start it."""
        return await cls.start("tests.crashing")

    async def live(self, life: Life) -> int:
        """Let a process live; gives its exit code."""
        return (await self.hand(asdict(life)))[-1]


if __name__ == "__main__":
    fork_for_each_line(warm_up, lambda given: live(Life(**given)))
