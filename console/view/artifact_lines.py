"""What the screen of artifacts tells: rows, and lines around a text. Pure."""

from datetime import datetime

from console.view.columns import Column
from console.view.labels import Cell, Role, Row, Symbols, cell, clock, safe
from console.view.pieces import Piece
from console.view.template_lines import size
from engine.core.artifacts import Artifact
from engine.core.executions import Execution

COLUMNS = (
    Column(key="name", title="ARTIFACT", width=18, flex=2, most=40, keep=100),
    Column(key="size", title="SIZE", width=9, keep=90, right=True),
    Column(key="template", title="TEMPLATE", width=14, flex=2, most=30, keep=80),
    Column(key="step", title="STEP", width=10, flex=1, most=20, keep=60),
    Column(key="made", title="MADE", width=12, keep=70),
)
EMPTY = """This execution has made nothing.

A step makes a text with core.render:
with: {template: report, as: report.md}"""

__all__ = ["COLUMNS", "EMPTY", "row", "size", "text_heading", "title"]


def row(value: Artifact, now: datetime) -> Row:
    """An artifact's row, in the order of `COLUMNS`."""
    return (
        cell(value.name, Role.STRONG),
        cell(size(value.size), Role.MUTED),
        cell(f"{value.template} {value.version}"),
        cell(value.step_key, Role.MUTED),
        cell(clock(value.created_at, now), Role.MUTED),
    )


def title(execution: Execution, node: str) -> Cell:
    """Whose artifacts they are."""
    named = f"{execution.workflow_name}@{execution.workflow_version}"
    return (
        Piece(" "),
        *cell("Artifacts", Role.STRONG),
        Piece(f"   {safe(named)}{f' on {safe(node)}' if node else ''}", Role.MUTED),
    )


def text_heading(value: Artifact, lines: int, symbols: Symbols) -> Cell:
    """The line above the text of an artifact."""
    facts = ["1 line" if lines == 1 else f"{lines:,} lines", size(value.size), f"sha256 {value.sha256[:12]}"]
    return (
        Piece(f" TEXT  {safe(value.name)}", "heading"),
        Piece("   " + f" {symbols.separator} ".join(facts), Role.MUTED),
    )
