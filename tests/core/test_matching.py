from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.core.matching import _search, match, match_few

ITEMS = st.lists(st.integers(0, 5), max_size=30)


def check_pairs(left: Sequence[int], right: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
    assert all(left[i] == right[j] for i, j in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))


def longest(left: Sequence[int], right: Sequence[int]) -> int:
    """The length of the longest common subsequence, by the table of every schoolbook."""
    row = [0] * (len(right) + 1)
    for item in left:
        above, row = row, [0]
        for j, other in enumerate(right):
            row.append(above[j] + 1 if item == other else max(above[j + 1], row[j]))
    return row[-1]


@given(ITEMS, ITEMS)
def test_few_items_are_matched_in_the_best_way(left: list[int], right: list[int]) -> None:
    pairs = match_few(left, right)
    check_pairs(left, right, pairs)
    if len(left) + len(right) <= 32:
        assert len(pairs) == longest(left, right)


@given(ITEMS, ITEMS)
def test_matches_are_equal_and_in_order(left: list[int], right: list[int]) -> None:
    pairs = match(left, right)
    check_pairs(left, right, pairs)
    assert bool(pairs) is bool(set(left) & set(right))


@given(ITEMS, ITEMS, st.integers(1, 6))
def test_a_search_in_short_legs_ends_and_is_right(left: list[int], right: list[int], edits: int) -> None:
    runs = _search(left, right, edits)
    check_pairs(left, right, [(x + step, y + step) for x, y, length in runs for step in range(length)])
