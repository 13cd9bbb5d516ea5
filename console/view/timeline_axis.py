"""The axis of a timeline: which moment lies in which cell, and what the ruler above the bars says.

The axis of an execution that runs ends at a round moment ahead (its horizon), not at the present: bars grow in place,
and only when one reaches the edge is everything drawn anew for the next horizon. One that has ended fills the axis.
"""

import math
from dataclasses import dataclass
from datetime import datetime

from console.view.timeline_window import Window
from engine.core.executions import AttemptStatus, Execution
from engine.durations import format_duration

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Spans of time, in seconds, that the axis of a running execution may have; beyond them whole days.
_HORIZONS = (
    *(5, 10, 15, 20, 30, 45),
    *(_MINUTE * n for n in (1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20, 30, 45)),
    *(_HOUR * n for n in (1, 1.5, 2, 3, 4, 6, 8, 12, 18, 24)),
)
# Seconds between the marks of the ruler.
_INTERVALS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 28, 91, 364)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Where moments lie on `cells` cells that stand for `seconds` seconds, from `begin` seconds after `start` on."""

    start: datetime
    seconds: float
    cells: int
    begin: float = 0.0

    def place(self, moment: datetime) -> float:
        """Where a moment is, in cells from the left end, never beyond an end."""
        past = (moment - self.start).total_seconds() - self.begin
        return min(max(past / self.seconds, 0.0), 1.0) * self.cells

    def beside(self, begin: datetime, end: datetime) -> int:
        """On which side of what is shown a bar lies: -1 before it, 1 after it, 0 if any of it is shown."""
        first, last = ((moment - self.start).total_seconds() - self.begin for moment in (begin, end))
        return -1 if self.begin > 0 and max(first, last) <= 0 else 1 if first > self.seconds else 0

    def stretch(self, begin: datetime, end: datetime) -> tuple[int, int]:
        """The first cell of a bar and the one after its last; however short it is, it has one cell."""
        first = min(int(self.place(begin)), self.cells - 1)
        return first, max(first + 1, int(self.place(end)))

    def ticks(self) -> tuple[tuple[int, str], ...]:
        """The marks of the ruler: the cell and what it says; as close as leaves room between them."""
        for interval in _INTERVALS:
            count = int(self.seconds / interval)
            if count > self.cells // 4:
                continue
            first = math.ceil(round(self.begin / interval, 6))
            times = [round(interval * n, 1) for n in range(first, first + count + 1)]
            labels = [_label(time) for time in times]
            if max(map(len, labels)) + 5 <= self.cells * interval / self.seconds:
                placed = [int((time - self.begin) / self.seconds * self.cells) for time in times]
                found = zip(placed, labels, strict=True)
                return tuple((at, label) for at, label in found if at + 1 + len(label) <= self.cells)
        return ((0, label),) if self.cells >= 1 + len(label := _label(round(self.begin, 1))) else ()


def _label(seconds: float) -> str:
    """A time from the start on: `1h2m30s`, `1m0.5s`."""
    whole = int(seconds)
    if seconds == whole:
        return format_duration(whole)
    minutes = format_duration(whole // _MINUTE * _MINUTE) if whole >= _MINUTE else ""
    return f"{minutes}{round(seconds % _MINUTE, 1):g}s"


def axis(execution: Execution, now: datetime, width: int, window: Window | None = None) -> Axis:
    """The axis of an execution on `width` cells: from its start to its end, or to the horizon while it runs; or only
    the part of it that a window shows.
    """
    start = execution.started_at or execution.created_at
    cells = max(1, width)
    if window is not None:
        at = window.at((now - start).total_seconds(), running=not execution.ended)
        return Axis(start=start, seconds=at.seconds, cells=cells, begin=at.begin)
    return Axis(start=start, seconds=whole(execution, now), cells=cells)


def whole(execution: Execution, now: datetime) -> float:
    """How many seconds the whole of an execution takes on its axis."""
    start = execution.started_at or execution.created_at
    if execution.ended:
        ends = [execution.completed_at or now, *(each.completed_at or start for each in execution.attempts)]
        return max((max(ends) - start).total_seconds(), 1.0)
    dues = [each.due_at for each in execution.attempts if each.status is AttemptStatus.RETRYING and each.due_at]
    return _horizon((max([now, *dues]) - start).total_seconds())


def _horizon(seconds: float) -> float:
    days = -(-seconds // _DAY) * _DAY
    return float(next((each for each in _HORIZONS if each >= seconds), days))
