"""How long a run will take, from earlier ones."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.core.estimates import NO_HISTORY, History, PastRun, StepRun, eta, history, percentile
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run(*steps: tuple[str, float | None, str]) -> PastRun:
    """Each step with its seconds and, in words, where it led."""
    listed = tuple(StepRun(key=key, name=key, seconds=seconds, routes=tuple(to.split())) for key, seconds, to in steps)
    return PastRun(seconds=sum(seconds or 0 for _, seconds, _ in steps), steps=listed)


def attempt(key: str, *, since: float | None = 0.0, due: float | None = None, **values: object) -> Attempt:
    """An attempt that began so many seconds after the start."""
    blank = Attempt(
        id=key,
        execution_id="e",
        step_id=key,
        step_key=key,
        step_name=key,
        action="core.echo",
        attempt=1,
        status=AttemptStatus.RUNNING if since is not None else AttemptStatus.RETRYING,
        performer=Performer.ENGINE,
        created_at=START,
        started_at=None if since is None else START + timedelta(seconds=since),
        due_at=None if due is None else START + timedelta(seconds=due),
    )
    return replace(blank, **values)  # type: ignore[arg-type]


def execution(*attempts: Attempt, **values: object) -> Execution:
    blank = Execution(
        id="e",
        workflow_id="w",
        workflow_name="w",
        workflow_version="v1.0",
        version_id="v",
        status=ExecutionStatus.RUNNING,
        created_at=START,
        attempts=attempts,
    )
    return replace(blank, **values)  # type: ignore[arg-type]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


# boot, then copy; three runs of which one was slow
LINE = history([run(("boot", boot, "copy"), ("copy", copy, "")) for boot, copy in ((60, 300), (50, 320), (100, 900))])
# after boot two lanes, which meet at done
LANES = history([run(("boot", 10, "disk net"), ("disk", 100, "done"), ("net", 20, "done"), ("done", 5, ""))])
# one way or the other, mostly the short one; and a loop that was gone through twice
WAYS = history([run(("ask", 1, to), (to, seconds, "")) for to, seconds in (("short", 5), ("short", 7), ("long", 90))])
LOOP = history([run(("try", 10, "look"), ("look", 1, "try"), ("try", 10, "look"), ("look", 1, "end"), ("end", 3, ""))])


@pytest.mark.parametrize(
    ("past", "value", "now", "left"),
    [
        (LINE, execution(attempt("boot")), 0, 60 + 320),
        (LINE, execution(attempt("boot")), 40, 20 + 320),
        (LINE, execution(attempt("boot")), 70, 30 + 320),  # as the slow one, for the others were done by now
        (LINE, execution(attempt("copy", since=60)), 160, 220),
        (LINE, execution(attempt("copy", since=None, due=30)), 10, 20 + 320),  # it is tried again, but not yet
        (LANES, execution(attempt("boot")), 0, 10 + 100 + 5),
        (LANES, execution(attempt("disk", since=10), attempt("net", since=10)), 20, 90 + 5),
        (LANES, execution(attempt("net", since=10)), 20, 10 + 5),
        (WAYS, execution(attempt("ask")), 0, 1 + 6),
        (LOOP, execution(attempt("try")), 0, 10 + 1 + 3),
    ],
)
def test_what_is_left_is_the_median_of_each_step_to_come_along_the_longest_branch(
    past: History, value: Execution, now: float, left: float
) -> None:
    found = eta(value, past, at(now))
    assert found is not None
    assert found.seconds == pytest.approx(left)
    assert (found.runs, found.is_late) == (past.runs, False)


def test_what_takes_longer_than_ever_is_late_and_only_the_rest_is_told() -> None:
    found = eta(execution(attempt("boot")), LINE, at(101))
    assert found is not None
    assert (found.seconds, found.is_late) == (320, True)


@pytest.mark.parametrize(
    ("past", "value"),
    [
        (NO_HISTORY, execution(attempt("boot"))),
        (LINE, execution(attempt("boot"), attempt("other"))),
        (LINE, execution(attempt("boot", performer=Performer.PERSON))),
        (LINE, execution(attempt("boot", status=AttemptStatus.SUCCEEDED))),
        (LINE, execution(attempt("boot"), status=ExecutionStatus.PAUSED)),
        (LINE, execution(attempt("boot"), status=ExecutionStatus.SUCCEEDED)),
        (LINE, execution(attempt("boot"), failing=True)),
        (LINE, execution(attempt("boot"), rolling_back=True)),
    ],
)
def test_nothing_is_told_where_nobody_knows(past: History, value: Execution) -> None:
    assert eta(value, past, at(0)) is None


def test_a_step_that_was_skipped_takes_no_time_and_the_newest_name_counts() -> None:
    newest, older = run(("a", None, "b"), ("b", 4, "")), run(("a", None, "b"), ("b", 2, ""))
    renamed = replace(newest, steps=(newest.steps[0], replace(newest.steps[1], name="B")))
    found = history([renamed, older])
    assert list(found.steps) == ["b"]
    assert (found.steps["b"].name, found.steps["b"].seconds, found.steps["b"].median) == ("B", (2, 4), 3)
    assert (found.runs, found.seconds, found.after["a"]) == (2, (2, 4), 3)


def test_a_long_chain_is_gone_along_without_end_of_stack() -> None:
    keys = [f"s{number}" for number in range(5000)]
    found = history([run(*((key, 1.0, to) for key, to in zip(keys, [*keys[1:], ""], strict=True)))])
    assert found.after["s0"] == 4999


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [((), 0.5, 0), ((7,), 0.99, 7), ((1, 3), 0.5, 2), ((1, 2, 3), 0.5, 2), (range(101), 0.9, 90), ((1, 2), 2.0, 2)],
)
def test_a_percentile_lies_between_two_values_in_proportion(
    values: Sequence[float], share: float, found: float
) -> None:
    assert percentile(values, share) == pytest.approx(found)
