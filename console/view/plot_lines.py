"""The dashboard's second page: boots an hour, and how long the steps of a workflow take. Pure."""

from collections.abc import Sequence
from datetime import datetime

from console.view.labels import Cell, Role, Symbols, duration, safe
from console.view.pieces import Piece, cells, fit
from console.view.plots import columns, span
from engine.core.estimates import History, StepTimes, percentile
from engine.core.trends import Boots

SHARES = (0.5, 0.9, 0.99)
_NAMES = ("p50", "p90", "p99")
_NUMBER = 8
_LEAST_NAME, _MOST_NAME = 16, 32
_HOUR = 3  # cells of a column with its gap


def boot_lines(boots: Boots | None, width: int, height: int, symbols: Symbols) -> list[Cell]:
    """How often machines booted in each of the last hours, as many hours as there is room for."""
    if boots is None:
        return [(Piece(" BOOTS AN HOUR", "heading"), Piece("  looking", Role.MUTED))]
    edge = max(len(f"{max((count for _, count in boots.hours), default=0):,}"), 1)
    shown = boots.hours[-max(1, (width - edge - 3) // _HOUR) :]
    total = sum(count for _, count in shown)
    late = f"  counted since {boots.since:%H:%M}: the log is too busy before" if _is_short(boots) else ""
    head = (
        Piece(" BOOTS AN HOUR", "heading"),
        Piece(f"  {total:,}", Role.STRONG),
        Piece(f"  in the last {len(shown)} hours, UTC{late}", Role.MUTED),
    )
    hours = [f"{hour:%H}" for hour, _ in shown]
    plot = columns([count for _, count in shown], hours, height, symbols, Role.BUSY)
    return [head, *((Piece(" "), *line) for line in plot)]


def _is_short(boots: Boots) -> bool:
    return bool(boots.hours) and boots.since > boots.hours[0][0]


def step_lines(name: str, past: History | None, place: str, width: int, symbols: Symbols) -> list[Cell]:
    """How long each step took in earlier runs, in the order of the steps; `place` is which workflow of how many."""
    head = [Piece(" HOW LONG STEPS TAKE", "heading")]
    if past is None:
        return [(*head, Piece("  nothing has run yet", Role.MUTED))]
    head += [Piece(f"  {safe(name)}", Role.STRONG), Piece(f"  {_runs(past)}{place}", Role.MUTED)]
    if not past.steps:
        return [tuple(head), (), (Piece(" No run of it has succeeded yet.", Role.MUTED),)]
    longest = max(percentile(step.seconds, SHARES[-1]) for step in past.steps.values())
    left = width - 4 - len(_NAMES) * (_NUMBER + 1)
    longest_name = max(cells(safe(step.name)) for step in past.steps.values())
    named = min(_MOST_NAME, left, max(_LEAST_NAME, longest_name))
    room = left - named
    whole = StepTimes(key="", name="the whole run", seconds=past.seconds)
    lines = [_step_line(step, longest, named, room, symbols) for step in past.steps.values()]
    return [tuple(head), _titles(named, room, symbols), *lines, _step_line(whole, 0, named, room, symbols)]


def _runs(past: History) -> str:
    return "1 run" if past.runs == 1 else f"{past.runs} runs"


def _titles(named: int, room: int, symbols: Symbols) -> Cell:
    marks = "  ".join(f"{shade} {name}" for shade, name in zip(symbols.shades, _NAMES, strict=True))
    numbers = [Piece(f" {name:>{_NUMBER}}", Role.MUTED) for name in _NAMES]
    key = Piece(f"  {marks}" if room > cells(marks) + 2 else "", Role.MUTED)
    return (Piece(" " * (named + 1)), *numbers, key)


def _step_line(step: StepTimes, longest: float, named: int, room: int, symbols: Symbols) -> Cell:
    marks = [percentile(step.seconds, share) for share in SHARES]
    is_whole = not step.key
    plot: Sequence[Piece] = span(marks, longest, room, symbols) if room > 0 and not is_whole else ()
    role = Role.MUTED if is_whole else Role.PLAIN
    return (
        Piece(f" {fit(safe(step.name), named, symbols.ellipsis)}", role),
        *(Piece(f" {_took(mark):>{_NUMBER}}", role) for mark in marks),
        Piece("  "),
        *plot,
    )


def _took(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 9.95 else duration(seconds)


def boots_after(boots: Boots, at: datetime) -> Boots:
    """With one more, which was just now."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    hours = [(begin, count + (begin == hour)) for begin, count in boots.hours]
    if hours and hour > hours[-1][0]:
        hours = [*hours[1:], (hour, 1)]
    return Boots(since=boots.since, hours=tuple(hours))
