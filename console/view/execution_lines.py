"""What the screen of one execution tells around its timeline, as lines of pieces. Pure."""

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.labels import (
    Cell,
    Role,
    Symbols,
    cell,
    clock,
    lasted,
    safe,
    status_cell,
    who,
)
from console.view.pieces import Piece, breaks, cells, fit, printable
from console.view.rows import progress_cell
from console.view.timeline import Entry
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer

_BY = {Performer.ENGINE: "by PureBoot", Performer.AGENT: "by an agent", Performer.NODE: "by the node"}
_MOST_ERROR_LINES = 6
_MOST_OUTPUT = 500  # characters of one value of an output


def title(execution: Execution, node: str, now: datetime, width: int, symbols: Symbols) -> list[Cell]:
    """What runs where and how far it is; when, for how long and by whom it was started; its error in full."""
    first: Cell = (
        Piece(" "),
        *cell(execution.workflow_name, Role.STRONG),
        Piece(f"@{execution.workflow_version}", Role.MUTED),
        *((Piece(" on ", Role.MUTED), *cell(node, Role.STRONG)) if node else ()),
        Piece("   "),
        *status_cell(execution.status, symbols),
        Piece("  "),
        *progress_cell(execution, symbols),
    )
    started = clock(execution.started_at or execution.created_at, now)
    facts = [f"started {started} UTC by {safe(who(execution.principal))}", lasted(execution, now)]
    second: Cell = (Piece(" " + f" {symbols.separator} ".join(filter(None, facts)), Role.MUTED),)
    role = Role.BAD if execution.status is ExecutionStatus.FAILED else Role.MUTED
    return [first, second, *_error(execution.error, width, role, symbols)]


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


def attempt_lines(entry: Entry | None, told: str, now: datetime, width: int, symbols: Symbols) -> list[Cell]:
    """What there is to know of the selected row: action, performer, times, exit code, error, message, output.

    `told` is what the title says already, which is not said again.
    """
    if entry is None:
        return []
    attempt = entry.attempt
    if attempt is None:
        return [_facts([entry.step.action, "not reached yet"], symbols)]
    facts = [
        attempt.action,
        _BY[attempt.performer],
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
        lines.append(_output(attempt, width, symbols))
    return lines


def _facts(facts: Iterable[str], symbols: Symbols) -> Cell:
    return (Piece(" " + f" {symbols.separator} ".join(safe(fact) for fact in facts if fact), Role.MUTED),)


def _when(attempt: Attempt, now: datetime) -> str:
    if attempt.status is AttemptStatus.RETRYING:
        return f"begins at {clock(attempt.due_at, now)}"
    if attempt.status is AttemptStatus.RUNNING and attempt.deadline_at is not None:
        return f"since {clock(attempt.started_at, now)}, until {clock(attempt.deadline_at, now)} at most"
    if attempt.started_at is None:
        return ""
    if attempt.completed_at is None:
        return f"since {clock(attempt.started_at, now)}"
    return f"{clock(attempt.started_at, now)} to {clock(attempt.completed_at, now)}"


def _output(attempt: Attempt, width: int, symbols: Symbols) -> Cell:
    pieces = [Piece(" output", Role.MUTED)]
    for name, value in attempt.output.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        pieces += [Piece(f"  {safe(name)} ", Role.MUTED), Piece(safe(text[:_MOST_OUTPUT]))]
    return _cut(pieces, width, symbols)


def _cut(pieces: Sequence[Piece], width: int, symbols: Symbols) -> Cell:
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
