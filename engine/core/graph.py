"""The shape of a workflow's graph: its order, its loops, and what can be reached from where.

Seen from the first step, an edge to a step that stands above it on the way there (or to itself) leads back and makes a
loop; all the others lead forward. Without the edges that lead back there is no circle left, so the steps can be put in
an order in which each stands after all that lead forward to it. Everything here follows from the edges alone.
"""

from collections.abc import Container, Mapping

Ways = Mapping[str, tuple[str, ...]]


class Graph:
    """The graph that is reached from a first step. `ways` are the steps that the edges of each lead to."""

    def __init__(self, first: str | None, ways: Ways) -> None:
        self.order = _order(first, ways)
        self.index = {key: at for at, key in enumerate(self.order)}
        self.forward: Ways = {
            key: tuple(to for to in ways[key] if self.index[to] > at) for key, at in self.index.items()
        }
        self.back: Ways = {
            key: loops
            for key, at in self.index.items()
            if (loops := tuple(to for to in ways[key] if self.index[to] <= at))
        }
        self.incoming: Ways = _turned(self.forward)
        self._reached: dict[str, frozenset[str]] = {}

    def reach(self, key: str) -> frozenset[str]:
        """The steps that edges lead forward to from a step, and it itself."""
        found = self._reached.get(key)
        if found is None:
            found = self._reached[key] = frozenset(_walked(key, self.forward))
        return found

    def circles(self) -> list[frozenset[str]]:
        """The largest groups of steps of which each leads to all the others, by edges forward and back."""
        if not self.back:
            return []
        against = _turned({key: (*self.forward[key], *self.back.get(key, ())) for key in self.order})
        groups: list[frozenset[str]] = []
        left = set(self.order)
        for key in self.order:
            if key in left:
                group = _walked(key, against, left)
                left -= group
                if len(group) > 1 or key in self.back.get(key, ()):
                    groups.append(frozenset(group))
        return groups


def _order(first: str | None, ways: Ways) -> tuple[str, ...]:
    """The steps in the reverse of the order in which a search in depth leaves them."""
    order: list[str] = []
    met: set[str] = set()
    stack: list[tuple[str, bool]] = [] if first is None else [(first, False)]
    while stack:
        key, is_left = stack.pop()
        if is_left:
            order.append(key)
        elif key not in met:
            met.add(key)
            stack.append((key, True))
            stack.extend((to, False) for to in ways[key])
    return tuple(reversed(order))


def _walked(start: str, ways: Ways, within: Container[str] | None = None) -> set[str]:
    met = {start}
    waiting = [start]
    while waiting:
        for to in ways.get(waiting.pop(), ()):
            if to not in met and (within is None or to in within):
                met.add(to)
                waiting.append(to)
    return met


def _turned(ways: Ways) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {key: [] for key in ways}
    for key, targets in ways.items():
        for to in targets:
            found[to].append(key)
    return {key: tuple(sources) for key, sources in found.items()}
