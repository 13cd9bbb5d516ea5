"""Places of a text in a text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.search import AROUND, MOST, search


@pytest.mark.parametrize(
    ("text", "needle", "places"),
    [
        ("", "a", []),
        ("a", "A", [(1, 1, "a")]),
        ("x\r\nya\r\n", "a", [(2, 2, "ya")]),
        ("aaa", "aa", [(1, 1, "aaa")]),
        ("İ a\nb A", "a", [(1, 3, "İ a"), (2, 3, "b A")]),
        ("a.b axb", "a.b", [(1, 1, "a.b axb")]),
    ],
)
def test_places(text: str, needle: str, places: list[tuple[int, int, str]]) -> None:
    found, count = search(text, needle)
    assert [(each.line, each.column, each.text) for each in found] == places
    assert count == len(places)


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    [match], _ = search("x" * 5000 + "needle" + "y" * 5000, "needle")
    assert len(match.text) == AROUND
    assert (match.column, match.text[match.start : match.start + match.length]) == (5001, "needle")


def test_places_beyond_the_first_are_counted() -> None:
    found, count = search("ab\n" * 1000, "AB")
    assert (len(found), count, found[-1].line) == (MOST, 1000, MOST)


@given(st.text(alphabet="aAbB\nß İ", max_size=60), st.text(alphabet="aAbBß", min_size=1, max_size=3))
def test_every_place_is_where_it_says(text: str, needle: str) -> None:
    found, count = search(text, needle, most=100)
    assert len(found) == count == len(re.findall(re.escape(needle), text, re.IGNORECASE)) or "İ" in text
    for each in found:
        line = text.split("\n")[each.line - 1]
        assert line[each.column - 1 :][: each.length].lower() == needle.lower()
        assert each.text[each.start :][: each.length].lower() == needle.lower()
