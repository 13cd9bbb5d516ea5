"""Versions of packs: ranges of them, what lacks, and the order that follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.pack_versions import Needs, check_range, check_version, fits, lacks, ordered


@pytest.mark.parametrize(
    ("version", "wanted", "holds"),
    [
        ("1.2", ">=1.2,<2", True),
        ("1.10", ">=1.2,<2", True),
        ("2.0", ">=1.2,<2", False),
        ("1.1.9", ">=1.2", False),
        ("1.0", "==1", True),
        ("1.0.0", "1", True),
        ("1.3", "!=1.3", False),
        ("1.9", "~=1.2", True),
        ("2.0", "~=1.2", False),
        ("1.2.9", "~=1.2.3", True),
        ("1.3.0", "~=1.2.3", False),
        ("1.2.2", "~=1.2.3", False),
        ("9", "", True),
        ("9", "*", True),
        ("0", ">0", False),
        ("1", "<=1.0", True),
    ],
)
def test_ranges(version: str, wanted: str, holds: bool) -> None:
    assert fits(version, wanted) is holds


@pytest.mark.parametrize(
    "text", ["1.2.", ".1", "a", "1-rc", "1 2", "-1", "1" * 10, ">=", ">=1,", "=1", "~=1", ">=1;<2"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no range|needs at least"):
        check_range(text)
    with pytest.raises(ValueError, match="is no version"):
        check_version(text)


_NUMBERS = st.lists(st.integers(0, 12), min_size=1, max_size=4)


@given(_NUMBERS, _NUMBERS)
def test_one_of_three_comparisons_holds(left: list[int], right: list[int]) -> None:
    version, other = (".".join(map(str, numbers)) for numbers in (left, right))
    assert [fits(version, f"{sign}{other}") for sign in ("<", "==", ">")].count(True) == 1
    assert fits(version, f">={other}") is not fits(version, f"<{other}")
    assert fits(version, f"!={other}") is not fits(version, f"=={other}")


def needs(ref: str, version: str = "1", **dependencies: str) -> Needs:
    return Needs(ref=ref, version=version, dependencies=dependencies)


def test_everything_that_lacks_is_said_at_once() -> None:
    found = lacks(
        [
            needs("a", b=">=2", c="", d="<9"),
            needs("b", "1.5"),
            needs("d", "3", e=""),
            needs("e", d=""),
            needs("f", f=""),
        ]
    )
    assert found == {
        "a": ["needs the pack b >=2, but b is at 1.5", "needs the pack c, which is not here; add it first"],
        "d": ["the packs need each other: d -> e -> d"],
        "e": ["the packs need each other: d -> e -> d"],
        "f": ["the packs need each other: f -> f"],
    }


@given(st.dictionaries(st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefg"), max_size=3), max_size=7))
def test_packs_are_ordered_after_what_they_need(graph: dict[str, set[str]]) -> None:
    packs = [needs(ref, **dict.fromkeys(wanted, "")) for ref, wanted in graph.items()]
    order = ordered(packs)
    assert sorted(order) == sorted(graph)
    circular = any("need each other" in text for found in lacks(packs).values() for text in found)
    if not circular:
        assert all(order.index(need) < order.index(ref) for ref in graph for need in graph[ref] if need in graph)
