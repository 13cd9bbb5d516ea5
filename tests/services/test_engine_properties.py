"""The whole engine against the reference: random workflows on real stores, its host closed and opened again anywhere.

Each step's try ends as chance once said (`tests.core.test_planner_reference`), when the test lets it: the steps one
after another, as the reference plays them. An action that was interrupted is performed again, and ends the same.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Action, ActionFailed, Call, Outcome, Parameters, Registry
from engine.app import PureBoot
from engine.clock import new_id
from engine.core import planner, workflow_file
from engine.core.executions import Attempt, AttemptStatus, Execution, Performer
from engine.core.workflows import Edge, Step, Workflow
from tests.clock import ManualClock
from tests.conftest import settings_for
from tests.core.planning import satisfiable, workflows
from tests.core.reference import OK, Reference
from tests.core.reference import Outcome as Ends
from tests.story import ADA, PATIENCE, published

EXAMPLES = 30
CONDITIONS = {"yes": "1 == 1", "no": "1 == 2", None: None}


def chance(seed: int) -> Ends:
    def outcome(key: str, visit: int, number: int) -> str:
        return OK if Random(f"{seed}/{key}/{visit}/{number}").random() < 0.65 else "failed"

    return outcome


def on_an_engine(workflow: Workflow, name: str) -> Workflow:
    """The same workflow, of steps that an engine performs and conditions that it can judge."""

    def edge(each: Edge) -> Edge:
        return replace(each, if_=CONDITIONS[each.if_])

    def step(each: Step) -> Step:
        ways = tuple(edge(way) for way in each.edges)
        return replace(each, action="test.scripted", sequential=False, edges=ways)

    return replace(workflow, name=name, steps=tuple(step(each) for each in workflow.steps))


class Stage:
    """Where the steps are performed: each waits for its cue, then ends as it must."""

    def __init__(self, outcome: Ends) -> None:
        self._outcome = outcome
        self._cues: dict[str, asyncio.Event] = {}
        self.pureboot: PureBoot | None = None

    def cue(self, attempt_id: str) -> asyncio.Event:
        return self._cues.setdefault(attempt_id, asyncio.Event())

    async def perform(self, call: Call) -> Outcome:
        await self.cue(call.idempotency_key).wait()
        assert self.pureboot is not None
        attempt = (await self.pureboot.executions.get(call.execution_id)).find(call.idempotency_key)
        if self._outcome(attempt.step_key, attempt.visit, attempt.tries) != OK:
            raise ActionFailed("as chance said")
        return Outcome()

    @property
    def actions(self) -> Registry:
        scripted = Action(
            name="test.scripted", summary="", performer=Performer.ENGINE, parameters=Parameters, run=self.perform
        )
        return Registry((*BUILTIN, scripted))


@dataclass(kw_only=True)
class Life:
    """An execution, and the hosts that perform it one after another."""

    url: str
    folder: Path
    workflow: Workflow
    stage: Stage
    chance: Random
    kills: int = 0

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        host = PureBoot(settings_for(self.url, self.folder), clock=self.clock, actions=self.stage.actions)
        self.stage.pureboot = self.pureboot = await self._stack.enter_async_context(host)

    async def close(self) -> None:
        await self._stack.aclose()

    async def maybe_kill(self) -> None:
        if self.chance.random() < 0.25:
            self.kills += 1
            await self.close()
            await self.open()

    async def until(self, fits: Callable[[Execution], bool]) -> Execution:
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = self.pureboot.feed.stirs
                execution = await self.pureboot.executions.get(self.execution.id)
                if fits(execution):
                    return execution
                await self.pureboot.feed.changed(seen)

    async def play(self) -> Execution:
        """Let it come to its end."""
        await self.open()
        try:
            execution = self.execution = await self.pureboot.executions.start(self.workflow.name, by=ADA)
            while not execution.ended:
                assert planner.plan(self.workflow, execution, self.clock.now(), self.pureboot.context.grace) == ()
                await self.maybe_kill()
                attempt = await self._running(execution)
                self.clock.advance(1)
                self.stage.cue(attempt.id).set()
                await self.maybe_kill()
                execution = await self.until(lambda each, id_=attempt.id: not each.find(id_).is_open)  # type: ignore[misc]
            return execution
        finally:
            await self.close()

    async def _running(self, execution: Execution) -> Attempt:
        """The open attempt of the step whose turn it is, once it runs."""
        key = min(execution.current_steps)
        attempt = execution.latest(key)
        assert attempt is not None
        if attempt.due_at is not None and attempt.due_at > self.clock.now():
            self.clock.advance((attempt.due_at - self.clock.now()).total_seconds())
        found = await self.until(lambda each: each.find(attempt.id).status is not AttemptStatus.RETRYING)
        return found.find(attempt.id)


def runs(execution: Execution) -> Counter[tuple[str, int, int, str]]:
    """The tries that came to an end of their own: step, visit, try, outcome."""
    labels = {AttemptStatus.SUCCEEDED: OK, AttemptStatus.FAILED: "failed"}
    ended = [each for each in execution.attempts if each.status in labels]
    return Counter((each.step_key, each.visit, each.tries, labels[each.status]) for each in ended)


def undos(execution: Execution) -> list[tuple[str, str]]:
    first = [each for each in execution.attempts if each.undoes and each.tries == 1]
    return [(each.step_key, execution.find(str(each.undoes)).step_key) for each in first]


async def kept(pureboot: PureBoot, workflow: Workflow) -> None:
    """Put a workflow into the store, also one that no sane person would be allowed to publish."""
    await published(pureboot, f"name: {workflow.name}\nsteps: [{{key: s0, action: core.echo}}]")
    newest = (await pureboot.workflows.version(workflow.name)).id
    put = text("UPDATE document_version SET content = :content WHERE id = :id")
    values = {"content": workflow_file.export(workflow), "id": newest}
    await pureboot.context.database.write(lambda tx: tx.execute(put, values))


def test_the_same_steps_run_as_often_and_it_ends_the_same(store_url: str, tmp_path: Path) -> None:
    kills = 0

    async def lived(workflow: Workflow, seed: int) -> tuple[Execution, Life]:
        whole = on_an_engine(workflow, f"w-{new_id()}")
        life = Life(
            url=store_url,
            folder=tmp_path,
            workflow=whole,
            stage=Stage(chance(seed)),
            chance=Random(seed),
        )
        async with PureBoot(settings_for(store_url, tmp_path), host=False) as guest:
            await kept(guest, whole)
        return await life.play(), life

    with asyncio.Runner() as runner:

        @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate])
        @given(workflows(timers=False, narrow=False).map(satisfiable), st.integers(0, 2**32))
        def play(workflow: Workflow, seed: int) -> None:
            nonlocal kills
            reference = Reference(workflow, chance(seed))
            status = reference.play()
            done, life = runner.run(lived(workflow, seed))
            assert done.status == status
            assert runs(done) == Counter(reference.runs)
            assert undos(done) == reference.undos
            kills += life.kills
            event(f"{status}, {'killed' if life.kills else 'not killed'}")

        play()
    print(f"{kills} times the host was closed amid {EXAMPLES} executions on {store_url.partition(':')[0]}")
    assert kills > 0
