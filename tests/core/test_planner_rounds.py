"""The planner's joins and loops, told in stories."""

import pytest

from engine.core.executions import ExecutionStatus
from engine.core.planner import progress
from engine.core.workflows import CONTINUE, Edge, Join, Retry, When
from tests.core.planning import World, a_step, begun, edges

UNLESS_DONE = (Edge(to="a", if_="not done"), Edge(to="end", if_="done"))


def diamond(join: Join | int) -> World:
    run = begun(
        a_step("s", edges=edges("a", "b", "c")),
        a_step("a", edges=edges("j")),
        a_step("b", edges=(*edges("j"), *edges("x", when=When.FAILURE))),
        a_step("c", edges=(*edges("j"), *edges("x", when=When.FAILURE))),
        a_step("j", join=join, edges=edges("k")),
        a_step("k"),
        a_step("x"),
    )
    run.report("s")
    return run


@pytest.mark.parametrize(("join", "needed"), [(Join.ALL, 3), (3, 3), (2, 2), (1, 1), (Join.ANY, 1)])
def test_a_join_starts_when_enough_branches_have_arrived_and_only_once(join: Join | int, needed: int) -> None:
    run = diamond(join)
    for arrived, key in enumerate("abc", 1):
        run.report(key)
        assert run.begun.count("j") == (arrived >= needed)


def test_a_branch_that_cannot_arrive_does_not_block_a_join_of_all() -> None:
    run = diamond(Join.ALL)
    run.report("b", "c", ok=False)
    run.report("a")
    assert run.statuses()["j"] == "running"


def test_a_join_to_which_too_few_branches_can_come_is_skipped_and_what_follows_it() -> None:
    run = diamond(2)
    run.report("b", ok=False)
    assert "j" not in run.statuses()
    run.report("c", ok=False)
    assert (run.statuses()["j"], run.statuses()["k"]) == ("skipped", "skipped")
    run.report("a", "x")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def loop(**values: object) -> World:
    """`s`, then `a` and `b` again and again until it is done, then `end`."""
    run = begun(
        a_step("s", edges=edges("a")),
        a_step("a", edges=edges("b"), **values),
        a_step("b", edges=UNLESS_DONE),
        a_step("end"),
    )
    run.names["done"] = False
    run.report("s")
    return run


def test_a_loop_runs_its_steps_again_until_an_edge_leads_out_of_it() -> None:
    run = loop()
    for _ in range(2):
        run.report("a", "b")
        assert "end" not in run.statuses()  # not skipped either: the next round may lead there
    run.names["done"] = True
    run.report("a", "b", "end")
    assert run.begun == ["s", "a", "b", "a", "b", "a", "b", "end"]
    assert run.visits("b") == [(1, 1, 1), (2, 2, 1), (3, 3, 1)]
    assert [each.entry for each in run.execution.attempts if each.step_key == "a"] == [False, True, True]
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_a_new_round_has_all_its_tries() -> None:
    run = loop(retry=Retry(max_attempts=2))
    run.report("a", ok=False)
    run.report("a", "b")
    run.report("a", ok=False)
    assert run.visits("a") == [(1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2)]
    run.report("a", ok=False)
    assert run.execution.status is ExecutionStatus.FAILED


def test_a_loop_that_does_not_end_fails() -> None:
    run = loop(max_visits=2)
    run.report("a", "b", "a", "b")
    assert run.execution.status is ExecutionStatus.FAILED
    assert run.execution.error == "step a was run 2 times, which is its max_visits: the loop does not end"


def test_a_step_can_lead_to_itself() -> None:
    run = begun(a_step("a", edges=edges("a", when=When.FAILURE), max_visits=3))
    run.report("a", "a", ok=False)
    run.report("a")
    assert (run.begun, run.execution.status) == (["a", "a", "a"], ExecutionStatus.SUCCEEDED)


def test_a_step_that_is_skipped_in_a_round_has_not_been_run_in_it() -> None:
    run = begun(
        a_step("a", edges=(*edges("b"), *edges("fix", when=When.FAILURE))),
        a_step("fix", edges=edges("b"), max_visits=1),
        a_step("b", edges=UNLESS_DONE),
        a_step("end"),
    )
    run.names["done"] = False
    run.report("a", "b", "a", "b")
    run.report("a", ok=False)
    assert run.visits("fix") == [(1, 1, 1), (2, 1, 1), (3, 1, 1)]
    run.report("fix", "b")
    run.report("a", ok=False)
    assert "step fix was run 1 times" in str(run.execution.error)


def test_a_round_comes_to_its_end_before_the_next_begins() -> None:
    run = begun(
        a_step("t", edges=edges("a", "x")),
        a_step("a", edges=(*edges("t", when=When.FAILURE), *edges("j"))),
        a_step("x", edges=edges("y", "j")),
        a_step("y"),
        a_step("j"),
    )
    run.report("t")
    run.report("a", ok=False)
    assert run.begun == ["t", "a", "x"]
    run.report("x")
    assert run.begun == ["t", "a", "x", "y"]  # j waits for a, whose next round may lead there
    run.report("y")
    assert run.begun == ["t", "a", "x", "y", "t"]
    run.report("t", "a", "x")
    assert run.begun.count("j") == 1
    run.report("y", "j")
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_what_a_loop_does_not_lead_to_goes_on_beside_it() -> None:
    run = begun(
        a_step("s", edges=edges("p", "a")),
        a_step("p", edges=edges("j")),
        a_step("a", edges=(*edges("a", when=When.FAILURE), *edges("j"))),
        a_step("j"),
    )
    run.report("s")
    run.report("a", "a", ok=False)
    assert run.begun == ["s", "p", "a", "a", "a"]
    run.report("p", "a", "j")
    assert run.begun == ["s", "p", "a", "a", "a", "j"]
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_of_two_loops_at_once_the_outer_one_wins() -> None:
    run = begun(
        a_step("a", edges=edges("b")),
        a_step("b", edges=(*edges("b", when=When.FAILURE), *edges("a", when=When.FAILURE), *edges("c"))),
        a_step("c"),
    )
    run.report("a")
    run.report("b", ok=False)
    assert run.begun == ["a", "b", "a"]
    run.report("a", "b", "c")
    assert run.begun == ["a", "b", "a", "b", "c"]
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_an_inner_loop_does_not_wipe_out_what_asks_for_the_outer_one() -> None:
    run = begun(
        a_step("a", edges=edges("x", "b")),
        a_step("x"),
        a_step("b", edges=edges("c", "d")),
        a_step("c", edges=edges("a", when=When.FAILURE)),
        a_step("d", edges=edges("b", when=When.FAILURE)),
    )
    run.report("a", "b")
    run.report("c", "d", ok=False)
    assert run.begun == ["a", "x", "b", "c", "d"]
    run.report("x")
    assert run.execution.current_steps == ("a",)
    run.report("a", "x", "b", "c", "d")
    assert run.begun == ["a", "x", "b", "c", "d"] * 2
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_a_loop_waits_for_room() -> None:
    run = begun(
        a_step("s", edges=edges("p", "a", "q")),
        a_step("p"),
        a_step("a", edges=edges("a", when=When.FAILURE)),
        a_step("q"),
        max_parallel=2,
    )
    run.report("s")
    run.report("a", ok=False)
    assert [each.step_key for each in run.running] == ["p", "q"]
    run.report("p", "a", "q")
    assert run.begun == ["s", "p", "a", "q", "a"]
    assert run.execution.status is ExecutionStatus.SUCCEEDED


def test_a_paused_loop_begins_no_round() -> None:
    run = loop()
    run.report("a")
    run.pause()
    run.report("b")
    assert run.begun == ["s", "a", "b"]
    run.resume()
    run.settle()
    assert run.begun == ["s", "a", "b", "a"]


def test_progress_goes_back_with_a_loop_and_is_100_only_at_the_end() -> None:
    run = loop()
    run.report("a")
    assert progress(run.workflow, run.execution) == 50
    run.report("b")
    assert progress(run.workflow, run.execution) == 25
    run.names["done"] = True
    run.report("a", "b")
    assert progress(run.workflow, run.execution) == 75
    run.report("end")
    assert progress(run.workflow, run.execution) == 100


def test_continue_takes_the_way_of_success_in_a_loop() -> None:
    run = begun(a_step("a", on_failure=CONTINUE, edges=(*edges("a", when=When.FAILURE), *edges("b"))), a_step("b"))
    run.report("a", ok=False)
    assert run.begun == ["a", "b"]
