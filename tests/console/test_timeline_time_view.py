"""The timeline seen nearer, its lanes, and what its bars say of waits and rollbacks, as tables."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.view import labels
from console.view.lanes import lanes
from console.view.timeline import draw, drawing, entries, fills_for
from console.view.timeline_axis import Axis
from console.view.timeline_rows import FOLDED
from console.view.timeline_window import Window, following, moved, revealed, zoomed
from engine.core.executions import Attempt, AttemptStatus, Execution, Performer
from engine.core.workflows import Edge, Step, Workflow
from tests.console.test_timeline_view import DAY, START, at, attempt, execution, workflow

RUNNING, SUCCEEDED, FAILED = AttemptStatus.RUNNING, AttemptStatus.SUCCEEDED, AttemptStatus.FAILED


def graph(**ways: str) -> Workflow:
    """Steps by key, each with the keys that its edges lead to."""
    steps = (
        Step(id=key, key=key, sequence=at, name=key, action="a.b", edges=tuple(Edge(to=to) for to in targets.split()))
        for at, (key, targets) in enumerate(ways.items())
    )
    return Workflow(name="w", steps=tuple(steps))


PICTURES = {
    "one after the other": (graph(a="b", b="c", c="a"), ""),
    "two branches": (graph(a="b c", b="d", c="d", d=""), "o─╮/o │/│ o/o─╯"),
    "three that meet, and two": (
        graph(a="b c d", b="e", c="e", d="e", e="f g", f="h", g="h", h=""),
        "o─┼─╮/o │ │/│ o │/│ │ o/o─┼─╯/o │/│ o/o─╯",
    ),
    "a branch of a branch": (graph(a="b c", b="d", c="d e", d="f", e="f", f=""), "o─╮/o │/│ o─╮/o─╯ │/│   o/o───╯"),
    "past the others": (graph(a="b z", b="c", c="z", z=""), "o─╮/o │/o │/o─╯"),
    "more than anybody can follow": (graph(a="b c d e f g h", b="", c="", d="", e="", f="", g="", h=""), ""),
}


@pytest.mark.parametrize("name", PICTURES)
def test_lanes_part_and_come_together(name: str) -> None:
    steps, picture = PICTURES[name]
    for symbols, strokes in ((labels.UNICODE, {}), (labels.ASCII, {"─": "-", "│": "|", "╮": ".", "╯": "'", "┼": "+"})):
        found = lanes(steps, symbols)
        assert "/".join(lane.first.rstrip() for lane in found.values()) == "".join(
            strokes.get(char, char) for char in picture
        )
        assert len({len(text) for lane in found.values() for text in (lane.first, lane.then)}) <= 1


def test_lanes_stand_before_the_names_where_there_is_room() -> None:
    steps = graph(a="b c", b="d", c="d", d="")
    ran = execution(attempt("a", SUCCEEDED, 0, 5), attempt("b", FAILED, 5, 9), attempt("b", RUNNING, 9, number=2))
    lines = draw(steps, ran, at(12), 70, labels.UNICODE)
    assert [line[4:12] for line in lines[1:]] == ["o─╮ a   ", "o │ b 1/", "│ │ b 2/", "│ o c   ", "o─╯ d   "]
    assert "o─╮" not in draw(steps, ran, at(12), 50, labels.UNICODE)[1]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
def test_whatever_the_graph_lanes_have_one_width(edges: list[tuple[int, int]]) -> None:
    ways = {f"s{n}": " ".join(f"s{to}" for of, to in edges if of == n) for n in range(12)}
    found = lanes(graph(**ways), labels.UNICODE)
    assert len({len(text) for lane in found.values() for text in (lane.first, lane.then)}) <= 1
    assert all(lane.first.count("o") == 1 for lane in found.values())


def performed(performer: Performer, status: AttemptStatus = RUNNING, **more: object) -> Attempt:
    end = 20 if status is not RUNNING else None
    return replace(attempt("a", status, 0, end), performer=performer, heard_at=None, **more)  # type: ignore[arg-type]


FILLED = [
    (performed(Performer.TIMER), "·", "waits"),
    (performed(Performer.PERSON), "?", "needs you"),
    (performed(Performer.PERSON, SUCCEEDED), "?", "succeeded"),
    (performed(Performer.PERSON, FAILED), "×", "failed"),
    (performed(Performer.NODE), ":", "not taken"),
    (performed(Performer.NODE, taken_by="boot-1"), "▒", "running"),
    (performed(Performer.ENGINE), "▒", "running"),
    (performed(Performer.ENGINE, SUCCEEDED, undoes="b-1"), "◂", "succeeded"),
    (performed(Performer.ENGINE, FAILED, undoes="b-1"), "×", "failed"),
]


@pytest.mark.parametrize(("one", "fill", "word"), FILLED)
def test_what_is_waited_for_and_what_is_undone_is_told_by_the_fill(one: Attempt, fill: str, word: str) -> None:
    undone = (replace(attempt("b", SUCCEEDED, 0, 1), id="b-1"),) if one.undoes else ()
    line = draw(workflow("a", "b"), execution(*undone, one), at(30), 80, labels.UNICODE)[-1 if one.undoes else 1]
    assert fill in line
    assert word in line
    assert not set("·?:▒█×◂") - {fill} & set(line[20:60])


def test_every_fill_has_an_ascii_one_of_its_own() -> None:
    fills = fills_for(labels.ASCII)
    shown = [fills.succeeded, fills.running, fills.waiting, fills.asking, fills.untaken, fills.failed, fills.undone]
    assert len(set(shown)) == len(shown)
    assert all(fill.isascii() for fill in shown)


# Seen nearer


@pytest.mark.parametrize(
    ("window", "factor", "focus", "becomes"),
    [
        (None, 2, 30, (15, 30)),
        (None, 2, 0, (0, 30)),
        (None, 2, 60, (30, 30)),
        (None, 2, 99, (30, 30)),
        (None, 0.5, 30, None),
        (None, 1000, 30, (29.5, 1)),
        ((15, 30), 2, 15, (15, 15)),
        ((15, 30), 0.5, 30, None),
        ((15, 15), 0.5, 20, (10, 30)),
        ((50, 10), 0.5, 60, (40, 20)),
    ],
)
def test_zoom_keeps_its_focus_where_it_is(
    window: tuple[float, float] | None, factor: float, focus: float, becomes: tuple[float, float] | None
) -> None:
    found = zoomed(window and Window(begin=window[0], seconds=window[1]), 60, factor, focus)
    assert (found and (found.begin, found.seconds)) == becomes


def test_a_window_moves_but_never_beyond_an_end() -> None:
    window = Window(begin=20, seconds=20)
    assert [moved(window, 60, part) for part in (0.25, -0.25, 5, -5)] == [
        replace(window, begin=begin) for begin in (25, 15, 40, 0)
    ]
    assert moved(None, 60, 0.25) is None


@pytest.mark.parametrize(
    ("bar", "begin"), [((25, 26), 20), ((10, 21), 20), ((5, 8), 5), ((50, 52), 32), ((45, 90), 40), ((0, 3), 0)]
)
def test_a_bar_is_brought_into_view(bar: tuple[float, float], begin: float) -> None:
    found = revealed(Window(begin=20, seconds=20), 60, *bar)
    assert found is not None
    assert found.begin == begin


def test_a_window_on_the_present_goes_along_by_half_its_length() -> None:
    window = following(Window(begin=0, seconds=20), 15, running=True)
    assert window is not None
    assert [window.at(now, running=True).begin for now in (15, 20, 21, 30, 31, 95)] == [0, 0, 10, 10, 20, 80]
    assert window.at(95, running=False).begin == 0
    assert following(Window(begin=0, seconds=10), 15, running=True) == Window(begin=0, seconds=10)


@pytest.mark.parametrize(
    ("begin", "seconds", "width", "said"),
    [
        (3600, 60, 40, ["1h15s", "1h30s", "1h45s"]),
        (50, 20, 40, ["50s", "55s", "1m", "1m5s"]),
        (61.3, 1, 50, ["1m1.5s", "1m2s"]),
        (7, 10, 16, ["10s", "15s"]),
    ],
)
def test_the_ruler_of_a_window_says_times_from_the_start(
    begin: float, seconds: float, width: int, said: list[str]
) -> None:
    ticks = Axis(start=START, begin=begin, seconds=seconds, cells=width).ticks()
    assert [label for _, label in ticks][-len(said) :] == said


@given(st.floats(0, 40 * DAY), st.floats(1, 10 * DAY), st.integers(1, 200))
def test_labels_of_a_window_never_touch(begin: float, seconds: float, width: int) -> None:
    ticks = Axis(start=START, begin=begin, seconds=seconds, cells=width).ticks()
    ends = [place + 1 + len(label) for place, label in ticks]
    assert all(end <= place for end, (place, _) in zip(ends, ticks[1:], strict=False))
    assert all(end <= width for end in ends)


def test_bars_beside_the_window_leave_a_mark_at_its_edge() -> None:
    ran = execution(
        attempt("a", SUCCEEDED, 0, 10), attempt("b", SUCCEEDED, 10, 50), attempt("c", SUCCEEDED, 50, 60), ended=60
    )
    steps = workflow("a", "b", "c")
    known = entries(steps, ran)
    picture = drawing(known, ran, at(60), 60, labels.UNICODE, window=Window(begin=20, seconds=20), beside={})
    bars = ["".join(piece.text for piece in picture.row(row))[picture.columns.bar_at - 2 :] for row in known]
    width = picture.columns.bar
    assert [bar[:width].strip(" ") for bar in bars] == ["‹", "█" * width, "›"]
    assert "".join(piece.text for piece in picture.ruler()).split()[0] == "x3"


# Loops


def loop(visits: int, failed: int = 0) -> Execution:
    made = [attempt("poll", SUCCEEDED, n, n + 1, number=n) for n in range(1, visits + 1)]
    made = [replace(each, visit=at, id=f"p{at}") for at, each in enumerate(made, 1)]
    made[0] = replace(made[0], status=FAILED) if failed else made[0]
    return execution(*made, ended=visits + 1)


def test_many_visits_share_a_row_until_it_is_opened() -> None:
    steps = workflow("poll", "after")
    few = entries(steps, loop(FOLDED))
    assert [row.number for row in few] == [" x1", " x2", " x3", " x4", ""]
    many = entries(steps, loop(60, failed=1))
    assert [row.name + row.number for row in many] == ["poll x1-59", "poll x60", "after"]
    lines = draw(steps, loop(60, failed=1), at(61), 80, labels.UNICODE)
    assert "59 visits" in lines[1]
    assert lines[1].count("×") == 1, "a failure among them is seen"
    assert len(entries(steps, loop(60), unfolded={"poll"})) == 61
    assert many[0].key == entries(steps, loop(61))[0].key, "a row that is looked at stays the same row"
