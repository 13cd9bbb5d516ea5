"""The timeline's geometry, as tables: when and how wide to where and what."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.view import labels
from console.view.labels import Role
from console.view.pieces import cells
from console.view.timeline import current, draw, drawing, entries, fills_for
from console.view.timeline_axis import Axis, axis
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.workflows import Edge, Retry, Step, Workflow

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUNNING, SUCCEEDED, FAILED = AttemptStatus.RUNNING, AttemptStatus.SUCCEEDED, AttemptStatus.FAILED
RETRYING, TIMED_OUT, SKIPPED = AttemptStatus.RETRYING, AttemptStatus.TIMED_OUT, AttemptStatus.SKIPPED
CANCELLED = AttemptStatus.CANCELLED


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def workflow(*names: str, tries: int = 3) -> Workflow:
    """Steps one after the other; a step's key is its name."""
    steps = [
        Step(
            id=name,
            key=name,
            sequence=number,
            name=name,
            action="node.script",
            retry=Retry(max_attempts=tries),
            edges=tuple(Edge(to=to) for to in names[number + 1 : number + 2]),
        )
        for number, name in enumerate(names)
    ]
    return Workflow(name="w", steps=tuple(steps))


def attempt(
    step: str,
    status: AttemptStatus,
    begin: float | None = None,
    end: float | None = None,
    *,
    number: int = 1,
    made: float | None = None,
    due: float | None = None,
    percent: int | None = None,
) -> Attempt:
    """An attempt that was made, began, ended (all in seconds from the start)."""
    first = made if made is not None else begin or 0.0
    return Attempt(
        id=f"{step}-{number}",
        execution_id="e",
        step_id=step,
        step_key=step,
        step_name=step,
        action="node.script",
        attempt=number,
        status=status,
        performer=Performer.NODE,
        progress_percent=percent,
        created_at=at(first),
        due_at=None if due is None else at(due),
        started_at=None if begin is None else at(begin),
        completed_at=None if end is None else at(end),
        heard_at=None if begin is None else at(begin),
    )


def execution(*attempts: Attempt, ended: float | None = None) -> Execution:
    return Execution(
        id="e",
        workflow_id="w",
        workflow_name="w",
        workflow_version="v1.0",
        version_id="v",
        status=ExecutionStatus.RUNNING if ended is None else ExecutionStatus.SUCCEEDED,
        created_at=START,
        started_at=START,
        completed_at=None if ended is None else at(ended),
        attempts=attempts,
    )


MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (-30, 5),  # another machine's clock is ahead of ours
        (0, 5),
        (1, 5),
        (5, 5),
        (5.1, 10),
        (61, 90),
        (14 * MINUTE, 15 * MINUTE),
        (3 * HOUR + 1, 4 * HOUR),
        (DAY, DAY),
        (DAY + 1, 2 * DAY),
        (40.5 * DAY, 41 * DAY),
    ],
)
def test_a_running_execution_ends_at_a_round_moment_ahead(now: float, seconds: float) -> None:
    assert axis(execution(attempt("a", RUNNING, 0)), at(now), 50).seconds == seconds


@pytest.mark.parametrize(("ended", "seconds"), [(0, 1), (0.4, 1), (1, 1), (73, 73), (7 * HOUR, 7 * HOUR), (-5, 1)])
def test_an_execution_that_has_ended_fills_the_axis(ended: float, seconds: float) -> None:
    assert axis(execution(ended=ended), at(9 * DAY), 50).seconds == seconds


def test_a_retry_that_is_due_later_is_on_the_axis() -> None:
    waiting = execution(attempt("a", RETRYING, made=2, due=50, number=2))
    assert axis(waiting, at(3), 60).seconds == 60


@pytest.mark.parametrize(
    ("begin", "end", "stretch"),
    [
        (0, 60, (0, 60)),
        (0, 0, (0, 1)),
        (0, 0.3, (0, 1)),
        (10, 20, (10, 20)),
        (10.9, 20.9, (10, 20)),
        (20.9, 21, (20, 21)),
        (59.9, 60, (59, 60)),
        (60, 60, (59, 60)),
        (61, 99, (59, 60)),
        (-10, -5, (0, 1)),
        (-10, 5, (0, 5)),
        (20, 10, (20, 21)),
    ],
)
def test_a_bar_has_at_least_one_cell_and_stays_on_the_axis(begin: float, end: float, stretch: tuple[int, int]) -> None:
    assert Axis(start=START, seconds=60, cells=60).stretch(at(begin), at(end)) == stretch


def test_bars_that_follow_each_other_meet() -> None:
    scale = Axis(start=START, seconds=97, cells=41)
    moments = [0, 3.3, 17, 40.1, 62, 97]
    stretches = [scale.stretch(at(a), at(b)) for a, b in itertools.pairwise(moments)]
    assert [first for first, _ in stretches[1:]] == [last for _, last in stretches[:-1]]
    assert stretches[-1][1] == 41


@pytest.mark.parametrize(
    ("seconds", "width", "labels"),
    [
        (1, 40, ["0s", "0.5s"]),
        (1, 50, ["0s", "0.2s", "0.4s", "0.6s", "0.8s"]),
        (5, 40, ["0s", "1s", "2s", "3s", "4s"]),
        (60, 40, ["0s", "15s", "30s", "45s"]),
        (60, 16, ["0s", "30s"]),
        (90, 40, ["0s", "30s", "1m"]),
        (3 * HOUR, 60, ["0s", "30m", "1h", "1h30m", "2h", "2h30m"]),
        (9 * DAY, 60, ["0s", "2d", "4d", "6d", "8d"]),
        (400 * DAY, 60, ["0s", "91d", "182d", "273d", "364d"]),
        (60, 4, ["0s"]),
        (60, 1, []),
    ],
)
def test_the_ruler_says_round_times_as_closely_as_there_is_room(seconds: float, width: int, labels: list[str]) -> None:
    ticks = Axis(start=START, seconds=seconds, cells=width).ticks()
    assert [label for _, label in ticks] == labels


@given(st.floats(1, 500 * DAY), st.integers(1, 200))
def test_labels_of_the_ruler_never_touch(seconds: float, width: int) -> None:
    ticks = Axis(start=START, seconds=seconds, cells=width).ticks()
    ends = [place + 1 + len(label) for place, label in ticks]
    assert all(end < place for end, (place, _) in zip(ends, ticks[1:], strict=False))
    assert all(end <= width for end in ends)


STORY = execution(
    attempt("boot", SUCCEEDED, 0, 20),
    attempt("disk", FAILED, 20, 26),
    attempt("disk", RUNNING, 36, made=26, number=2, percent=42),
)
STEPS = workflow("boot", "disk", "packages")


PICTURES = {
    (80, "unicode"): """\
             ╷0s        ╷15s        ╷30s        ╷45s
  ✓ boot     ███████████████                                  succeeded     20s
  ✗ disk 1/3                ×××××                             failed         6s
  ▸ disk 2/3                     ········▒ 42% ▒▒▒▒▒▒▒▒▒      running       20s
  ◌ packages""",
    (80, "ascii"): """\
             |0s        |15s        |30s        |45s
  + boot     ===============                                  succeeded     20s
  X disk 1/3                xxxxx                             failed         6s
  > disk 2/3                     ........- 42% ---------      running       20s
  . packages""",
    (40, "unicode"): """\
             ╷0s     ╷30s
  ✓ boot     █████                  20s
  ✗ disk 1/3      ××                 6s
  ▸ disk 2/3        ···▒▒▒▒▒        20s
  ◌ packages""",
    (20, "unicode"): """\
             ╷0s
  ✓ boot     ██
  ✗ disk 1/3   ×
  ▸ disk 2/3   ·▒▒
  ◌ packages""",
}


@pytest.mark.parametrize(("width", "symbols"), PICTURES)
def test_the_whole_picture(width: int, symbols: str) -> None:
    lines = draw(STEPS, STORY, at(56), width, labels.ASCII if symbols == "ascii" else labels.UNICODE)
    assert "\n".join(line.rstrip() for line in lines) == PICTURES[width, symbols]
    assert all(line.isascii() for line in lines) == (symbols == "ascii")


def test_bars_of_different_outcomes_differ_without_colour() -> None:
    for symbols in (labels.UNICODE, labels.ASCII):
        fills = fills_for(symbols)
        shown = {status: fills.of(status) for status in (RUNNING, SUCCEEDED, FAILED, RETRYING, CANCELLED)}
        assert len(set(shown.values())) == len(shown)
        assert fills.of(TIMED_OUT) == fills.of(FAILED)


def rows(*attempts: Attempt, now: float, width: int = 80, ended: float | None = None) -> list[str]:
    steps = workflow(*dict.fromkeys(each.step_key for each in attempts))
    lines = draw(steps, execution(*attempts, ended=ended), at(now), width, labels.UNICODE)
    return [line.rstrip() for line in lines[1:]]


def test_a_bar_grows_with_time_and_not_at_all_when_it_has_ended() -> None:
    lengths = [rows(attempt("a", RUNNING, 0), now=now)[0].count("▒") for now in (31, 35, 40, 45, 46)]
    assert lengths == [35, 39, 45, 51, 39]  # at 45 s it has reached the edge; then the axis ends at 60 s
    ended = [rows(attempt("a", SUCCEEDED, 0, 9), now=now, ended=9) for now in (9, 99, 9999)]
    assert ended[0] == ended[1] == ended[2]


@pytest.mark.parametrize(
    ("given_attempt", "now", "words"),
    [
        (attempt("a", RUNNING, 0), 0, "running        0s"),
        (attempt("a", RUNNING, 0), -30, "running        0s"),
        (attempt("a", RUNNING, 0), 125, "running    2m 05s"),
        (attempt("a", RUNNING, 0, percent=7), 0.5, "at 7%          0s"),
        (attempt("a", SUCCEEDED, 0, 7500), 8000, "succeeded  2h 05m"),
        (attempt("a", TIMED_OUT, 0, 30), 40, "timed out     30s"),
        (attempt("a", CANCELLED, 0, 30), 40, "cancelled     30s"),
        (attempt("a", RETRYING, made=5, due=35, number=2), 10, "retry in      25s"),
        (attempt("a", RETRYING, made=5, due=35, number=2), 50, "retry in       0s"),
        (attempt("a", SKIPPED), 40, "skipped"),
    ],
)
def test_what_is_said_of_an_attempt(given_attempt: Attempt, now: float, words: str) -> None:
    assert rows(given_attempt, now=now)[0].endswith(words)


def test_a_retry_that_waits_is_dotted_until_it_is_due() -> None:
    line = rows(attempt("a", FAILED, 0, 15), attempt("a", RETRYING, made=15, due=45, number=2), now=20, width=64)[1]
    first = rows(attempt("a", FAILED, 0, 15), attempt("a", RETRYING, made=15, due=45, number=2), now=20, width=64)[0]
    assert line.index("·") == first.rindex("×") + 1
    assert line.count("·") == pytest.approx(2 * first.count("×"), abs=1)


def test_a_retry_that_was_cancelled_while_it_waited_has_only_its_wait() -> None:
    line = rows(attempt("a", CANCELLED, None, 20, made=10, number=2), now=30, ended=30)[0]
    assert "·" in line
    assert "cancelled" in line


def test_steps_stand_in_the_order_of_the_plan_whatever_ran_first() -> None:
    steps = workflow("one", "two", "three", "four")
    known = entries(steps, execution(attempt("three", SKIPPED), attempt("one", SUCCEEDED, 0, 1)))
    assert [(row.name, row.is_dim) for row in known] == [
        ("one", False),
        ("two", True),
        ("three", True),
        ("four", True),
    ]


def test_steps_not_reached_by_an_execution_that_has_ended_did_not_run() -> None:
    lines = draw(workflow("a", "b"), execution(attempt("a", FAILED, 0, 1), ended=1), at(1), 80, labels.UNICODE)
    assert lines[2].rstrip().endswith("not run")


def test_only_the_last_failure_of_a_step_is_bad() -> None:
    known = entries(
        workflow("a"),
        execution(
            attempt("a", FAILED, 0, 1), attempt("a", TIMED_OUT, 1, 2, number=2), attempt("a", FAILED, 2, 3, number=3)
        ),
    )
    assert [row.role for row in known] == [Role.WARN, Role.WARN, Role.BAD]


def test_many_attempts_are_numbered_and_fit() -> None:
    many = [attempt("a", FAILED, n, n + 1, number=n + 1) for n in range(29)] + [attempt("a", RUNNING, 29, number=30)]
    lines = draw(workflow("a", tries=30), execution(*many), at(31), 60, labels.UNICODE)
    assert len(lines) == 31
    assert "a 1/30" in lines[1]
    assert "a 30/30" in lines[30]


@pytest.mark.parametrize("symbols", [labels.UNICODE, labels.ASCII])
def test_a_long_name_is_cut_before_the_number_of_the_attempt(symbols: labels.Symbols) -> None:
    name = "write the boot loader to every disk of the machine\x1b[2J"
    steps = workflow(name)
    tried = execution(attempt(name, FAILED, 0, 1), attempt(name, RUNNING, 1, number=2))
    lines = draw(steps, tried, at(3), 60, symbols)
    assert f"{symbols.ellipsis} 2/3 " in lines[2]
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("statuses", "place"),
    [
        ((), 0),
        ((SUCCEEDED, SUCCEEDED), 1),
        ((SUCCEEDED, RUNNING), 1),
        ((FAILED, SUCCEEDED), 0),
        ((RUNNING, RETRYING), 0),
        ((RETRYING, SUCCEEDED), 0),
        ((SUCCEEDED, SKIPPED, CANCELLED), 2),
        ((SKIPPED,), 0),
    ],
)
def test_the_row_to_look_at_first(statuses: tuple[AttemptStatus, ...], place: int) -> None:
    names = [f"s{n}" for n in range(3)]
    made = [attempt(name, status, 0) for name, status in zip(names, statuses, strict=False)]
    assert current(entries(workflow(*names), execution(*made))) == place


STATUS = st.sampled_from(list(AttemptStatus))
MOMENT = st.floats(-100, 10 * DAY)


@st.composite
def attempts(draw_: st.DrawFn) -> list[Attempt]:
    """Anything a store could ever hold, and more."""
    found: list[Attempt] = []
    for step in draw_(st.lists(st.sampled_from("abcd"), max_size=8)):
        begin, end = draw_(st.none() | MOMENT), draw_(st.none() | MOMENT)
        one = attempt(
            step,
            draw_(STATUS),
            begin,
            end,
            made=draw_(MOMENT),
            due=draw_(MOMENT),
            percent=draw_(st.none() | st.integers(0, 100)),
        )
        found.append(replace(one, attempt=1 + sum(each.step_key == step for each in found)))
    return found


@given(attempts(), MOMENT, st.none() | MOMENT, st.integers(20, 200), st.sampled_from([labels.UNICODE, labels.ASCII]))
def test_every_line_has_exactly_the_width(
    made: list[Attempt], now: float, ended: float | None, width: int, symbols: labels.Symbols
) -> None:
    lines = draw(workflow("a", "b", "c", "d"), execution(*made, ended=ended), at(now), width, symbols)
    assert {cells(line) for line in lines} == {width}
    assert len(lines) == 1 + len(made) + len({"a", "b", "c", "d"} - {each.step_key for each in made})


@given(attempts(), MOMENT, st.integers(20, 200))
def test_whatever_was_begun_has_a_bar(made: list[Attempt], now: float, width: int) -> None:
    steps, running = workflow("a", "b", "c", "d"), execution(*made)
    known = entries(steps, running)
    picture = drawing(known, running, at(now), width, labels.UNICODE)
    for entry in known:
        text = "".join(piece.text for piece in picture.row(entry))
        begin = picture.columns.bar_at - 2
        bar = text[begin : begin + picture.columns.bar]
        if entry.is_dim:
            assert not bar.strip()
        elif entry.attempt and entry.attempt.status is not RETRYING:
            assert bar.strip()
