"""How it was, walked back from how it is."""

from datetime import UTC, datetime, timedelta

from engine.core.nodes import NodeState
from engine.core.trends import Move, walked_back

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
D, P, I = NodeState.DISCOVERED, NodeState.PENDING, NodeState.INSTALLING  # noqa: E741


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def move(minutes: float, before: NodeState | None, after: NodeState) -> Move:
    return Move(at=at(minutes), from_state=before, to_state=after)


def test_counts_are_those_of_each_time() -> None:
    moves = [move(9, P, I), move(5, D, P), move(5, None, D), move(2, None, D)]
    found = walked_back({D: 4, P: 0, I: 1}, moves, [at(0), at(2), at(5), at(10)])
    assert [{state: count for state, count in each.items() if count} for each in found] == [
        {D: 3},
        {D: 4},
        {D: 4, P: 1},
        {D: 4, I: 1},
    ]


def test_without_moves_it_was_as_it_is_and_nothing_is_ever_less_than_none() -> None:
    assert walked_back({D: 2}, [], [at(0), at(1)]) == [{D: 2}, {D: 2}]
    assert walked_back({}, [move(5, P, I)], [at(0)]) == [{I: 0, P: 1}]
    assert walked_back({D: 1}, [], []) == []
