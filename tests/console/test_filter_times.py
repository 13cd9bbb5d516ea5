"""Filters by time, and how long is left, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from console.view import eta_lines, filtering
from console.view.filtering import SINCE, moment, searchable
from engine.core.estimates import Eta

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
KNOWN = ("name", "since", "until")


@pytest.mark.parametrize(
    ("text", "ages"),
    [
        ("since:2h", [0, 1, 2]),
        ("until:2h", [3, 20, 200]),
        ("!since:2h", [3, 20, 200]),
        ("since:today", [0, 1, 2, 3]),
        ("since:yesterday until:today", [20]),
        ("since:2026-03-09", [0, 1, 2, 3, 20]),
        ("since:2026-03-10T13:00", [0, 1, 2]),
        ("since:", [0, 1, 2, 3, 20, 200]),
        ("2026", []),
        ("name:n1", [1]),
    ],
)
def test_what_began_since_or_until_a_time(text: str, ages: list[int]) -> None:
    now = NOW.timestamp()
    query = filtering.parse(text, KNOWN, now)
    values = {
        age: {"name": f"n{age}", SINCE: moment((NOW - timedelta(hours=age)).timestamp())}
        for age in (0, 1, 2, 3, 20, 200)
    }
    assert [age for age, fields in values.items() if query.holds(searchable(fields), now)] == ages


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [
        (3, "~5s", "nearly done"),
        (44, "~45s", "about 45 s left"),
        (70, "~1m", "about 1 min left"),
        (725, "~12m", "about 12 min left"),
        (5300, "~88m", "about 88 min left"),
        (9000, "~2h", "about 2 h left"),
        (200_000, "~2d", "about 2 days left"),
    ],
)
def test_how_long_is_left(seconds: float, short: str, long: str) -> None:
    eta = Eta(seconds=seconds, runs=3)
    assert (eta_lines.short(eta), eta_lines.long(eta)) == (short, long)
    assert eta_lines.short(None) == eta_lines.long(None) == ""
    assert eta_lines.short(Eta(seconds=seconds, runs=3, is_late=True)) == "late"
