"""The shape of a graph, against what a plain search finds."""

from hypothesis import given
from hypothesis import strategies as st

from engine.core.graph import Graph

KEYS = "abcdef"
GRAPHS = st.fixed_dictionaries(
    {key: st.lists(st.sampled_from(KEYS), unique=True, max_size=3).map(tuple) for key in KEYS}
)


def test_an_edge_to_a_step_above_leads_back() -> None:
    graph = Graph("s", {"s": ("a", "end"), "a": ("b",), "b": ("a", "end"), "end": (), "lost": ("a",)})
    assert graph.order == ("s", "a", "b", "end")
    assert graph.back == {"b": ("a",)}
    assert graph.incoming == {"s": (), "a": ("s",), "b": ("a",), "end": ("s", "b")}
    assert graph.reach("a") == {"a", "b", "end"}
    assert graph.circles() == [{"a", "b"}]


@given(GRAPHS)
def test_without_the_edges_that_lead_back_the_order_holds(ways: dict[str, tuple[str, ...]]) -> None:
    graph = Graph("a", ways)
    assert set(graph.order) == leads_to(ways, "a") | {"a"}
    for key in graph.order:
        back = graph.back.get(key, ())
        assert sorted(ways[key]) == sorted((*graph.forward[key], *back))
        assert all(graph.index[key] < graph.index[to] for to in graph.forward[key])
        assert all(key in graph.reach(to) for to in back)


@given(GRAPHS)
def test_circles_are_the_steps_that_lead_to_each_other(ways: dict[str, tuple[str, ...]]) -> None:
    graph = Graph("a", ways)
    expected = set()
    for key in graph.order:
        if key in leads_to(ways, key):
            expected.add(frozenset(other for other in leads_to(ways, key) if key in leads_to(ways, other)))
    found = graph.circles()
    assert set(found) == expected
    assert len(found) == len(expected)


def leads_to(ways: dict[str, tuple[str, ...]], start: str) -> set[str]:
    found: set[str] = set()
    while more := {to for key in (start, *found) for to in ways[key]} - found:
        found |= more
    return found
