"""The planner's rollback, told in stories."""

from engine.core import planner
from engine.core.executions import AttemptStatus, ExecutionStatus
from engine.core.facts import ExecutionReopened
from engine.core.workflows import ROLLBACK, Edge, Retry
from tests.core.planning import World, a_step, begun, edges

ONCE = Retry()


def line(retry: Retry = ONCE, **values: object) -> World:
    """`a`, `b`, `c` and then `d`, which fails; all but `d` can be undone."""
    run = begun(
        a_step("a", edges=edges("b"), rollback="un-a"),
        a_step("b", edges=edges("c"), rollback="un-b"),
        a_step("c", edges=edges("d"), rollback="un-c"),
        a_step("d", on_failure=ROLLBACK),
        *(a_step(f"un-{key}", retry=retry) for key in "abc"),
        **values,
    )
    run.report("a", "b", "c")
    return run


def test_what_was_done_is_undone_in_reverse_one_at_a_time() -> None:
    run = line()
    run.report("d", ok=False)
    assert run.execution.current_steps == ("un-c",)
    assert run.latest("un-c").undoes == run.latest("c").id
    run.report("un-c")
    assert run.execution.current_steps == ("un-b",)
    run.report("un-b", "un-a")
    assert run.execution.status is ExecutionStatus.FAILED
    assert run.execution.error == "d failed; rolled back: c, b, a"
    assert planner.progress(run.workflow, run.execution) < 100


def test_an_undo_that_succeeded_is_settled_so_that_it_may_move_the_node() -> None:
    run = line()
    run.report("d", ok=False)
    run.finish(run.latest("un-c"), AttemptStatus.SUCCEEDED)
    (command,) = run.plan()
    assert isinstance(command, planner.Settle)
    assert command.attempt == run.latest("un-c")


def test_an_undo_is_retried_as_its_own_step_says() -> None:
    run = line(retry=Retry(max_attempts=2, delay=5))
    run.report("d", ok=False)
    run.report("un-c", ok=False)
    assert run.latest("un-c").status is AttemptStatus.RETRYING
    run.wait(5)
    assert run.visits("un-c") == [(1, 1, 1), (2, 1, 2)]
    assert {each.undoes for each in run.execution.attempts if each.step_key == "un-c"} == {run.latest("c").id}
    run.report("un-c", "un-b", "un-a")
    assert run.execution.error == "d failed; rolled back: c, b, a"


def test_an_undo_that_fails_for_good_stops_the_rollback() -> None:
    run = line()
    run.report("d", ok=False)
    run.report("un-c")
    run.report("un-b", ok=False)
    assert run.execution.status is ExecutionStatus.FAILED
    assert run.execution.error == ("d failed; the rollback stopped: undoing b failed: x; undone: c; not undone: b, a")


def test_with_nothing_to_undo_it_is_said_so() -> None:
    run = begun(a_step("a", on_failure=ROLLBACK, rollback="un-a"), a_step("un-a"))
    run.report("a", ok=False)
    assert run.execution.error == "a failed; there was nothing to undo"


def test_what_runs_comes_to_its_end_first_and_what_waits_is_withdrawn() -> None:
    run = begun(
        a_step("s", edges=edges("a", "b", "c", "d")),
        a_step("a", on_failure=ROLLBACK),
        a_step("b", rollback="un-b", edges=edges("e")),
        a_step("c", retry=Retry(max_attempts=2, delay=60)),
        a_step("d", timeout_seconds=30, retry=Retry(max_attempts=2)),
        a_step("e"),
        a_step("un-b"),
    )
    run.report("s")
    run.report("c", ok=False)
    run.report("a", ok=False)
    assert run.statuses() == {"s": "succeeded", "a": "failed", "b": "running", "c": "cancelled", "d": "running"}
    run.report("b")
    run.wait(30)
    assert run.statuses()["d"] == "timed_out"  # not tried again, and its failure changes nothing any more
    run.report("un-b")
    assert run.execution.error == "a failed; rolled back: b"
    assert "e" not in run.begun


def test_each_run_of_a_step_in_a_loop_is_undone() -> None:
    run = begun(
        a_step("a", edges=(*edges("a", if_="more"), *edges("b")), rollback="un-a"),
        a_step("b", on_failure=ROLLBACK),
        a_step("un-a"),
    )
    run.names["more"] = True
    for more in (True, False):
        run.names["more"] = more
        run.report("a")
        if more:
            run.report("b")
    run.report("b", ok=False)
    first, second = (each.id for each in run.execution.attempts if each.step_key == "a")
    run.report("un-a")
    run.report("un-a")
    assert [each.undoes for each in run.execution.attempts if each.step_key == "un-a"] == [second, first]
    assert run.visits("un-a") == [(1, 1, 1), (2, 2, 1)]
    assert run.execution.error == "b failed; rolled back: a, a"


def test_of_what_ended_at_the_same_moment_the_last_begun_is_undone_first() -> None:
    run = begun(
        a_step("s", edges=edges("a", "b")),
        a_step("a", rollback="undo", edges=edges("c")),
        a_step("b", rollback="undo", edges=edges("c")),
        a_step("c", on_failure=ROLLBACK),
        a_step("undo"),
    )
    run.report("s", "b", "a")
    run.report("c", ok=False)
    run.report("undo", "undo")
    assert run.execution.error == "c failed; rolled back: b, a"


def test_an_execution_that_takes_too_long_gives_its_rollback_up() -> None:
    run = line(timeout_seconds=100)
    run.report("d", ok=False)
    run.report("un-c")
    run.wait(100)
    assert run.statuses()["un-b"] == "cancelled"
    assert run.execution.status is ExecutionStatus.FAILED
    assert run.execution.error == "d failed; the rollback was given up; undone: c; not undone: b, a"


def test_a_paused_rollback_undoes_nothing_until_it_is_resumed() -> None:
    run = line()
    run.pause()
    run.report("d", ok=False)
    assert run.execution.rolling_back
    assert run.running == []
    run.resume()
    run.settle()
    assert run.execution.current_steps == ("un-c",)


def test_a_rollback_that_was_given_up_goes_on_when_a_person_lets_it() -> None:
    run = line(timeout_seconds=100)
    run.report("d", ok=False)
    run.report("un-c")
    run.wait(100)
    run.apply(ExecutionReopened(at=run.now, deadline_at=None, reason="again"))
    run.settle()
    assert run.visits("un-b") == [(1, 1, 1), (2, 2, 1)]
    run.report("un-b", "un-a")
    assert run.execution.error == "rolled back: c, b, a"


def test_a_step_that_undoes_can_stand_on_the_way_too() -> None:
    run = begun(
        a_step("wipe", edges=edges("a")),
        a_step("a", rollback="wipe", edges=(Edge(to="b"),)),
        a_step("b", on_failure=ROLLBACK),
    )
    run.report("wipe", "a")
    run.report("b", ok=False)
    run.report("wipe")
    assert run.visits("wipe") == [(1, 1, 1), (2, 2, 1)]
    assert planner.standing(run.workflow, run.execution)["wipe"].attempt == 1
    assert run.execution.error == "b failed; rolled back: a"
