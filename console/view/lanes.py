"""The lanes of a workflow's branches, beside its steps: where they part, run side by side and come together. Pure.

Drawn as the history of versions is: a row for each step, its mark in the lane of its branch, the other lanes going by.
A workflow without branches has one lane, and nothing is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from console.view.labels import Symbols
from engine.core.workflows import Workflow

MOST = 6
"""So many lanes are drawn; a workflow with more branches side by side is better looked at as a graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strokes:
    """What lanes are drawn with."""

    step: str = "o"
    by: str = "│"
    joins: str = "╯"
    parts: str = "╮"
    both: str = "┤"
    across: str = "─"
    crosses: str = "┼"


_UNICODE = Strokes()
_ASCII = Strokes(by="|", joins="'", parts=".", both="+", across="-", crosses="+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What stands before a step: in the row of its first attempt, and in those of all that follow."""

    first: str
    then: str


def lanes(workflow: Workflow, symbols: Symbols) -> dict[str, Lane]:
    """The lanes by key of a step, all of one width; none where there are no branches, or too many."""
    strokes = _ASCII if symbols.ellipsis.isascii() else _UNICODE
    graph = workflow.graph
    active: list[str | None] = [*graph.order[:1]]
    rows: list[tuple[str, str, str]] = []
    for key in graph.order:
        joining = [at for at, to in enumerate(active) if to == key]
        here, joins = (joining[0], set(joining[1:])) if joining else (_free(active, 0), set())
        by = {at for at, to in enumerate(active) if to not in (key, None)}
        for at in joining:
            active[at] = None
        parts = {_lead(active, here, to) for to in graph.forward[key]} - {here}
        while active and active[-1] is None:
            active.pop()
        then = " ".join(strokes.by if to is not None else " " for to in active)
        rows.append((key, _first(here, by, joins, parts, strokes), then))
    most = max((len(first) for _, first, _ in rows), default=0)
    if not 2 <= (most + 1) // 2 <= MOST:
        return {}
    return {key: Lane(first=first.ljust(most), then=then.ljust(most)) for key, first, then in rows}


def _lead(active: list[str | None], here: int, to: str) -> int:
    """Give a branch its lane: that of the step it comes from, else the next free one to the right."""
    place = here if here >= len(active) or active[here] is None else _free(active, here)
    active += [None] * (place + 1 - len(active))
    active[place] = to
    return place


def _free(active: Sequence[str | None], start: int) -> int:
    return next((at for at in range(start, len(active)) if active[at] is None), len(active))


def _first(here: int, by: set[int], joins: set[int], parts: set[int], strokes: Strokes) -> str:
    """The row of a step's mark: what ends there comes from its right, what begins goes to its right."""
    last = max({here, *joins, *parts})
    found = []
    for at in range(max({last, *by}) + 1):
        within = here < at < last
        if at == here:
            cell = strokes.step
        elif at in joins or at in parts:
            ends = strokes.both if at in joins & parts else strokes.joins if at in joins else strokes.parts
            cell = strokes.crosses if within else ends
        elif at in by:
            cell = strokes.crosses if within else strokes.by
        else:
            cell = strokes.across if within else " "
        found.append(cell + (strokes.across if here <= at < last else " "))
    return "".join(found)[:-1]
