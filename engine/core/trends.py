"""How it was before: nodes by state, walked back from how they stand, and how often machines booted. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core.nodes import NodeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A node came to another state; from None it came to be."""

    at: datetime
    from_state: NodeState | None
    to_state: NodeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """All moves since a time, newest first."""

    since: datetime
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Boots:
    """How often machines booted in each hour, oldest first: when it began, and how often. `since` is what the log is
    counted from, which on a busy one may be later than the first hour.
    """

    since: datetime
    hours: tuple[tuple[datetime, int], ...] = ()


def walked_back(
    now: Mapping[NodeState, int], moves: Sequence[Move], times: Sequence[datetime]
) -> list[Mapping[NodeState, int]]:
    """How many nodes were in each state at some times, in the order of the times, from how many there are now.

    `moves` are all since the first of the times, newest first; `times` grow.
    """
    counts = Counter(now)
    found: list[Mapping[NodeState, int]] = []
    waiting = iter(moves)
    move = next(waiting, None)
    for time in reversed(times):
        while move is not None and move.at > time:
            counts[move.to_state] -= 1
            if move.from_state is not None:
                counts[move.from_state] += 1
            move = next(waiting, None)
        found.append({state: max(0, count) for state, count in counts.items()})
    return found[::-1]
