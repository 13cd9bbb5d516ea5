"""Where the steps of a workflow stand in a drawing of its graph: in layers, each below all that lead to it. Pure.

The usual way to draw such graphs in four parts: a layer for each step (the longest way there), an order within the
layers that crosses few edges, places that make edges short, and between two layers a row for each bundle of edges that
has to go sideways. An edge over several layers goes through a place of its own in each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.core.workflows import Step, When, Workflow

GAP = 3  # cells between two steps side by side
_SWEEPS = 4
_PORT = 2  # cells to the right of the middle, where a failure leaves a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A piece of an edge between one layer and the next. `of` and `to` are the steps of the whole edge, `above` and
    `below` the items that the piece joins; `guarded` is whether a condition stands before it.
    """

    of: str
    to: str
    when: When
    guarded: bool
    above: str
    below: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Links that leave one item after one outcome. `track` is the row between the layers on which they go sideways,
    counted from 0; -1 if they go straight down.
    """

    start: int
    ends: Mapping[str, int]
    links: tuple[Link, ...]
    track: int = -1

    @property
    def span(self) -> tuple[int, int]:
        """The columns it goes over sideways."""
        places = (self.start, *self.ends.values())
        return min(places), max(places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Layers of items from left to right: steps by key, and places where an edge passes. `lefts` and `widths` are in
    cells; `gaps` are the bundles between each layer and the next. `passing` are the items that are no steps.
    """

    layers: tuple[tuple[str, ...], ...]
    lefts: Mapping[str, int]
    widths: Mapping[str, int]
    gaps: tuple[tuple[Bundle, ...], ...]
    passing: frozenset[str]

    @property
    def width(self) -> int:
        """Of the whole drawing."""
        return max((self.lefts[item] + self.widths[item] for layer in self.layers for item in layer), default=0)


def layout(workflow: Workflow, widths: Mapping[str, int]) -> Layout:
    """Place the steps that edges lead to; `widths` are those of their labels."""
    graph = workflow.graph
    depth: dict[str, int] = {}
    for key in graph.order:
        depth[key] = 1 + max((depth[source] for source in graph.incoming[key]), default=-1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in graph.order:
        layers[depth[key]].append(key)
    links: list[list[Link]] = [[] for _ in layers[1:]]
    passing: set[str] = set()
    for key in graph.order:
        for edge in forward(workflow.by_key[key], graph.forward[key]):
            _through(edge, depth, layers, links, passing)
    sizes = {item: 1 if item in passing else widths[item] for layer in layers for item in layer}
    _sort(layers, links)
    lefts = _place(layers, links, sizes)
    gaps = tuple(_bundles(each, lefts, sizes, passing) for each in links)
    return Layout(layers=tuple(map(tuple, layers)), lefts=lefts, widths=sizes, gaps=gaps, passing=frozenset(passing))


def forward(step: Step, targets: Iterable[str]) -> list[Link]:
    """The edges of a step that lead to these steps, one for each outcome."""
    wanted = set(targets)
    found: dict[tuple[str, When], Link] = {}
    for edge in step.ways:
        if edge.to in wanted:
            before = found.get((edge.to, edge.when))
            guarded = edge.if_ is not None and (before is None or before.guarded)
            found[edge.to, edge.when] = Link(
                of=step.key, to=edge.to, when=edge.when, guarded=guarded, above=step.key, below=edge.to
            )
    return list(found.values())


def _through(
    edge: Link, depth: Mapping[str, int], layers: list[list[str]], links: list[list[Link]], passing: set[str]
) -> None:
    """Lead an edge through the layers between its ends."""
    above = edge.of
    for at in range(depth[edge.of] + 1, depth[edge.to] + 1):
        below = edge.to if at == depth[edge.to] else f"{edge.of}\0{edge.to}\0{edge.when}\0{at}"
        if below != edge.to:
            passing.add(below)
            layers[at].append(below)
        links[at - 1].append(
            Link(of=edge.of, to=edge.to, when=edge.when, guarded=edge.guarded, above=above, below=below)
        )
        above = below


def _sort(layers: list[list[str]], links: Sequence[Sequence[Link]]) -> None:
    """Order each layer by the middle of its neighbours, down and up a few times."""
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for at in range(1, len(layers)) if downward else range(len(layers) - 2, -1, -1):
            fixed = layers[at - 1] if downward else layers[at + 1]
            place = {item: number for number, item in enumerate(fixed)}
            near = _neighbours(links[at - 1] if downward else links[at], downward=downward)
            own = {item: number for number, item in enumerate(layers[at])}
            layers[at].sort(key=lambda item: _middle([place[each] for each in near.get(item, ())], own[item]))


def _neighbours(links: Iterable[Link], *, downward: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for link in links:
        item, other = (link.below, link.above) if downward else (link.above, link.below)
        found.setdefault(item, []).append(other)
    return found


def _middle(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _place(
    layers: Sequence[Sequence[str]], links: Sequence[Sequence[Link]], sizes: Mapping[str, int]
) -> dict[str, int]:
    lefts: dict[str, int] = {}
    for layer in layers:
        lefts |= _packed(layer, dict.fromkeys(layer, 0.0), sizes, 1.0)
    for sweep in range(3):
        downward = sweep % 2 == 0
        for at in range(1, len(layers)) if downward else range(len(layers) - 2, -1, -1):
            near = _neighbours(links[at - 1] if downward else links[at], downward=downward)
            wanted = {
                item: _middle([_centre(each, lefts, sizes) for each in near.get(item, ())], _centre(item, lefts, sizes))
                for item in layers[at]
            }
            lefts |= _packed(layers[at], wanted, sizes)
    least = min(lefts.values(), default=0)
    return {item: left - least for item, left in lefts.items()}


def _centre(item: str, lefts: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    return lefts[item] + sizes[item] // 2


def _packed(
    layer: Sequence[str], centres: Mapping[str, float], sizes: Mapping[str, int], lean: float = 0.5
) -> dict[str, int]:
    """The left ends as near to what is wanted as the items beside allow: between pushing all to the right (`lean` 1)
    and all to the left.
    """
    wanted = [round(centres[item]) - sizes[item] // 2 for item in layer]
    to_right, to_left = list(wanted), list(wanted)
    for at in range(1, len(layer)):
        to_right[at] = max(wanted[at], to_right[at - 1] + sizes[layer[at - 1]] + GAP)
    for at in range(len(layer) - 2, -1, -1):
        to_left[at] = min(wanted[at], to_left[at + 1] - sizes[layer[at]] - GAP)
    if lean == 1.0:
        return dict(zip(layer, to_right, strict=True))
    return {item: (one + other) // 2 for item, one, other in zip(layer, to_right, to_left, strict=True)}


def _bundles(
    links: Sequence[Link], lefts: Mapping[str, int], sizes: Mapping[str, int], passing: set[str]
) -> tuple[Bundle, ...]:
    grouped: dict[tuple[str, bool], list[Link]] = {}
    for link in links:
        grouped.setdefault((link.above, link.when is When.FAILURE), []).append(link)
    found = []
    for (above, failed), mine in grouped.items():
        start = _centre(above, lefts, sizes)
        if failed and above not in passing and (above, False) in grouped:
            start = min(start + _PORT, lefts[above] + sizes[above] - 1)
        ends = {link.below: _centre(link.below, lefts, sizes) for link in mine}
        found.append(Bundle(start=start, ends=ends, links=tuple(mine)))
    return _on_tracks(found)


def _on_tracks(bundles: Sequence[Bundle]) -> tuple[Bundle, ...]:
    """Give each bundle that goes sideways a row: those that begin where another ends above that one, and never two
    that overlap on one row, unless they only meet where both end.
    """
    straight = [each for each in bundles if set(each.ends.values()) == {each.start}]
    waiting = sorted((each for each in bundles if each not in straight), key=lambda each: each.span)
    placed: list[Bundle] = []
    while waiting:
        bundle = next((each for each in waiting if not _is_below(each, waiting)), waiting[0])
        waiting.remove(bundle)
        track = max((each.track + 1 for each in placed if each.start in bundle.ends.values()), default=0)
        while any(each.track == track and _overlap(each, bundle) for each in placed):
            track += 1
        placed.append(Bundle(start=bundle.start, ends=bundle.ends, links=bundle.links, track=track))
    return (*straight, *placed)


def _is_below(bundle: Bundle, others: Iterable[Bundle]) -> bool:
    """Whether another bundle begins in a column where this one ends, so that it has to turn off first."""
    return any(other is not bundle and other.start in bundle.ends.values() for other in others)


def _overlap(one: Bundle, other: Bundle) -> bool:
    first, second = sorted((one.span, other.span))
    if first[1] < second[0]:
        return False
    shared = set(one.ends.items()) & set(other.ends.items())
    return first[1] != second[0] or first[1] not in {place for _, place in shared}


def neighbours(layout: Layout, key: str, step: int) -> str | None:
    """The step beside one in its layer, to the right (1) or to the left (-1)."""
    for layer in layout.layers:
        steps = [item for item in layer if item not in layout.passing]
        if key in steps:
            at = steps.index(key) + step
            return steps[at] if 0 <= at < len(steps) else None
    return None
