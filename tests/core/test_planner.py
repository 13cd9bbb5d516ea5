"""The planner, told in stories: outcomes, retries, deadlines, timers, pauses, room, and what a person changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core import planner
from engine.core.executions import AttemptStatus, ExecutionStatus, Failure
from engine.core.facts import AttemptAdded, AttemptHeard, ExecutionReopened
from engine.core.grace import Grace
from engine.core.planner import plan
from engine.core.workflows import CONTINUE, RETRIED, Backoff, Retry, Route, When
from tests.core.planning import START, World, a_step, begun, edges


def test_steps_run_one_after_another() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    assert run.execution.current_steps == ("a",)
    run.report("a")
    assert run.execution.current_steps == ("b",)
    run.report("b")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_a_failed_step_fails_the_execution_and_what_follows_never_begins() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    run.report("a", ok=False)
    assert (run.execution.status, run.execution.error) == (ExecutionStatus.FAILED, "a failed")
    assert run.begun == ["a"]


def test_a_failure_withdraws_what_still_runs_beside_it() -> None:
    run = begun(a_step("s", edges=edges("a", "b")), a_step("a"), a_step("b"))
    run.report("s")
    run.report("a", ok=False)
    assert run.statuses() == {"s": "succeeded", "a": "failed", "b": "cancelled"}
    assert run.execution.status is ExecutionStatus.FAILED


def test_continue_goes_on_as_if_the_step_had_succeeded() -> None:
    run = begun(a_step("a", edges=edges("b"), on_failure=CONTINUE), a_step("b", on_failure=CONTINUE))
    run.report("a", ok=False)
    run.report("b", ok=False)
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_on_failure_can_name_a_step() -> None:
    run = begun(a_step("a", edges=edges("b"), on_failure="rescue"), a_step("b"), a_step("rescue"))
    run.report("a", ok=False)
    assert run.statuses() == {"a": "failed", "b": "skipped", "rescue": "running"}
    run.report("rescue")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_edges_choose_by_outcome_and_the_branch_not_taken_is_skipped_to_its_end() -> None:
    run = begun(
        a_step("a", edges=(*edges("good"), *edges("bad", when=When.FAILURE), *edges("log", when=When.ALWAYS))),
        a_step("good", edges=edges("better")),
        a_step("better"),
        a_step("bad"),
        a_step("log"),
    )
    run.report("a", ok=False)
    assert run.statuses() == {"a": "failed", "good": "skipped", "better": "skipped", "bad": "running", "log": "running"}


def test_route_first_takes_only_the_first_edge() -> None:
    run = begun(a_step("a", edges=edges("b", "c"), route=Route.FIRST), a_step("b"), a_step("c"))
    run.report("a")
    assert run.statuses() == {"a": "succeeded", "b": "running", "c": "skipped"}


def test_retries_wait_for_their_delay_which_grows() -> None:
    retry = Retry(max_attempts=4, delay=10, backoff=Backoff.EXPONENTIAL, max_delay=30)
    run = begun(a_step("a", retry=retry))
    for number, delay in ((2, 10), (3, 20), (4, 30)):
        run.report("a", ok=False)
        waiting = run.execution.latest("a")
        assert waiting is not None
        assert (waiting.attempt, waiting.status) == (number, AttemptStatus.RETRYING)
        assert waiting.due_at == run.now + timedelta(seconds=delay)
        assert run.due == waiting.due_at
        run.now += timedelta(seconds=delay - 1)
        run.settle()
        assert not run.running
        run.now += timedelta(seconds=1)
        run.settle()
        assert [each.attempt for each in run.running] == [number]
    run.report("a", ok=False)
    assert run.execution.status is ExecutionStatus.FAILED


def test_a_retry_without_delay_starts_at_once() -> None:
    run = begun(a_step("a", retry=Retry(max_attempts=2)))
    run.report("a", ok=False)
    assert [each.attempt for each in run.running] == [2]
    run.report("a")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("failure", "retry_on", "is_retried"),
    [
        (None, RETRIED, True),
        (None, (Failure.TIMEOUT,), False),
        (Failure.FAILED, (Failure.FAILED,), True),
        (Failure.LOST, (Failure.FAILED, Failure.TIMEOUT), False),
        (Failure.LOST, (Failure.LOST,), True),
        (Failure.REJECTED, (*RETRIED, Failure.REJECTED), False),
    ],
)
def test_only_what_retry_on_names_is_retried(
    failure: Failure | None, retry_on: tuple[Failure, ...], is_retried: bool
) -> None:
    run = begun(a_step("a", retry=Retry(max_attempts=2, retry_on=retry_on)))
    run.report("a", ok=False, failure=failure)
    assert (run.execution.status is ExecutionStatus.RUNNING) == is_retried


def test_what_took_too_long_is_retried_only_on_timeout() -> None:
    for retry_on, tries in (((Failure.TIMEOUT,), 2), ((Failure.FAILED,), 1)):
        run = begun(a_step("a", timeout_seconds=60, retry=Retry(max_attempts=2, retry_on=retry_on)))
        run.wait(60)
        assert len(run.execution.attempts) == tries
        assert run.execution.attempts[0].failure is Failure.TIMEOUT


def test_a_retry_knows_what_it_retries_and_its_jitter_is_always_the_same() -> None:
    run = begun(a_step("a", retry=Retry(max_attempts=3, delay=100, jitter=0.5)))
    run.finish(run.latest("a"), AttemptStatus.FAILED)
    (command,) = run.plan()
    assert isinstance(command, planner.Begin)
    assert (command.number, command.visit, command.tries, command.after) == (2, 1, 2, run.latest("a"))
    assert command.due is not None
    assert 50 <= (command.due - run.now).total_seconds() <= 100
    run.now += timedelta(seconds=1)
    assert run.plan() == (command,)


def test_an_attempt_that_takes_too_long_is_timed_out_and_retried() -> None:
    run = begun(a_step("a", timeout_seconds=60, retry=Retry(max_attempts=2, delay=5)))
    run.now += timedelta(seconds=60)
    run.settle()
    assert [each.status for each in run.execution.attempts] == [AttemptStatus.TIMED_OUT, AttemptStatus.RETRYING]


def test_silence_counts_from_the_first_sign_of_life() -> None:
    run = begun(a_step("a", heartbeat_seconds=30))
    run.now += timedelta(hours=5)
    run.settle()
    assert run.statuses() == {"a": "running"}
    run.apply(AttemptHeard(attempt_id="a/1", at=run.now))
    assert run.due == run.now + timedelta(seconds=30)
    run.wait(30)
    assert run.statuses() == {"a": "timed_out"}
    assert run.latest("a").failure is Failure.LOST


def test_an_execution_that_takes_too_long_fails_and_withdraws() -> None:
    run = begun(a_step("a"), timeout_seconds=100)
    run.now += timedelta(seconds=100)
    run.settle()
    assert (run.execution.status, run.statuses()) == (ExecutionStatus.FAILED, {"a": "cancelled"})
    assert "longer than its timeout" in str(run.execution.error)


def test_a_pending_execution_is_left_alone() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    pending = replace(run.execution, status=ExecutionStatus.PENDING)
    assert plan(run.workflow, pending, run.now + timedelta(days=1)) == ()
    assert planner.next_due(run.workflow, pending) is None


def test_progress_counts_settled_steps_and_is_100_only_at_the_end() -> None:
    run = begun(a_step("a", edges=edges("b")), a_step("b"))
    run.report("a")
    assert planner.progress(run.workflow, run.execution) == 50
    run.apply(AttemptHeard(attempt_id="b/1", at=run.now, progress_percent=100))
    assert planner.progress(run.workflow, run.execution) == 99
    run.report("b")
    assert planner.progress(run.workflow, run.execution) == 100


def test_a_deadline_that_the_clock_jumped_over_is_held_and_silence_counts_from_when_somebody_listens() -> None:
    steps = (a_step("s", edges=edges("a", "b")), a_step("a", timeout_seconds=60), a_step("b", heartbeat_seconds=30))
    run = begun(*steps)
    run.report("s")
    run.apply(AttemptHeard(attempt_id="b/1", at=run.now))
    jumped = run.now + timedelta(hours=3)
    until = jumped + timedelta(seconds=120)
    run.grace = Grace(listening_since=jumped, jumped_from=run.now, until=until)
    run.now = jumped
    assert run.plan() == ()
    assert run.due == until
    run.wait(119)
    assert run.statuses() == {"s": "succeeded", "a": "running", "b": "running"}
    run.now = until
    assert [(type(each), each.failure) for each in run.plan() if isinstance(each, planner.Expire)] == [
        (planner.Expire, Failure.TIMEOUT),
        (planner.Expire, Failure.LOST),
    ]


def test_a_timeout_of_the_whole_that_the_clock_jumped_over_is_held_too() -> None:
    run = begun(a_step("a"), timeout_seconds=100)
    run.grace = Grace(jumped_from=run.now, until=run.now + timedelta(hours=3))
    run.wait(3600)
    assert not run.execution.ended
    assert run.due == START + timedelta(hours=3)
    run.wait(7200)
    assert run.execution.status is ExecutionStatus.FAILED


def test_a_timer_ends_well_when_its_time_has_come_even_when_its_deadline_has_passed_too() -> None:
    run = begun(a_step("a", action="core.delay", timeout_seconds=40, edges=edges("b")), a_step("b"))
    assert run.due == run.now + timedelta(seconds=30)
    run.wait(29)
    assert run.statuses() == {"a": "running"}
    run.wait(3600)
    assert run.statuses() == {"a": "succeeded", "b": "running"}


def test_a_paused_execution_lets_what_runs_end_and_begins_nothing() -> None:
    run = begun(
        a_step("s", edges=edges("a", "b", "c")),
        a_step("a", edges=edges("d")),
        a_step("b", retry=Retry(max_attempts=2, delay=5)),
        a_step("c", timeout_seconds=60, on_failure=CONTINUE),
        a_step("d"),
        timeout_seconds=50,
    )
    run.report("s")
    run.report("b", ok=False)
    run.pause()
    assert run.due == run.now + timedelta(seconds=60)
    run.report("a")
    assert run.latest("a").routes == ("d",)
    run.wait(3600)
    assert run.statuses() == {"s": "succeeded", "a": "succeeded", "b": "retrying", "c": "timed_out"}
    assert planner.next_due(run.workflow, run.execution) is None
    run.resume()
    run.settle()
    assert (run.statuses()["b"], run.statuses()["d"]) == ("running", "running")


def test_a_paused_execution_that_fails_ends_when_it_is_resumed_and_settles_nothing_more() -> None:
    run = begun(a_step("s", edges=edges("a", "b")), a_step("a"), a_step("b"))
    run.report("s")
    run.pause()
    run.report("a", ok=False)
    assert run.execution.failing
    run.report("b")
    assert run.latest("b").routes is None
    assert not run.execution.ended
    run.resume()
    run.settle()
    assert run.execution.status is ExecutionStatus.FAILED


def test_no_more_than_max_parallel_attempts_run_at_once_in_the_order_of_the_steps() -> None:
    run = begun(
        a_step("s", edges=edges("a", "b", "c")),
        a_step("a", retry=Retry(max_attempts=2, delay=5)),
        a_step("b"),
        a_step("c"),
        max_parallel=2,
    )
    run.report("s")
    assert run.execution.current_steps == ("a", "b")
    run.report("a", ok=False)
    assert [each.step_key for each in run.running] == ["b", "c"]
    assert run.due is None  # its delay is over before there is room for it
    run.wait(5)
    assert run.statuses()["a"] == "retrying"
    run.report("c")
    assert run.statuses()["a"] == "running"


def test_a_step_that_a_person_skips_counts_as_done_well() -> None:
    run = begun(a_step("a", edges=(*edges("b"), *edges("c", when=When.FAILURE))), a_step("b"), a_step("c"))
    run.finish(run.latest("a"), AttemptStatus.SKIPPED)
    run.settle()
    assert run.statuses() == {"a": "skipped", "b": "running", "c": "skipped"}


def again(run: World, key: str) -> None:
    """Let a person run a step again, and what follows it."""
    old = run.latest(key)
    values = {"id": f"{key}/again", "attempt": old.attempt + 1, "visit": old.visit + 1, "entry": True, "tries": 1}
    anew = replace(old, status=AttemptStatus.RUNNING, routes=None, completed_at=None, error=None, **values)  # type: ignore[arg-type]
    run.apply(AttemptAdded(attempt=anew))
    run.settle()


def test_what_was_withdrawn_begins_anew_when_a_person_lets_the_execution_go_on() -> None:
    run = begun(a_step("s", edges=edges("a", "b")), a_step("a"), a_step("b", edges=edges("c")), a_step("c"))
    run.report("s")
    run.report("a", ok=False)
    run.apply(ExecutionReopened(at=run.now, deadline_at=None, reason="again"))
    again(run, "a")
    assert run.statuses() == {"s": "succeeded", "a": "running", "b": "running"}
    assert run.visits("b") == [(1, 1, 1), (2, 1, 1)]
    run.report("a", "b", "c")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_what_a_person_runs_again_makes_all_behind_it_run_again_and_nothing_else() -> None:
    run = begun(a_step("a", edges=edges("b", "x")), a_step("b", edges=edges("c")), a_step("c"), a_step("x"))
    run.report("a", "b", "x")
    again(run, "b")
    assert run.statuses() == {"a": "succeeded", "b": "running", "c": "cancelled", "x": "succeeded"}
    assert set(planner.standing(run.workflow, run.execution)) == {"a", "b", "x"}
    run.report("b", "c")
    assert run.visits("c") == [(1, 1, 1), (2, 2, 1)]
    assert run.begun == ["a", "b", "x", "c", "b", "c"]
    assert run.execution.status is ExecutionStatus.SUCCEEDED
