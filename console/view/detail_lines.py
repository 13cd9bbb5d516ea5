"""All that there is to know of one attempt, as lines for a page that can be folded, searched and copied from. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from console.view.advice import advice
from console.view.execution_lines import PERFORMERS, wrapped
from console.view.json_lines import DetailLine, Paper, tree_lines
from console.view.labels import Role, attempt_cell, clock, duration, lasted, safe
from console.view.pieces import Piece
from console.view.timeline_rows import Entry
from engine.core.accounts import AttemptAccount, Way
from engine.core.executions import Attempt
from engine.core.workflows import Step, When

_AFTER = {When.SUCCESS: "on success", When.FAILURE: "on failure", When.ALWAYS: "in any case"}
_NAME = 19  # cells of the longest name of a fact, and two spaces


def detail_lines(entry: Entry, account: AttemptAccount | None, now: datetime, paper: Paper) -> list[DetailLine]:
    """The lines of an attempt; of a step that has none yet, what the workflow says of it."""
    if account is None:
        return [
            *_heading("STEP"),
            *_facts((("action", entry.step.action), ("key", entry.step.key), ("state", "not reached yet")), paper),
            *_tree("PARAMETERS AS WRITTEN", entry.step.with_, paper),
        ]
    attempt = account.attempt
    return [
        *_heading("ATTEMPT"),
        *_facts(_about(entry, account, now, paper), paper),
        *_error(attempt, entry.step, paper),
        *_ways(account.ways, paper),
        *_tree("PARAMETERS", account.parameters, paper),
        *(_said(f"{paper.symbols.warning} {each}", Role.WARN, paper) for each in account.unfilled),
        *_tree("OUTPUT", attempt.output, paper),
        *_links(account, paper),
    ]


def _heading(text: str) -> Iterator[DetailLine]:
    yield DetailLine(pieces=(Piece(f" {text}", "heading"),))


def _facts(facts: Iterable[tuple[str, str]], paper: Paper) -> Iterator[DetailLine]:
    for name, value in facts:
        if not value:
            continue
        lines = wrapped(safe(value), max(10, paper.width - _NAME - 4))
        for at, line in enumerate(lines):
            lead = name if at == 0 else ""
            yield DetailLine(pieces=(Piece(f"  {lead:<{_NAME}}", Role.MUTED), Piece(line)), copies=value)


def _about(entry: Entry, account: AttemptAccount, now: datetime, paper: Paper) -> Iterator[tuple[str, str]]:
    attempt = account.attempt
    yield "status", "".join(piece.text for piece in attempt_cell(attempt.status, paper.symbols))
    yield "action", f"{attempt.action}, {PERFORMERS[attempt.performer]}"
    yield "step", attempt.step_key
    tries = f"{attempt.tries} of {max(entry.step.retry.max_attempts, attempt.tries)}"
    yield "try", tries + (f", visit {attempt.visit}" if attempt.visit > 1 else "")
    yield "undoes", entry.undone
    yield "taken by", attempt.taken_by or ""
    yield "due", clock(attempt.due_at, now) if attempt.started_at is None else ""
    yield "started", _at(attempt.started_at, now)
    yield "ended", _at(attempt.completed_at, now)
    yield "took", lasted(attempt, now)
    yield "ends by itself", _until(attempt.ends_at, attempt, now)
    yield "deadline", _until(attempt.deadline_at, attempt, now)
    yield "last heard", _at(attempt.heard_at, now)
    yield "lost without news", _until(account.lost_at, attempt, now)
    yield "exit code", "" if attempt.exit_code is None else str(attempt.exit_code)
    yield "message", attempt.message or ""
    yield "idempotency key", attempt.idempotency_key


def _at(moment: datetime | None, now: datetime) -> str:
    return "" if moment is None else f"{clock(moment, now)} UTC"


def _until(moment: datetime | None, attempt: Attempt, now: datetime) -> str:
    if moment is None:
        return ""
    left = (moment - now).total_seconds()
    more = f", in {duration(left)}" if attempt.is_open and left > 0 else ""
    return f"{clock(moment, now)} UTC{more}"


def _error(attempt: Attempt, step: Step, paper: Paper) -> Iterator[DetailLine]:
    if not attempt.error:
        return
    yield from _heading("ERROR")
    for line in wrapped(attempt.error, max(10, paper.width - 4)):
        yield DetailLine(pieces=(Piece(f"  {line}", Role.BAD),), copies=attempt.error)
    todo = advice(attempt, step)
    for line in wrapped(f"{paper.symbols.arrow} {todo}", max(10, paper.width - 4)) if todo else ():
        yield DetailLine(pieces=(Piece(f"  {line}", Role.WARN),), copies=todo)


def _ways(ways: Iterable[Way], paper: Paper) -> Iterator[DetailLine]:
    listed = list(ways)
    if not listed:
        return
    yield from _heading("WHERE IT LEADS")
    for way in listed:
        yield way_line(way, paper)
        for value in way.values:
            yield DetailLine(
                pieces=(
                    Piece(f"      {safe(value.name)} = ", Role.MUTED),
                    Piece(safe(value.value), Role.PLAIN if value.known else Role.WARN),
                ),
                copies=value.value,
            )


def way_line(way: Way, paper: Paper) -> DetailLine:
    """An edge: where it leads, after which outcome, and under which condition; `if a > 1 -> false`."""
    symbols = paper.symbols
    taken = {True: symbols.arrow, False: symbols.separator, None: "?"}[way.taken]
    role = Role.PLAIN if way.taken else Role.MUTED
    verdict = {True: "taken", False: "not taken", None: "not decided"}[way.taken]
    pieces = [
        Piece(f"  {taken:<2} ", role),
        Piece(f"{safe(way.name)}  ", role),
        Piece(f"{_AFTER[way.when]}, {verdict}", Role.MUTED),
    ]
    if way.if_ is not None:
        held = {True: f" {symbols.arrow} true", False: f" {symbols.arrow} false", None: ""}[way.held]
        pieces += [Piece(f"  if {safe(way.if_)}", Role.ACCENT), Piece(held, Role.STRONG)]
    return DetailLine(pieces=tuple(pieces), copies=way.if_ or way.to)


def _tree(title: str, values: Mapping[str, Any], paper: Paper) -> Iterator[DetailLine]:
    if values:
        yield from _heading(title)
        yield from tree_lines(values, title, paper)


def _said(text: str, role: Role, paper: Paper) -> DetailLine:
    return DetailLine(pieces=(Piece(f"  {safe(text)}", role),), copies=text)


def _links(account: AttemptAccount, paper: Paper) -> Iterator[DetailLine]:
    if not account.links and not account.artifacts:
        return
    yield from _heading("MADE BY IT")
    for link in account.links:
        named = f"{link.kind} {link.key} in {link.system}: {link.external_id}"
        yield DetailLine(pieces=(Piece(f"    {safe(named)}"),), copies=link.external_id)
    for name in account.artifacts:
        yield DetailLine(pieces=(Piece(f"    {safe(name)}"), Piece("  A opens it", Role.MUTED)), copies=name)
