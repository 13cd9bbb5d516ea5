"""How lists are filtered, sorted and shared out over a screen, as tables and properties."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.view import completing, filtering, rows
from console.view.columns import GAP, Column, share
from console.view.listing import Listing, natural

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


# Filter

FIELDS = filtering.searchable(
    {"name": "r4-07", "state": "install_failed install failed", "group": "r4", "vendor": "dell inc."}
)
KNOWN = ("name", "state", "group", "vendor")


@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("", True),
        ("r4", True),
        ("R4-07", True),
        ("r5", False),
        ("!r5", True),
        ("!r4", False),
        ("dell failed", True),
        ("dell active", False),
        ("state:inst", True),
        ('state:"install failed"', True),
        ("state:active", False),
        ("state:active,failed", True),
        ("state=failed", False),
        ("group=r4", True),
        ("group=r", False),
        ("group=r4,r5", True),
        ("!group=r4", False),
        ("group:", True),
        ("group=", False),
        ("serial=", False),
        ('"dell inc."', True),
        ('"inc. dell"', False),
        ("52:54", False),
        ("rack:r4", False),
        ("!", True),
        ('"', True),
    ],
)
def test_the_filter(typed: str, fits: bool) -> None:
    assert filtering.parse(typed, KNOWN).holds(FIELDS) is fits


def test_a_mac_address_is_searched_for_as_it_stands() -> None:
    fields = filtering.searchable({"mac": "52:54:00:4a:00:07"})
    assert filtering.parse("54:00:4a", KNOWN).holds(fields)


TIMED = filtering.searchable(
    {
        "seen": filtering.moment(1000.0),
        "since": filtering.moment(None),
        "tries": "2",
        "meta.ram": "64",
        "meta": "ram=64",
    }
)


@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("seen>9m", True),
        ("seen:>9m", True),
        ("seen:>=10m", True),
        ("seen>10m", False),
        ("seen<11m", True),
        ("seen:10m", True),
        ("seen:9m", False),
        ("!seen<11m", False),
        ("seen:never", False),
        ("since:never", True),
        ("since>1d", True),
        ("since:1d", False),
        ("tries>1", True),
        ("tries>2", False),
        ("tries:2", True),
        ("2", False),
        ("meta.ram>63.5", True),
        ("meta.ram<=63", False),
        ("meta.none>1", False),
        ("meta:ram", True),
        ("ram=64", True),
        ("seen>", True),
        ("seen:<", True),
    ],
)
def test_numbers_and_times_are_compared(typed: str, fits: bool) -> None:
    assert filtering.parse(typed, ("seen", "since", "tries", "meta")).holds(TIMED, 1600.0) is fits


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("stat:inst", "no field 'stat': state?"),
        ("site:ams r4", "no field 'site'; meta.site?"),
        ("name>old", "name: 'old' is no number, nor a duration such as 10m or 2h"),
        ("de:ad:be:ef r4 http://mirror state:", ""),
        ('"odd:word"', ""),
    ],
)
def test_what_means_nothing_is_said_and_searched_for(typed: str, problem: str) -> None:
    query = filtering.parse(typed, (*KNOWN, "meta"))
    assert query.problem == problem
    assert query.terms


STANDING = {"state": ["installing", "install_failed"], "group": ["rack 4", "lab"], "meta": ["site=ams", "site=fra"]}


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("st", ["state:"]),
        ("dell !g", ["dell !group:"]),
        ("state:install_f", ["state:install_failed"]),
        ("state:", ["state:installing", "state:install_failed"]),
        ("!state=installing,install_", ["!state=installing,install_failed"]),
        ("group:ra", ['group:"rack 4"']),
        ('group:"rack', ['group:"rack 4"']),
        ("group:4", ['group:"rack 4"']),
        ("meta.s", ["meta.site:"]),
        ("seen:n", ["seen:never"]),
        ("zzz", []),
        ("name:", []),
    ],
)
def test_a_filter_is_completed(typed: str, completed: list[str]) -> None:
    known = (*KNOWN, "seen", "meta")
    found = completing.complete(typed, known, lambda field: STANDING.get(field, []))
    assert [found.text(at) for at in range(len(found.choices))] == completed


@given(st.text(alphabet='astemg.:=,"! >'))
def test_completing_never_loses_what_was_typed_before(typed: str) -> None:
    found = completing.complete(typed, KNOWN, lambda field: STANDING.get(field, []))
    assert all(found.text(at).startswith(found.before) for at in range(len(found.choices)))
    assert typed.startswith(found.before) or typed.lower().startswith(found.before.lower())


@given(st.text())
def test_whatever_is_typed_is_a_filter(typed: str) -> None:
    filtering.parse(typed, KNOWN).holds(FIELDS)


@given(st.text(alphabet='abr4-: "!=,'))
def test_not_is_the_opposite(word: str) -> None:
    query = filtering.parse(word, KNOWN)
    opposites = [replace(term, inverse=not term.inverse) for term in query.terms]
    assert all(
        term.holds(FIELDS) is not opposite.holds(FIELDS) for term, opposite in zip(query.terms, opposites, strict=True)
    )


# Lists


def test_names_are_sorted_by_their_numbers() -> None:
    names = ["r10-1", "r4-10", "r4-2", "R4-1", "a"]
    assert sorted(names, key=natural) == ["a", "R4-1", "r4-2", "r4-10", "r10-1"]


def listing(values: dict[str, int]) -> Listing:
    return Listing(
        fields=lambda key: {"name": key},
        known=("name",),
        sort_key=lambda key, sort: (values[key], key) if sort == "value" else (key,),
        sorts=("value", "name"),
    )


def test_a_list_is_filtered_and_sorted() -> None:
    values = {"a1": 3, "b1": 1, "a2": 2}
    made = listing(values)
    assert made.arrange(values) == ["b1", "a2", "a1"]
    made.search("a")
    assert made.arrange(values) == ["a2", "a1"]
    made.next_sort()
    assert made.arrange(values) == ["a1", "a2"]
    made.sort_by("name", reverse=True)
    assert made.arrange(values) == ["a2", "a1"]


def test_a_row_that_changed_finds_its_new_place() -> None:
    values = {"a": 1, "b": 2}
    made = listing(values)
    assert made.arrange(values) == ["a", "b"]
    values["a"] = 3
    made.forget(["a"])
    assert made.arrange(values) == ["b", "a"]


COLUMNS = st.lists(
    st.builds(
        Column,
        key=st.uuids().map(str),
        title=st.just("T"),
        width=st.integers(1, 20),
        flex=st.integers(0, 3),
        keep=st.integers(0, 100),
        most=st.sampled_from([0, 25, 40]),
    ),
    min_size=1,
    max_size=10,
)


@given(COLUMNS, st.integers(1, 250))
def test_columns_never_take_more_than_there_is(columns: list[Column], width: int) -> None:
    placed = share(columns, width)
    assert placed
    assert sum(size for _, size in placed) + GAP * (len(placed) - 1) <= width
    assert [column for column, _ in placed] == [column for column in columns if column in dict(placed)]
    for column, size in placed:
        assert size >= min(column.width, width)
        assert not column.most or size <= max(column.most, column.width)


def test_the_dearest_columns_stay() -> None:
    widths = {column.key: size for column, size in share(rows.NODE_COLUMNS, 77)}
    assert list(widths) == ["state", "name", "group", "step", "seen", "since"]
    assert sum(widths.values()) + 5 == 77
    assert [column for column, _ in share(rows.NODE_COLUMNS, 157)] == list(rows.NODE_COLUMNS)


# Rows
