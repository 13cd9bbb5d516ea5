"""The timeline of an execution as text: a bar for each step and attempt on one axis of time.

Pure: the workflow, the execution, the time and the width come in, lines of pieces go out. Bars differ by what they are
filled with, so that the picture reads without colour.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from console.view.labels import Role, Symbols, duration, words
from console.view.lanes import Lane, lanes
from console.view.pieces import Piece, cells, fit, joined
from console.view.timeline_axis import Axis, axis, whole
from console.view.timeline_rows import Entry, current, entries, is_untaken
from console.view.timeline_window import Window
from console.view.waiting import NEEDS_YOU
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, Performer
from engine.core.workflows import Workflow

__all__ = ["Drawing", "Entry", "current", "draw", "drawing", "entries", "fills_for", "ruler"]

_LEAD = 4  # cells before the label: cursor, space, symbol, space
_STATUS = 10  # cells of the longest word for a status, and a space
_DURATION = 7  # cells of the longest usual duration
_ROOM_FOR_LANES, _ROOM_FOR_STATUS, _ROOM_FOR_DURATION = 60, 64, 40

# What is said of an attempt that runs where nobody works at it: what is waited for.
_RUNS = {Performer.PERSON: NEEDS_YOU, Performer.TIMER: "waits", Performer.WORKFLOW: "child"}
_UNTAKEN = "not taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """What bars are filled with, one cell each: by how it went, and by who or what is waited for. `tick` stands before
    a time on the ruler, `earlier` and `later` where a bar lies beside what is shown.
    """

    succeeded: str = "█"
    running: str = "▒"
    waiting: str = "·"
    asking: str = "?"
    untaken: str = ":"
    failed: str = "×"
    cancelled: str = "░"
    undone: str = "◂"
    tick: str = "╷"
    earlier: str = "‹"
    later: str = "›"

    def of(self, status: AttemptStatus) -> str:
        """What the bar of an attempt is filled with."""
        if status in FAILURES:
            return self.failed
        known = {
            AttemptStatus.SUCCEEDED: self.succeeded,
            AttemptStatus.RUNNING: self.running,
            AttemptStatus.RETRYING: self.waiting,
        }
        return known.get(status, self.cancelled)

    def of_attempt(self, attempt: Attempt) -> str:
        """As `of`, but a time that was waited for somebody or something looks so, and so does what was undone."""
        if attempt.status not in (AttemptStatus.SUCCEEDED, AttemptStatus.RUNNING):
            return self.of(attempt.status)
        waits = {Performer.PERSON: self.asking, Performer.TIMER: self.waiting}
        if attempt.performer in waits:
            return waits[attempt.performer]
        if is_untaken(attempt):
            return self.untaken
        is_undone = attempt.undoes is not None and attempt.status is AttemptStatus.SUCCEEDED
        return self.undone if is_undone else self.of(attempt.status)


_UNICODE = Fills()
_ASCII = Fills(
    succeeded="=", running="-", waiting=".", failed="x", cancelled="/", undone="<", tick="|", earlier="<", later=">"
)


def fills_for(symbols: Symbols) -> Fills:
    """The fills that a terminal with these symbols can show."""
    return _ASCII if symbols.ellipsis.isascii() else _UNICODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The widths, in cells, of the parts of a row: lanes, label, bar, status and duration (0: left out)."""

    lane: int = 0
    label: int
    bar: int
    status: int
    duration: int

    @property
    def bar_at(self) -> int:
        """Where bars begin."""
        return _LEAD + self.lane + self.label + 1


def columns(rows: Sequence[Entry], width: int, lane: int = 0) -> Columns:
    """The widths that fit `width` cells; what there is no room for is left out, first the status, then the duration.
    `lane` is how wide the lanes of the branches are, with a space after them.
    """
    lane = lane if width >= _ROOM_FOR_LANES else 0
    longest = max((cells(row.name) + len(row.number) for row in rows), default=0)
    label = max(4, min(longest, max(width * 3 // 10, 8)))
    status = _STATUS if width >= _ROOM_FOR_STATUS else 0
    time = _DURATION if width >= _ROOM_FOR_DURATION else 0
    gap = 3 if time else 1  # two cells before, one after
    bar = max(1, width - _LEAD - lane - label - 1 - gap - status - time)
    return Columns(lane=lane, label=label, bar=bar, status=status, duration=time)


def ruler(axis: Axis, columns: Columns, fills: Fills, zoom: str = "") -> list[Piece]:
    """The line above the bars that says how much time has passed where; before it, how much nearer it is seen."""
    line = ""
    for at, text in axis.ticks():
        line += " " * (at - len(line)) + fills.tick + text
    lead = zoom.rjust(columns.bar_at - 1)[: columns.bar_at - 1] + " "
    return [Piece(lead, Role.ACCENT if zoom else Role.MUTED), Piece(line.ljust(columns.bar), Role.MUTED)]


def zoom_label(axis: Axis, whole: float) -> str:
    """How much nearer than the whole it is seen: `x8`; empty for the whole."""
    return f"x{whole / axis.seconds:.3g}" if axis.seconds < whole else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What the rows of one picture have in common. `ended` is whether the execution has, so nothing more is planned;
    `lanes` are those of the branches, by step, and `whole` how many seconds the execution takes.
    """

    axis: Axis
    columns: Columns
    now: datetime
    symbols: Symbols
    fills: Fills
    ended: bool
    whole: float
    lanes: Mapping[str, Lane]

    def ruler(self) -> list[Piece]:
        """The line above the rows."""
        return ruler(self.axis, self.columns, self.fills, zoom_label(self.axis, self.whole))

    def _lane(self, entry: Entry) -> list[Piece]:
        if not self.columns.lane:
            return []
        lane = self.lanes.get(entry.step.key)
        text = " " if lane is None or entry.undone else lane.first if _is_first(entry) else lane.then
        return [Piece(text.ljust(self.columns.lane), Role.MUTED)]

    def row(self, entry: Entry) -> list[Piece]:
        """One row; the two cells of the cursor before it are not in it."""
        name = fit(entry.name, self.columns.label - len(entry.number), self.symbols.ellipsis).rstrip() + entry.number
        role = Role.MUTED if entry.is_dim else Role.BAD if entry.failed else Role.PLAIN
        pieces: list[Piece] = [
            Piece(entry.symbol(self.symbols) + " ", entry.role),
            *self._lane(entry),
            Piece(fit(name, self.columns.label, self.symbols.ellipsis) + " ", role),
            *self._bar(entry),
        ]
        if self.columns.duration:
            status, time = self._words(entry)
            pieces.append(Piece("  " + fit(status, self.columns.status, self.symbols.ellipsis), entry.role))
            pieces.append(Piece(time.rjust(self.columns.duration) + " ", Role.MUTED if entry.is_dim else Role.PLAIN))
        else:
            pieces.append(Piece(" "))
        return pieces

    def _bar(self, entry: Entry) -> Iterator[Piece]:
        line: list[Piece] = [Piece(" ", Role.PLAIN)] * self.axis.cells
        for attempt in () if entry.is_dim else entry.attempts:
            for first, last, fill, role in self._stretches(attempt, entry):
                line[first:last] = [Piece(fill, role)] * (last - first)
            at = self._percent_at(attempt)
            if at is not None:
                percent = f" {attempt.progress_percent}% "
                line[at : at + len(percent)] = [Piece(char, Role.STRONG) for char in percent]
        yield from joined(line)

    def _stretches(self, attempt: Attempt, entry: Entry) -> Iterator[tuple[int, int, str, Role]]:
        """The parts of a bar: the wait before a retry, then the attempt itself; of one that is not shown at all, a mark
        at the edge behind which it lies.
        """
        role = entry.role_of(attempt)
        waits = attempt.status is AttemptStatus.RETRYING
        waited_until = attempt.started_at or attempt.completed_at or attempt.due_at or self.now
        begin, end = (attempt.created_at, waited_until) if waits else self._ran(attempt)
        beside = self.axis.beside(min(begin, attempt.created_at), end)
        if beside:
            at = 0 if beside < 0 else self.axis.cells - 1
            yield (at, at + 1, self.fills.earlier if beside < 0 else self.fills.later, Role.MUTED)
            return
        if attempt.created_at < waited_until and not self.axis.beside(attempt.created_at, waited_until):
            stretch = self.axis.stretch(attempt.created_at, waited_until)
            yield (*stretch, self.fills.waiting, role if waits else Role.MUTED)
        if not waits and not self.axis.beside(begin, end):
            yield (*self.axis.stretch(begin, end), self.fills.of_attempt(attempt), role)

    def _ran(self, attempt: Attempt) -> tuple[datetime, datetime]:
        begin = attempt.started_at or attempt.completed_at or attempt.created_at
        return begin, attempt.completed_at or self.now

    def _percent_at(self, attempt: Attempt) -> int | None:
        """The cell where a bar says how far its attempt is; None where there is nothing to say, or no room."""
        if attempt.status is not AttemptStatus.RUNNING or attempt.progress_percent is None:
            return None
        first, last = self.axis.stretch(*self._ran(attempt))
        return first + 1 if last - first >= len(f" {attempt.progress_percent}% ") + 2 else None

    def _words(self, entry: Entry) -> tuple[str, str]:
        """The status and the duration."""
        attempt = entry.attempt
        if attempt is None:
            return ("not run" if self.ended else ""), ""
        if entry.folded:
            return f"{attempt.visit} visits", duration(sum(map(self._seconds, entry.folded)))
        status = words(attempt.status)
        if attempt.status is AttemptStatus.SKIPPED:
            return status, ""
        if attempt.status is AttemptStatus.RETRYING:
            return "retry in", duration(((attempt.due_at or self.now) - self.now).total_seconds())
        if attempt.status is AttemptStatus.RUNNING and attempt.progress_percent and self._percent_at(attempt) is None:
            status = f"at {attempt.progress_percent}%"
        elif attempt.status is AttemptStatus.RUNNING:
            status = _UNTAKEN if is_untaken(attempt) else _RUNS.get(attempt.performer, status)
        return status, duration(self._seconds(attempt))

    def _seconds(self, attempt: Attempt) -> float:
        begin, end = self._ran(attempt)
        return (end - begin).total_seconds()


def _is_first(entry: Entry) -> bool:
    """Whether it is the first row of its step."""
    return entry.attempt is None or bool(entry.folded) or entry.attempt.attempt == 1


def drawing(
    rows: Sequence[Entry],
    execution: Execution,
    now: datetime,
    width: int,
    symbols: Symbols,
    *,
    window: Window | None = None,
    beside: Mapping[str, Lane] = MappingProxyType({}),
) -> Drawing:
    """How the rows of an execution are drawn at a time on `width` cells, those of the cursor included; `window` is the
    part of its time that is shown, `beside` are the lanes of its workflow.
    """
    widths = columns(rows, width, max((len(lane.first) + 1 for lane in beside.values()), default=0))
    return Drawing(
        axis=axis(execution, now, widths.bar, window),
        columns=widths,
        now=now,
        symbols=symbols,
        fills=fills_for(symbols),
        ended=execution.ended,
        whole=whole(execution, now),
        lanes=beside,
    )


def draw(workflow: Workflow, execution: Execution, now: datetime, width: int, symbols: Symbols) -> list[str]:
    """The whole timeline as text: the ruler, then the rows, each `width` cells wide."""
    rows = entries(workflow, execution)
    picture = drawing(rows, execution, now, width, symbols, beside=lanes(workflow, symbols))
    lines = [picture.ruler()]
    lines += [[Piece("  ", Role.PLAIN), *picture.row(entry)] for entry in rows]
    return [fit("".join(text for text, _ in line), width, symbols.ellipsis) for line in lines]
