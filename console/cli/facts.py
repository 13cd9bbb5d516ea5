"""What `pureboot execution show` says of an execution and of its attempts. Pure."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from console.view.execution_lines import PERFORMERS
from console.view.labels import Cell, Symbols, attempt_cell, clock, lasted, node_label, who
from console.view.waiting import asking, question, standing_cell, waits
from engine.core.executions import Attempt, Execution
from engine.core.nodes import Node

Fact = tuple[str, Cell | str | None]


def facts(
    shown: Execution, parent: Execution | None, node: Node | None, now: datetime, symbols: Symbols
) -> Iterator[Fact]:
    """Names and values, of which some may be empty."""
    begun = clock(shown.started_at, now)
    yield "execution", shown.id
    yield "workflow", f"{shown.workflow_name} {shown.workflow_version}"
    yield "node", node_label(node, shown.node_id)
    yield "status", standing_cell(shown, symbols)
    yield "waits for", waits(shown).removeprefix("waits: ")
    for attempt in asking(shown):
        yield "needs you", f"{attempt.step_key}: {question(attempt) or attempt.step_name}"
    yield "done", f"{shown.progress_percent}%"
    yield "error", shown.error
    yield "started", f"{begun} by {who(shown.principal)} ({shown.trigger})".lstrip()
    yield "paused", f"since {clock(shown.paused_at, now)}" if shown.paused_at else None
    yield "took", lasted(shown, now)
    if parent is not None:
        steps = {attempt.id: attempt.step_key for attempt in parent.attempts}
        step = steps.get(shown.parent_attempt_id or "")
        yield "parent", f"{parent.id} ({parent.workflow_name}{f', step {step}' if step else ''})"
    yield "place", shown.concurrency_key
    yield "inputs", _words(shown.params)
    yield "output", _words(shown.output)


def attempt_row(attempt: Attempt, shown: Execution, now: datetime, symbols: Symbols) -> tuple[Cell | str | None, ...]:
    """A row of the attempts."""
    marks = [f"visit {attempt.visit}"] if attempt.visit > 1 and attempt.undoes is None else []
    if attempt.undoes is not None:
        undone = next((each.step_key for each in shown.attempts if each.id == attempt.undoes), "a step")
        marks.append(f"undoes {undone}")
    return (
        attempt.step_name + (f" ({', '.join(marks)})" if marks else ""),
        str(attempt.attempt),
        attempt_cell(attempt.status, symbols),
        clock(attempt.started_at, now),
        lasted(attempt, now),
        PERFORMERS[attempt.performer],
        attempt.error or attempt.message,
    )


def _words(values: Mapping[str, Any]) -> str:
    return " ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in values.items()
    )
