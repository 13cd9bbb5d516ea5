"""The axis of a timeline: which moment lies in which cell, and what the ruler above the bars says.

The axis of an execution that runs ends at a round moment ahead (its horizon), not at the present: bars grow in place,
and only when one reaches the edge is everything drawn anew for the next horizon. One that has ended fills the axis.
"""

from dataclasses import dataclass
from datetime import datetime

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
    """Where moments lie on `cells` cells that stand for `seconds` seconds from `start` on."""

    start: datetime
    seconds: float
    cells: int

    def place(self, moment: datetime) -> float:
        """Where a moment is, in cells from the left end, never beyond an end."""
        past = (moment - self.start).total_seconds()
        return min(max(past / self.seconds, 0.0), 1.0) * self.cells

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
            times = [round(interval * n, 1) for n in range(count + 1)]
            labels = [format_duration(int(time) if time == int(time) else time) for time in times]
            if max(map(len, labels)) + 5 <= self.cells * interval / self.seconds:
                placed = [int(time / self.seconds * self.cells) for time in times]
                found = zip(placed, labels, strict=True)
                return tuple((at, label) for at, label in found if at + 1 + len(label) <= self.cells)
        return ((0, "0s"),) if self.cells > 2 else ()


def axis(execution: Execution, now: datetime, width: int) -> Axis:
    """The axis of an execution on `width` cells: from its start to its end, or to the horizon while it runs."""
    start = execution.started_at or execution.created_at
    if execution.ended:
        ends = [execution.completed_at or now, *(each.completed_at or start for each in execution.attempts)]
        seconds = max((max(ends) - start).total_seconds(), 1.0)
    else:
        dues = [each.due_at for each in execution.attempts if each.status is AttemptStatus.RETRYING and each.due_at]
        seconds = _horizon((max([now, *dues]) - start).total_seconds())
    return Axis(start=start, seconds=seconds, cells=max(1, width))


def _horizon(seconds: float) -> float:
    days = -(-seconds // _DAY) * _DAY
    return float(next((each for each in _HORIZONS if each >= seconds), days))
