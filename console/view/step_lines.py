"""Where a step leads, as lines: each edge with its outcome, its condition and what that was worth. Pure."""

from collections.abc import Sequence

from console.view.execution_lines import cut
from console.view.labels import Cell, Role, Symbols, safe
from console.view.pieces import Piece
from engine.core.workflows import Edge, Step, When, Workflow

_AFTER = {When.SUCCESS: "on success", When.FAILURE: "on failure", When.ALWAYS: "in any case"}


def edge_lines(step: Step, workflow: Workflow, symbols: Symbols, width: int) -> list[Cell]:
    """The edges of a step, in the order in which they are looked at."""
    if not step.ways:
        return [(Piece("     leads nowhere: the end of its branch", Role.MUTED),)]
    return [cut(_edge(edge, step, workflow, symbols), width, symbols) for edge in step.ways]


def _edge(edge: Edge, step: Step, workflow: Workflow, symbols: Symbols) -> Sequence[Piece]:
    to = workflow.by_key.get(edge.to)
    leads_back = edge.to in workflow.graph.back.get(step.key, ())
    pieces = [
        Piece(f"     {symbols.arrow} ", Role.MUTED),
        Piece(safe(to.name if to and to.name else edge.to), Role.PLAIN),
        Piece(f"  {_AFTER[edge.when]}", Role.WARN if edge.when is When.FAILURE else Role.MUTED),
    ]
    if edge.if_ is not None:
        pieces.append(Piece(f"  if {safe(edge.if_)}", Role.ACCENT))
    return [*pieces, Piece("  back again", Role.MUTED)] if leads_back else pieces
