"""A boot trace and what it means, as lines for people. Pure."""

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime

from console.view.labels import Cell, Role, Row, Symbols, cell, clock, safe
from console.view.pieces import Piece, cells, fit
from engine.core.boot_causes import Level
from engine.core.boot_trace import Contact, Outcome
from engine.core.explain import Verdict
from engine.sizes import shown_size

SHORT = 12
"""Lines that are shown where the whole trace was not asked for."""

_ROLES = {Level.FINE: Role.PLAIN, Level.WAITING: Role.WARN, Level.TROUBLE: Role.BAD}
_OUTCOME_ROLES = {
    Outcome.OK: Role.PLAIN,
    Outcome.PROBED: Role.MUTED,
    Outcome.IGNORED: Role.WARN,
    Outcome.REFUSED: Role.BAD,
    Outcome.FAILED: Role.BAD,
}
_WORDS = {
    Outcome.OK: "sent",
    Outcome.PROBED: "size asked",
    Outcome.IGNORED: "not answered",
    Outcome.REFUSED: "refused",
    Outcome.FAILED: "broken off",
}
_TOLD = {
    "serve": "told to boot",
    "local": "told: its disk",
    "wait": "told to wait",
    "load": "told to load",
    "ask": "asked who it is",
}


def role(verdict: Verdict) -> Role:
    """How a verdict is painted."""
    return _ROLES[verdict.level]


def verdict_cell(verdict: Verdict) -> Cell:
    """The sentence."""
    return cell(verdict.sentence, role(verdict))


def verdict_lines(verdict: Verdict, symbols: Symbols, width: int) -> list[Cell]:
    """The sentence, wrapped, with a mark before it where somebody should care."""
    told = textwrap.wrap(safe(verdict.sentence), max(20, width - 4)) or [""]
    marked = symbols.warning if verdict.level is not Level.FINE else symbols.separator
    marks = [f" {marked} ", *("   " for _ in told[1:])]
    return [(Piece(mark + line, role(verdict)),) for mark, line in zip(marks, told, strict=True)]


def came_to(line: Contact) -> str:
    """What became of a contact, in words."""
    word = _TOLD.get(line.told) or _WORDS[line.outcome]
    status = f" {line.status}" if line.status and line.outcome is Outcome.REFUSED else ""
    return f"{word}{status}: {line.message}" if line.message else f"{word}{status}"


def sent(line: Contact) -> str:
    """How much was sent; of what was broken off also of how much."""
    if not line.bytes and line.outcome is not Outcome.FAILED:
        return ""
    whole = f" of {shown_size(line.size)}" if line.outcome is Outcome.FAILED and line.size is not None else ""
    return f"{shown_size(line.bytes or 0)}{whole}"


def row(line: Contact, now: datetime) -> Row:
    """A line of the trace for a table: time, door, what, times, sent, what it came to."""
    return (
        cell(clock(line.at, now), Role.MUTED),
        cell(line.kind.value, Role.MUTED),
        cell(line.what, Role.PLAIN),
        cell(str(line.count) if line.count > 1 else "", Role.MUTED),
        cell(sent(line), Role.MUTED),
        cell(came_to(line), _OUTCOME_ROLES[line.outcome]),
    )


def page(contacts: Sequence[Contact], now: datetime, width: int, ellipsis: str) -> list[Cell]:
    """The whole trace for a page of a width, newest first: two lines a contact where one is too short."""
    return [piece for line in reversed(contacts) for piece in _page_line(line, now, width, ellipsis)]


def _page_line(line: Contact, now: datetime, width: int, ellipsis: str) -> Iterable[Cell]:
    times = f" ×{line.count}" if line.count > 1 else ""
    size = f"  {sent(line)}" if sent(line) else ""
    head = f" {clock(line.at, now):>12}  {line.kind.value:<8} "
    room = max(10, width - cells(head) - cells(times) - cells(size) - 1)
    what = safe(line.what)
    yield (
        Piece(head, Role.MUTED),
        Piece(what if cells(what) <= room else fit(what, room, ellipsis), Role.PLAIN),
        Piece(times, Role.WARN),
        Piece(size, Role.MUTED),
    )
    indent = " " * 15
    for said in textwrap.wrap(safe(came_to(line)), max(20, width - len(indent) - 1))[:3]:
        yield (Piece(indent + said, _OUTCOME_ROLES[line.outcome]),)
