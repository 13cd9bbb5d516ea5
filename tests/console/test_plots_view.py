"""Numbers as small pictures, what needs a person, what runs: pure, by tables."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.view import dashboard_lines, needs, plot_lines, traffic_rows
from console.view.labels import ASCII, UNICODE, Role, Symbols, plain
from console.view.needs import Need, NeedKind
from console.view.pieces import cells
from console.view.plots import change, columns, level_of, span, spark, speed, squeezed
from console.view.traffic_rows import TransferView
from engine.core.estimates import Eta, History, StepTimes
from engine.core.executions import ExecutionStatus
from engine.core.traffic import Carrier, Ending, Total, Traffic, Transfer
from engine.core.trends import Boots
from tests.core.test_estimates import attempt, execution

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "width", "symbols", "drawn"),
    [
        ([], 4, UNICODE, "    "),
        ([0, 0], 4, UNICODE, "  ▁▁"),
        ([1, 1000], 4, UNICODE, "  ▂█"),
        ([9, 0, 1, 2, 3], 4, UNICODE, "▁▃▆█"),
        ([0, 1, 2, 3], 4, ASCII, "_:+#"),
        ([1, 2], 0, UNICODE, ""),
    ],
)
def test_a_sparkline_ends_at_the_right_and_something_is_more_than_nothing(
    values: Sequence[float], width: int, symbols: Symbols, drawn: str
) -> None:
    assert plain(spark(values, width, symbols, Role.BUSY)) == drawn


@pytest.mark.parametrize(
    ("values", "drawn"), [([7, 7, 7], "▁▁▁"), ([5, 6, 7, 9], "▁▂▃▅"), ([9] * 6 + [0] * 6, "▅▅▅▁▁▁"), ([], "      ")]
)
def test_what_stays_the_same_is_a_flat_line(values: Sequence[float], drawn: str) -> None:
    assert plain(change(values, 6, UNICODE, Role.BUSY)).strip() in (drawn.strip(), drawn)


def test_many_values_are_squeezed_so_that_a_peak_is_not_lost() -> None:
    assert squeezed([0, 0, 9, 0, 1, 0], 3) == [0, 9, 1]
    assert squeezed([1, 2], 3) == [1, 2]
    assert [level_of(value, 100, 8) for value in (0, 0.001, 50, 100, 900)] == [0, 1, 4, 7, 7]


@pytest.mark.parametrize("symbols", [UNICODE, ASCII])
def test_columns_are_as_high_as_they_should_and_all_lines_as_wide(symbols: Symbols) -> None:
    lines = [plain(line) for line in columns([0, 1, 8, 16], ["00", "01", "02", "03"], 4, symbols, Role.BUSY)]
    full = symbols.levels[-1]
    assert len(lines) == 5
    assert len(set(map(len, lines))) == 1
    assert [line.count(full * 2) for line in lines] == [1, 1, 2, 2, 0]
    assert lines[0].startswith("16 ")
    assert lines[-1].split() == ["00", "01", "02", "03"]
    assert plain(columns([], [], 2, symbols, Role.BUSY)[0]) == "0 "


@pytest.mark.parametrize(
    ("marks", "drawn"),
    [((5, 8, 10), "█████▓▓▓░░"), ((0, 0, 0), "          "), ((0.01, 0.01, 10), "█░░░░░░░░░"), ((10, 10, 10), "█" * 10)],
)
def test_three_marks_are_one_bar(marks: Sequence[float], drawn: str) -> None:
    assert plain(span(marks, 10, 10, UNICODE)) == drawn


@pytest.mark.parametrize(("rate", "said"), [(0, ""), (999, "999 bytes/s"), (1.2e6, "1.2 MB/s"), (3.2e9, "3.2 GB/s")])
def test_a_rate_for_people(rate: float, said: str) -> None:
    assert speed(rate) == said


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (None, ""),
        (Eta(seconds=2, runs=3), "about 5s"),
        (Eta(seconds=41, runs=3), "about 45s"),
        (Eta(seconds=250, runs=3), "about 4m"),
        (Eta(seconds=3660, runs=3), "about 1h01m"),
        (Eta(seconds=7200, runs=3), "about 2h"),
        (Eta(seconds=9, runs=3, is_late=True), "is late"),
    ],
)
def test_an_estimate_is_told_coarsely(about: Eta | None, said: str) -> None:
    assert plain(dashboard_lines.left_cell(about)) == said


def test_the_urgent_comes_first_then_what_waits_longest_but_the_newest_failure() -> None:
    def need(kind: NeedKind, key: str, minutes: int) -> Need:
        return Need(kind=kind, key=key, since=NOW - timedelta(minutes=minutes))

    listed = [
        need(NeedKind.WAITS, "w", 1),
        need(NeedKind.FAILED, "old", 90),
        need(NeedKind.FAILED, "new", 5),
        need(NeedKind.APPROVAL, "late", 1),
        need(NeedKind.APPROVAL, "early", 9),
        needs.of_store("the store cannot be written: disk is full"),
    ]
    ordered = sorted(listed, key=lambda each: each.rank)
    assert [each.key for each in ordered] == ["store", "early", "late", "new", "old", "w"]
    assert plain(needs.heading(ordered, True)) == " NEEDS YOU  5  1 trouble with the store, 2 to approve, 2 failed"
    assert plain(needs.heading(ordered[-1:], True)) == " NEEDS YOU  nothing"
    assert plain(needs.heading([], False)) == " NEEDS YOU  looking"
    row = needs.row(ordered[0], NOW, ASCII)
    assert [plain(each) for each in row] == ["! store", "the store", "cannot be written: disk is full", "", " l log"]


@pytest.mark.parametrize("kind", list(NeedKind))
def test_every_need_is_told_by_word_and_symbol_and_fits_its_column(kind: NeedKind) -> None:
    for symbols in (UNICODE, ASCII):
        row = needs.row(Need(kind=kind, key="k", who="n", what="w", since=NOW), NOW, symbols)
        assert cells(plain(row[0])) <= needs.COLUMNS[0].width
        assert cells(plain(row[-1])) <= needs.COLUMNS[-1].width


def test_what_waits_for_one_reason_is_one_row() -> None:
    blank = execution(status=ExecutionStatus.PENDING, waits_for="a place")
    waiting = [(replace(blank, id=str(number)), f"r{number}") for number in range(3)]
    [need] = needs.of_held(waiting)
    assert (need.who, need.what, need.execution_id) == ("3 runs", "for a place", None)
    [need] = needs.of_held(waiting[:1])
    assert (need.who, need.execution_id) == ("r0", "0")
    paused = execution(attempt("copy"), status=ExecutionStatus.PAUSED, paused_at=NOW)
    [need] = needs.of_held([(paused, "")])
    assert (need.who, need.what, need.since) == ("w", "w@v1.0, at copy", NOW)
    assert [needs.is_held(each) for each in (paused, blank, execution(), replace(blank, waits_for=None))] == [
        True,
        True,
        False,
        False,
    ]


def transfer(**values: object) -> Transfer:
    made = {"id": "t", "kind": Carrier.HTTP, "address": "10.0.0.9", "path": "/files/linux", "started_at": NOW}
    return Transfer(**{**made, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "progress", "left"),
    [
        ({"size": None}, "opening", ""),
        ({"size": 0}, "0%", ""),
        ({"size": 1000, "sent": 500, "rate": 100.0}, "━━━━────  50%", "5s"),
        ({"size": 1000, "sent": 1000, "outcome": Ending.DONE, "ended_at": NOW}, "sent", "now"),
        ({"outcome": Ending.REFUSED, "message": "no \x1b[2J file", "ended_at": NOW}, "! refused: no ^[[2J file", "now"),
    ],
)
def test_a_transfer_says_how_far_it_is_or_how_it_ended(values: dict[str, object], progress: str, left: str) -> None:
    row = traffic_rows.row(TransferView(transfer=transfer(**values)), NOW, UNICODE)
    assert (plain(row[3]), plain(row[6])) == (progress, left)
    assert plain(row[1]) == "10.0.0.9"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_totals_fit_the_width(width: int) -> None:
    total = Total(bytes=123_456_789_012, ended={Ending.FAILED: 12}, rate=9.9e8, series=tuple(range(0, 10**9, 10**7)))
    seen = Traffic(is_served=True, transfers=(transfer(),), totals=dict.fromkeys(Carrier, total))
    lines = [plain(line) for line in traffic_rows.totals(seen, width, UNICODE)]
    assert [line.split()[0] for line in lines] == ["TFTP", "HTTP"]
    assert all(cells(line) <= max(width, 70) for line in lines)
    assert "1 file" in lines[1]
    assert traffic_rows.totals(Traffic(), width, UNICODE) == []


@pytest.mark.parametrize("width", [60, 79, 119, 199])
def test_plots_fit_the_width(width: int) -> None:
    hours = tuple((NOW + timedelta(hours=hour), hour * 100) for hour in range(24))
    boots = plot_lines.boots_after(Boots(since=NOW, hours=hours), NOW + timedelta(hours=23, minutes=5))
    steps = {"a": StepTimes(key="a", name="Boot the installer, and wait for it for long", seconds=(1, 5, 4000))}
    past = History(seconds=(9.0, 10.0), steps=steps, after={"a": 0})
    lines = plot_lines.boot_lines(boots, width, 6, UNICODE)
    assert f"{sum(count for _, count in boots.hours[-((width - 8) // 3) :]):,}" in plain(lines[0])
    lines += plot_lines.step_lines("debian", past, ", workflow 1 of 2", width, UNICODE)
    assert all(cells(plain(line)) <= width for line in lines), [plain(line) for line in lines]
    assert "the whole run" in plain(lines[-1])


def test_a_new_hour_is_another_column() -> None:
    boots = Boots(since=NOW, hours=((NOW, 5), (NOW + timedelta(hours=1), 7)))
    later = plot_lines.boots_after(boots, NOW + timedelta(hours=2, minutes=1))
    assert [count for _, count in later.hours] == [7, 1]
    assert plain(plot_lines.step_lines("", None, "", 80, UNICODE)[0]).endswith("nothing has run yet")
    assert "No run of it" in plain(plot_lines.step_lines("x", History(), "", 80, UNICODE)[2])
