"""The planner against the reference: random workflows, in which each try of a step ends as chance once said."""

from collections import Counter
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from engine.core.executions import AttemptStatus, ExecutionStatus, Failure
from engine.core.workflows import Workflow
from tests.core.planning import World, a_world, ended, satisfiable, workflows
from tests.core.reference import OK, Outcome, Reference

ENDS = {
    OK: (AttemptStatus.SUCCEEDED, None),
    "failed": (AttemptStatus.FAILED, None),
    "rejected": (AttemptStatus.FAILED, Failure.REJECTED),
    "timeout": (AttemptStatus.TIMED_OUT, Failure.TIMEOUT),
    "lost": (AttemptStatus.TIMED_OUT, Failure.LOST),
}
LABELS = {end: label for label, end in ENDS.items()}


def chance(seed: int) -> Outcome:
    def outcome(key: str, visit: int, number: int) -> str:
        draw = Random(f"{seed}/{key}/{visit}/{number}")
        return OK if draw.random() < 0.65 else draw.choice([label for label in ENDS if label != OK])

    return outcome


def runs(world: World) -> list[tuple[str, int, int, str]]:
    """The tries that came to an end of their own, in the order of their creation."""
    return [
        (each.step_key, each.visit, each.tries, LABELS[each.status, each.failure])
        for each in world.execution.attempts
        if (each.status, each.failure) in LABELS
    ]


def undos(world: World) -> list[tuple[str, str]]:
    attempts = [each for each in world.execution.attempts if each.undoes and each.tries == 1]
    return [(each.step_key, world.execution.find(str(each.undoes)).step_key) for each in attempts]


def end(world: World, key: str, outcome: Outcome) -> None:
    """Let the open attempt of a step end as chance said; one that waits begins first, the others stand still."""
    attempt = world.latest(key)
    if attempt.status is AttemptStatus.RETRYING:
        assert attempt.due_at is not None
        world.now = max(world.now, attempt.due_at)
        world.settle()
        attempt = world.latest(key)
    world.wait(1)
    world.finish(attempt, *ENDS[outcome(key, attempt.visit, attempt.tries)])
    world.settle()


@settings(max_examples=600, deadline=None)
@given(workflows(timers=False, narrow=False).map(satisfiable), st.integers(0, 2**32))
def test_the_same_steps_run_as_often_and_it_ends_the_same(workflow: Workflow, seed: int) -> None:
    reference = Reference(workflow, chance(seed))
    status = reference.play()
    world = a_world(workflow)
    while not ended(world):
        end(world, min(world.execution.current_steps), chance(seed))
    assert world.execution.status == status
    assert Counter(runs(world)) == Counter(reference.runs)
    assert undos(world) == reference.undos
    event(status + (", rolled back" if reference.undos else ""))
    event("loops" if any(visit > 1 for key, visit, _, _ in reference.runs if key.startswith("s")) else "no loop")


@settings(max_examples=300, deadline=None)
@given(workflows(timers=False, loops=False).map(satisfiable), st.integers(0, 2**32))
def test_without_loops_neither_order_nor_room_changes_what_runs(workflow: Workflow, seed: int) -> None:
    reference = Reference(workflow, chance(seed))
    status = reference.play()
    world = a_world(workflow)
    draw = Random(seed)
    while not ended(world):
        end(world, draw.choice(world.execution.current_steps), chance(seed))
    assert world.execution.status == status
    if world.execution.status is ExecutionStatus.SUCCEEDED:
        assert Counter(runs(world)) == Counter(reference.runs)
