"""The planner over random workflows: whatever happens in between, and wherever the process dies."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import planner
from engine.core.executions import OPEN, Attempt, AttemptStatus, Execution, ExecutionStatus
from engine.core.facts import AttemptHeard
from engine.core.grace import Grace
from engine.core.planner import Begin, Launch, plan
from engine.core.workflows import MAX_VISITS, Workflow
from tests.core.planning import World, a_world, act, ended, workflows

TICK = timedelta(microseconds=1)
SEEDS = st.integers(0, 2**32)


def disturb(world: World, chance: Random) -> None:
    """Something from outside: a person pauses or resumes, an attempt is heard of, the clock jumps."""
    deed = chance.randrange(12)
    if world.execution.status is ExecutionStatus.PAUSED:
        if deed < 6:
            world.resume()
    elif deed == 0:
        world.pause()
    elif deed == 1 and world.running:
        world.apply(AttemptHeard(attempt_id=chance.choice(world.running).id, at=world.now))
    elif deed == 2:
        jumped = world.now + timedelta(hours=1)
        world.grace = Grace(listening_since=jumped, jumped_from=world.now, until=jumped + timedelta(seconds=120))
        world.now = jumped


def lived(workflow: Workflow, seed: int) -> Iterator[World]:
    """A random life of an execution, seen each time it has settled, its end included."""
    chance = Random(seed)
    world = a_world(workflow)
    for _ in range(1500):
        yield world
        if ended(world):
            return
        disturb(world, chance)
        world.settle()
        act(world, chance.randrange)
        world.settle()
    raise AssertionError("the execution never ended")


@settings(max_examples=300, deadline=None)
@given(workflows(), SEEDS)
def test_every_execution_ends_and_a_settled_one_waits_for_a_time_or_a_report(workflow: Workflow, seed: int) -> None:
    for world in lived(workflow, seed):
        assert world.plan() == ()
        due = world.due
        if due is not None:
            assert due > world.now
            assert plan(workflow, world.execution, due - TICK, world.grace) == ()
            assert plan(workflow, world.execution, due, world.grace) != ()
        elif not ended(world):
            assert world.running or world.execution.status is ExecutionStatus.PAUSED
    assert not any(each.is_open for each in world.execution.attempts)
    assert due is None


@settings(max_examples=300, deadline=None)
@given(workflows(), SEEDS)
def test_attempts_are_counted_and_bounded(workflow: Workflow, seed: int) -> None:
    before: tuple[Attempt, ...] = ()
    for world in lived(workflow, seed):
        attempts = world.execution.attempts
        check_kept(before, attempts)
        before = attempts
        room = workflow.max_parallel or len(workflow.steps)
        assert len(world.running) <= room
        percent = planner.progress(workflow, world.execution)
        assert (percent == 100) == (world.execution.status is ExecutionStatus.SUCCEEDED)
        assert planner.standing(workflow, world.execution) == standing(workflow, world.execution)
    for step in workflow.steps:
        made = [each for each in before if each.step_key == step.key]
        assert [each.attempt for each in made] == list(range(1, len(made) + 1))
        assert all(each.tries <= step.retry.max_attempts for each in made)
        if not any(each.undoes for each in made):
            assert all(each.visit <= (step.max_visits or MAX_VISITS) for each in made if each.routes != ())
    undone = [each.undoes for each in before if each.undoes and each.status is AttemptStatus.SUCCEEDED]
    assert len(undone) == len(set(undone))


def check_kept(before: tuple[Attempt, ...], after: tuple[Attempt, ...]) -> None:
    """Attempts are only added, and what has ended stays as it was."""
    assert [each.id for each in after[: len(before)]] == [each.id for each in before]
    for old, new in zip(before, after, strict=False):
        if old.status not in OPEN:
            assert replace(new, routes=old.routes) == old
        assert old.routes is None or new.routes == old.routes


def standing(workflow: Workflow, execution: Execution) -> dict[str, Attempt]:
    """The standing attempts, by the rule as it is said."""
    found = {}
    for at, attempt in enumerate(execution.attempts):
        entries = [each.step_key for each in execution.attempts[at + 1 :] if each.entry]
        is_stale = any(attempt.step_key in workflow.graph.reach(key) for key in entries)
        if attempt.undoes is None and not is_stale:
            found[attempt.step_key] = attempt
    return found


@settings(max_examples=150, deadline=None)
@given(workflows(), SEEDS)
def test_planning_looks_at_nothing_but_the_state(workflow: Workflow, seed: int) -> None:
    chance = Random(seed)
    world = a_world(workflow)
    while not ended(world):
        act(world, chance.randrange)
        while commands := world.plan():
            assert world.plan() == commands
            if world.execution.status is ExecutionStatus.PAUSED:
                assert not any(isinstance(each, Begin | Launch) for each in commands)
            world.carry_out(commands[0])


@settings(max_examples=200, deadline=None)
@given(workflows(), SEEDS)
def test_planning_anew_after_each_command_leads_to_the_same(workflow: Workflow, seed: int) -> None:
    chance = Random(seed)
    whole, pieces = a_world(workflow), a_world(workflow)
    while not ended(whole):
        turn = chance.random()
        for world in (whole, pieces):
            disturb(world, Random(turn))
        whole.settle()
        pieces.settle_piece_by_piece()
        for world in (whole, pieces):
            act(world, Random(turn).randrange)
        whole.settle()
        pieces.settle_piece_by_piece()
        assert state(pieces) == state(whole)


def state(world: World) -> tuple[object, ...]:
    """What is to be the same, in whichever order the commands of one plan were carried out."""
    attempts = sorted((each.id, each.status, each.visit, each.tries, each.routes) for each in world.execution.attempts)
    return world.execution.status, world.execution.error, attempts


@settings(max_examples=200, deadline=None)
@given(workflows(), SEEDS)
def test_what_was_not_kept_before_a_crash_is_done_again_and_nothing_is_counted_twice(
    workflow: Workflow, seed: int
) -> None:
    """What is done again after a crash may well come out otherwise than before it."""
    chance = Random(seed)
    world = a_world(workflow)
    kept, at = world.execution, world.now
    for _ in range(1500):
        if kept.ended:
            return
        act(world, chance.randrange)
        world.settle()
        if chance.randrange(3) == 0:
            world.execution = kept
            assert plan(workflow, kept, at) == ()
        else:
            check_kept(kept.attempts, world.execution.attempts)
            numbers = [(each.step_key, each.attempt) for each in world.execution.attempts]
            assert len(numbers) == len(set(numbers))
            kept, at = world.execution, world.now
    raise AssertionError("the execution never ended")
