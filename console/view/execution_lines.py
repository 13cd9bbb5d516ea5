"""What the screen of one execution tells around its timeline, as lines of pieces. Pure."""

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.view.eta_lines import long
from console.view.labels import (
    Cell,
    Role,
    Symbols,
    cell,
    clock,
    lasted,
    safe,
    who,
)
from console.view.pieces import Piece, breaks, cells, fit, printable
from console.view.rows import progress_cell
from console.view.timeline import Entry
from console.view.waiting import asking, needs_you_cell, question, standing_cell, waits
from engine.core.estimates import Eta
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer

PERFORMERS = {
    Performer.ENGINE: "by PureBoot",
    Performer.AGENT: "by an agent",
    Performer.NODE: "by the node",
    Performer.PERSON: "by a person",
    Performer.TIMER: "by the clock",
    Performer.WORKFLOW: "by a workflow of its own",
}
_MOST_ERROR_LINES = 6
_MOST_OUTPUT = 500  # characters of one value of an output


def title(
    execution: Execution,
    node: str,
    now: datetime,
    width: int,
    symbols: Symbols,
    parent: Execution | None = None,
    eta: Eta | None = None,
) -> list[Cell]:
    """What runs where and how far it is; when, for how long and by whom it was started; what it waits for, and its
    error in full. `parent` is the execution that started it, where that is known; `eta` when it will be done.
    """
    first: Cell = (
        Piece(" "),
        *cell(execution.workflow_name, Role.STRONG),
        Piece(f"@{execution.workflow_version}", Role.MUTED),
        *((Piece(" on ", Role.MUTED), *cell(node, Role.STRONG)) if node else ()),
        Piece("   "),
        *standing_cell(execution, symbols),
        Piece("  "),
        *progress_cell(execution, symbols),
    )
    verb = "asked for" if execution.started_at is None else "started"
    started = clock(execution.started_at or execution.created_at, now)
    facts = [f"{verb} {started} UTC by {safe(who(execution.principal))}", lasted(execution, now), long(eta)]
    if execution.paused_at is not None:
        facts.append(f"paused since {clock(execution.paused_at, now)}, p resumes it")
    second: Cell = (Piece(" " + f" {symbols.separator} ".join(filter(None, facts)), Role.MUTED),)
    role = Role.BAD if execution.status is ExecutionStatus.FAILED else Role.MUTED
    return [
        first,
        second,
        *_origin(execution, parent, width, symbols),
        *_waits(execution, width, symbols),
        *([_output(execution.output, width, symbols)] if execution.output else []),
        *_error(execution.error, width, role, symbols),
    ]


def _origin(execution: Execution, parent: Execution | None, width: int, symbols: Symbols) -> list[Cell]:
    """What started it, if that was another execution."""
    if execution.parent_id is None:
        return []
    above = f"execution {execution.parent_id[:8]}"
    if parent is not None:
        steps = {attempt.id: attempt.step_name for attempt in parent.attempts}
        step = steps.get(execution.parent_attempt_id or "")
        above = f"{f'step {step} of ' if step else ''}{parent.workflow_name}@{parent.workflow_version}"
    pieces = (Piece(f" {symbols.child} started by ", Role.MUTED), *cell(above), Piece("  u opens it", Role.MUTED))
    return [cut(pieces, width, symbols)]


def _waits(execution: Execution, width: int, symbols: Symbols) -> list[Cell]:
    """What it waits for: its turn, or a person who approves."""
    if waits(execution):
        return [cut((Piece(f" {safe(waits(execution))}", Role.WARN),), width, symbols)]
    found: list[Cell] = []
    for attempt in asking(execution):
        asked = question(attempt) or attempt.step_name
        mark = (Piece(" "), *needs_you_cell(symbols), Piece(": ", Role.WARN))
        lines = wrapped(asked, max(10, width - sum(cells(piece.text) for piece in mark) - 1))[:_MOST_ERROR_LINES]
        blank = Piece(" " * sum(cells(piece.text) for piece in mark))
        found += [(*(mark if at == 0 else (blank,)), Piece(line, Role.STRONG)) for at, line in enumerate(lines)]
    return found


def _error(error: str | None, width: int, role: Role, symbols: Symbols) -> list[Cell]:
    if not error:
        return []
    lines = wrapped(error, width - 4)
    if len(lines) > _MOST_ERROR_LINES:
        lines = [*lines[: _MOST_ERROR_LINES - 1], f"{lines[_MOST_ERROR_LINES - 1]} {symbols.ellipsis}"]
    marks = [f" {symbols.warning} ", *["   "] * len(lines)]
    return [(Piece(mark, role), Piece(line, role)) for mark, line in zip(marks, lines, strict=False)]


def wrapped(text: str, width: int) -> list[str]:
    """A text of several lines, made safe, in lines of at most `width` cells; broken between words where it can be."""
    width = max(1, width)
    found: list[str] = []
    for line in map(printable, text.replace("\r\n", "\n").split("\n")):
        if cells(line) <= width:
            found.append(line)
        elif line.isascii():
            found += textwrap.wrap(line, width) or [""]
        else:
            starts = breaks(line, width)
            found += [line[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return found


def attempt_lines(
    entry: Entry | None, told: str, now: datetime, width: int, symbols: Symbols, child: Execution | None = None
) -> list[Cell]:
    """What there is to know of the selected row: action, performer, times, exit code, error, message, output.

    `told` is what the title says already, which is not said again; `child` is the execution that it started, where that
    is known.
    """
    if entry is None:
        return []
    attempt = entry.attempt
    if attempt is None:
        return [_facts([entry.step.action, "not reached yet"], symbols)]
    facts = [
        *([f"{entry.step.name or entry.step.key} undoes {entry.undone}"] if entry.undone else []),
        attempt.action,
        PERFORMERS[attempt.performer],
        f"visit {attempt.visit}" if entry.visits > 1 else "",
        _when(attempt, now),
        "" if attempt.exit_code is None else f"exit code {attempt.exit_code}",
    ]
    lines = [_facts(facts, symbols)]
    error, message = attempt.error or "", attempt.message or ""
    if error not in told:
        lines += _error(error, width, entry.role, symbols)
    if message and message not in (error, told):
        lines.append((Piece(" "), *cell(message)))
    if attempt.output:
        lines.append(_output(attempt.output, width, symbols))
    if starts_another(attempt):
        lines.append(_child(child, now, symbols))
    return lines


def _child(child: Execution | None, now: datetime, symbols: Symbols) -> Cell:
    """How what an attempt started stands, and how to go there."""
    opens = Piece("  enter opens it", Role.MUTED)
    if child is None:
        return (Piece(" enter opens what it started", Role.MUTED),)
    steps = ", ".join(safe(each.step_name) for each in child.attempts if each.is_open)
    return (
        Piece(f" {symbols.child} ", Role.MUTED),
        *cell(f"{child.workflow_name}@{child.workflow_version}"),
        Piece("  "),
        *standing_cell(child, symbols),
        Piece("  "),
        *progress_cell(child, symbols),
        Piece(f"  {lasted(child, now)}{f'  at {steps}' if steps else ''}", Role.MUTED),
        opens,
    )


def starts_another(attempt: Attempt) -> bool:
    """Whether it has started another execution."""
    if attempt.performer is not Performer.WORKFLOW:
        return False
    is_without = attempt.status in (AttemptStatus.RETRYING, AttemptStatus.FAILED)  # what forbids the start fails it
    return "execution_id" in attempt.output or not is_without


def _facts(facts: Iterable[str], symbols: Symbols) -> Cell:
    return (Piece(" " + f" {symbols.separator} ".join(safe(fact) for fact in facts if fact), Role.MUTED),)


def _when(attempt: Attempt, now: datetime) -> str:
    if attempt.status is AttemptStatus.RETRYING:
        return f"begins at {clock(attempt.due_at, now)}"
    if attempt.status is AttemptStatus.RUNNING and attempt.ends_at is not None:
        return f"since {clock(attempt.started_at, now)}, until {clock(attempt.ends_at, now)}"
    if attempt.status is AttemptStatus.RUNNING and attempt.deadline_at is not None:
        return f"since {clock(attempt.started_at, now)}, until {clock(attempt.deadline_at, now)} at most"
    if attempt.started_at is None:
        return ""
    if attempt.completed_at is None:
        return f"since {clock(attempt.started_at, now)}"
    return f"{clock(attempt.started_at, now)} to {clock(attempt.completed_at, now)}"


def _output(output: Mapping[str, Any], width: int, symbols: Symbols) -> Cell:
    pieces = [Piece(" output", Role.MUTED)]
    for name, value in output.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        pieces += [Piece(f"  {safe(name)} ", Role.MUTED), Piece(safe(text[:_MOST_OUTPUT]))]
    return cut(pieces, width, symbols)


def cut(pieces: Sequence[Piece], width: int, symbols: Symbols) -> Cell:
    """A line of pieces in at most `width` cells."""
    kept: list[Piece] = []
    left = width
    for piece in pieces:
        size = cells(piece.text)
        kept.append(Piece(fit(piece.text, min(size, left), symbols.ellipsis), piece.look))
        left -= size
        if left <= 0:
            break
    return tuple(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What is to be said about a log. `match` is which match the cursor is on (0: none)."""

    lines: int = 0
    dropped: int = 0
    follows: bool = True
    unseen: int = 0
    needle: str = ""
    match: int = 0
    matches: int = 0
    marked: int = 0


def log_heading(entry: Entry | None, state: LogState, width: int, symbols: Symbols) -> Cell:
    """The line above a log: whose it is, and how it is read."""
    name = f" LOG  {entry.name}{entry.number}" if entry else " LOG"
    facts = _log_facts(state, entry, symbols)
    size = sum(cells(piece.text) for piece in facts)
    return (
        Piece(fit(name, max(4, width - size - 3), symbols.ellipsis), "heading"),
        Piece("  ", "heading"),
        *facts,
    )


def _log_facts(state: LogState, entry: Entry | None, symbols: Symbols) -> list[Piece]:
    facts: list[Piece] = []
    if state.needle:
        place = f"{state.match} of {state.matches}" if state.match else f"{state.matches}"
        facts.append(Piece(f"{place} found" if state.matches else "nothing found", Role.ACCENT))
    if state.marked:
        facts.append(Piece("1 line marked" if state.marked == 1 else f"{state.marked} lines marked", Role.ACCENT))
    facts.append(Piece(_lines(state), Role.MUTED))
    if not state.follows:
        new = f", {state.unseen} new" if state.unseen else ""
        facts.append(Piece(f"paused{new}", Role.WARN))
    elif entry is not None and entry.attempt is not None and entry.attempt.status is AttemptStatus.RUNNING:
        facts.append(Piece("following", Role.MUTED))
    between = Piece(f" {symbols.separator} ", Role.MUTED)
    return [piece for fact in facts for piece in (between, fact)][1:]


def _lines(state: LogState) -> str:
    if state.dropped:
        return f"the last {state.lines - state.dropped:,} of {state.lines:,} lines"
    return {0: "no lines", 1: "1 line"}.get(state.lines, f"{state.lines:,} lines")
