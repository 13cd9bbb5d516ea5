"""What executions wait for, what was come to again, undone or started by others: as rows and lines. Pure."""

from dataclasses import replace
from datetime import timedelta

import pytest

from console.view import execution_rows
from console.view.execution_lines import starts_another, title
from console.view.execution_rows import ExecutionView
from console.view.heading import trouble_line
from console.view.labels import ASCII, UNICODE, Symbols, plain
from console.view.pieces import cells
from console.view.timeline import Entry, draw, entries
from console.view.tree import branches
from console.view.waiting import asking, standing_cell, waits
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.workflows import Workflow
from tests.console.test_timeline_view import START, at, attempt, execution, workflow

RUNNING, SUCCEEDED, FAILED = AttemptStatus.RUNNING, AttemptStatus.SUCCEEDED, AttemptStatus.FAILED
STEPS = workflow("boot", "disk", "packages")


def by(performer: Performer, value: Attempt, **more: object) -> Attempt:
    return replace(value, performer=performer, **more)  # type: ignore[arg-type]


def told(steps: Workflow, shown: Execution) -> list[str]:
    return [f"{entry.name}{entry.number}" for entry in entries(steps, shown)]


def test_visits_and_the_tries_of_each_are_counted() -> None:
    tries = [
        attempt("disk", FAILED, 0, 1),
        attempt("disk", SUCCEEDED, 1, 2, number=2),
        replace(attempt("disk", RUNNING, 3, number=3), visit=2),
    ]
    found = entries(STEPS, execution(*tries))
    assert [f"{entry.name}{entry.number}" for entry in found] == [
        "boot",
        "disk x1 1/3",
        "disk x1 2/3",
        "disk x2",
        "packages",
    ]
    assert [entry.failed for entry in found] == [False] * 5, "what was tried or come to again is not what failed"
    assert len({entry.key for entry in found}) == 5


def test_only_the_last_failure_of_the_last_visit_is_how_a_step_failed() -> None:
    again = replace(attempt("disk", FAILED, 3, 4, number=2), visit=2)
    found = entries(STEPS, execution(attempt("disk", FAILED, 0, 1), again, ended=4))
    assert [entry.failed for entry in found if entry.attempt] == [False, True]


def test_what_is_undone_stands_last_and_is_named() -> None:
    steps = workflow("boot", "disk", "wipe")
    done = attempt("disk", SUCCEEDED, 0, 1)
    tries = [replace(attempt("wipe", FAILED, n, n + 1, number=n), undoes=done.id) for n in (2, 3)]
    assert told(steps, execution(done, *tries)) == ["boot", "disk", "wipe", "undoes disk 1/3", "undoes disk 2/3"]
    assert [entry.failed for entry in entries(steps, execution(done, *tries))][-2:] == [False, True]


def test_a_step_that_no_edge_leads_to_is_shown_once_it_ran() -> None:
    steps = replace(STEPS, steps=(*STEPS.steps, replace(STEPS.steps[-1], id="x", key="rescue", name="rescue")))
    assert told(steps, execution()) == ["boot", "disk", "packages"]
    assert told(steps, execution(attempt("rescue", RUNNING, 0))) == ["boot", "disk", "packages", "rescue"]


@pytest.mark.parametrize("symbols", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize(
    ("performer", "word", "fill"),
    [
        (Performer.PERSON, "needs you", "?"),
        (Performer.TIMER, "waits", "·"),
        (Performer.WORKFLOW, "child", "▒"),
        (Performer.NODE, "running", "▒"),
        (Performer.ENGINE, "running", "▒"),
    ],
)
def test_a_bar_says_what_is_waited_for(performer: Performer, word: str, fill: str, symbols: Symbols) -> None:
    shown = execution(by(performer, attempt("boot", RUNNING, 0)))
    line = draw(STEPS, shown, at(30), 80, symbols)[1]
    assert word in line
    assert (fill if symbols is UNICODE else {"·": ".", "▒": "-"}.get(fill, fill)) * 3 in line
    assert cells(line) == 80
    assert (symbols.person in line) is (performer is Performer.PERSON)


def test_only_what_runs_asks() -> None:
    ask = by(Performer.PERSON, attempt("boot", RUNNING, 0), config={"message": "Wipe it?"})
    assert asking(execution(ask)) == (ask,)
    assert asking(execution(replace(ask, status=SUCCEEDED))) == ()
    assert asking(execution(ask, ended=3)) == ()
    assert plain(standing_cell(execution(ask), UNICODE)) == "● needs you"
    assert plain(standing_cell(execution(ask), ASCII)) == "@ needs you"
    paused = replace(execution(ask), status=ExecutionStatus.PAUSED)
    assert plain(standing_cell(paused, UNICODE)) == "‖ paused"


def test_a_long_question_is_wrapped_and_says_whose_it_is() -> None:
    ask = by(Performer.PERSON, attempt("boot", RUNNING, 0), config={"message": "Wipe every disk? " * 9})
    lines = [plain(line) for line in title(execution(ask), "n", at(5), 60, UNICODE)][2:]
    assert lines[0].startswith(" ● needs you: Wipe every disk?")
    assert all(line.startswith(" " * 14) for line in lines[1:])
    assert {cells(line) <= 60 for line in lines} == {True}


def test_what_waits_for_its_turn_says_why() -> None:
    pending = replace(execution(), status=ExecutionStatus.PENDING, started_at=None, waits_for="a place: 8 of 8 run")
    assert waits(pending) == "waits: a place: 8 of 8 run"
    assert waits(replace(pending, status=ExecutionStatus.CANCELLED)) == ""
    row = execution_rows.execution_row(ExecutionView(execution=pending), at(5), UNICODE)
    assert "waits: a place: 8 of 8 run" in [plain(each) for each in row]
    assert any("waits: a place" in plain(line) for line in title(pending, "n", at(5), 80, UNICODE))


@pytest.mark.parametrize(
    ("status", "output", "has"),
    [
        (RUNNING, {}, True),
        (SUCCEEDED, {"execution_id": "e"}, True),
        (FAILED, {"execution_id": "e"}, True),
        (FAILED, {}, False),
        (AttemptStatus.RETRYING, {}, False),
        (AttemptStatus.CANCELLED, {}, True),
    ],
)
def test_what_has_started_another(status: AttemptStatus, output: dict[str, str], has: bool) -> None:
    assert starts_another(by(Performer.WORKFLOW, attempt("boot", status, 0), output=output)) is has
    assert not starts_another(attempt("boot", status, 0))


def family() -> list[Execution]:
    """A root, its two children, and a child of the first."""
    root = replace(execution(), id="root")
    one = replace(root, id="one", parent_id="root", created_at=START + timedelta(seconds=1))
    below = replace(root, id="below", parent_id="one", created_at=START + timedelta(seconds=9))
    two = replace(root, id="two", parent_id="root", created_at=START + timedelta(seconds=5))
    return [root, one, below, two]


def test_the_tree_of_executions() -> None:
    assert [(lead, each.id) for lead, each in branches(family(), UNICODE)] == [
        ("", "root"),
        ("├─ ", "one"),
        ("│  └─ ", "below"),
        ("└─ ", "two"),
    ]
    assert [lead for lead, _ in branches(family(), ASCII)] == ["", "|- ", "|  `- ", "`- "]
    assert list(branches([], UNICODE)) == []


def test_children_stand_below_what_started_them() -> None:
    root, one, below, two = family()
    newer = replace(root, id="newer", created_at=START + timedelta(seconds=3))
    views = [
        ExecutionView(execution=two, above=(root,)),
        ExecutionView(execution=below, above=(root, one)),
        ExecutionView(execution=newer),
        ExecutionView(execution=one, above=(root,)),
        ExecutionView(execution=root),
    ]
    for sort in ("attention", "started"):
        views.sort(key=lambda view, sort=sort: execution_rows.execution_sort_key(view, sort))  # type: ignore[misc]
        assert [view.execution.id for view in views] == ["newer", "root", "one", "below", "two"]
    names = [plain(execution_rows.execution_row(view, START, UNICODE)[1]) for view in views]
    assert names == ["w@v1.0", "w@v1.0", "└ w@v1.0", " └ w@v1.0", "└ w@v1.0"]
    orphan = ExecutionView(execution=replace(one, parent_id="forgotten"))
    assert plain(execution_rows.execution_row(orphan, START, UNICODE)[1]) == "└ w@v1.0"


def test_what_is_wrong_with_the_store_fits_the_line() -> None:
    [piece] = trouble_line("the store cannot be written: disk is full", 80, UNICODE)
    assert piece.text.rstrip() == " ! STORE: cannot be written: disk is full"
    assert cells(trouble_line("x" * 200, 60, UNICODE)[0].text) == 60


def test_a_row_without_an_attempt_has_no_number() -> None:
    assert Entry(step=STEPS.steps[0]).number == ""
