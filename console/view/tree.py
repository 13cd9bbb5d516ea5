"""Executions that started one another, as a tree: what stands before each name. Pure."""

from collections.abc import Iterator, Sequence

from console.view.labels import Symbols
from engine.core.executions import Execution


def branches(listed: Sequence[Execution], symbols: Symbols) -> Iterator[tuple[str, Execution]]:
    """Each execution with the lines of the tree before it; `listed` has each before those it started."""
    below: dict[str, list[Execution]] = {}
    for each in listed[1:]:
        below.setdefault(each.parent_id or "", []).append(each)
    if listed:
        yield "", listed[0]
        yield from _below(listed[0], below, "", symbols)


def _below(
    above: Execution, below: dict[str, list[Execution]], lead: str, symbols: Symbols
) -> Iterator[tuple[str, Execution]]:
    fork, last, line = ("|- ", "`- ", "|  ") if symbols.ellipsis.isascii() else ("├─ ", "└─ ", "│  ")
    children = below.get(above.id, [])
    for at, child in enumerate(children, 1):
        is_last = at == len(children)
        yield lead + (last if is_last else fork), child
        yield from _below(child, below, lead + ("   " if is_last else line), symbols)
