"""The timeline of an execution as text: a bar for each step and attempt on one axis of time.

Pure: the workflow, the execution, the time and the width come in, lines of pieces go out. Bars differ by what they are
filled with, so that the picture reads without colour.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.view.labels import ATTEMPT_ROLES, Role, Symbols, duration, safe, words
from console.view.pieces import Piece, cells, fit
from console.view.timeline_axis import Axis, axis
from console.view.waiting import NEEDS_YOU, is_asking
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.workflows import Step, Workflow

_LEAD = 4  # cells before the label: cursor, space, symbol, space
_STATUS = 10  # cells of the longest word for a status, and a space
_DURATION = 7  # cells of the longest usual duration
_ROOM_FOR_STATUS, _ROOM_FOR_DURATION = 64, 40

# What is said of an attempt that runs where nobody works at it: what is waited for.
_RUNS = {Performer.PERSON: NEEDS_YOU, Performer.TIMER: "waits", Performer.WORKFLOW: "child"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """What bars are filled with, one cell each; `tick` stands before a time on the ruler."""

    succeeded: str = "█"
    running: str = "▒"
    waiting: str = "·"
    failed: str = "×"
    cancelled: str = "░"
    tick: str = "╷"

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


_UNICODE = Fills()
_ASCII = Fills(succeeded="=", running="-", waiting=".", failed="x", cancelled="/", tick="|")


def fills_for(symbols: Symbols) -> Fills:
    """The fills that a terminal with these symbols can show."""
    return _ASCII if symbols.ellipsis.isascii() else _UNICODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row: a step and one of its attempts, or None while it has none.

    `tried` is how many attempts the step has in this visit, and `place` which of them it is; `visits` is how often the
    step was come to. `undone` is the name of the step that the attempt undoes, in a rollback.
    """

    step: Step
    attempt: Attempt | None = None
    tried: int = 0
    place: int = 1
    visits: int = 1
    undone: str = ""

    @property
    def key(self) -> tuple[str, int, str]:
        """What the row is known by while the execution changes: step, number of the attempt, what it undoes."""
        return self.step.key, self.attempt.attempt if self.attempt else 1, self.undone

    @property
    def name(self) -> str:
        """The step's name, or in a rollback what it undoes."""
        return safe(f"undoes {self.undone}" if self.undone else self.step.name or self.step.key)

    @property
    def number(self) -> str:
        """Which visit, and which attempt of how many, where there are several; begins with a space."""
        if self.attempt is None:
            return ""
        visit = f" x{self.attempt.visit}" if self.visits > 1 and not self.undone else ""
        tries = f" {self.place}/{max(self.step.retry.max_attempts, self.tried)}" if self.tried > 1 else ""
        return visit + tries

    @property
    def waits(self) -> bool:
        """Whether it runs only in that a person or the clock is waited for."""
        attempt = self.attempt
        waited = (Performer.PERSON, Performer.TIMER)
        return attempt is not None and attempt.status is AttemptStatus.RUNNING and attempt.performer in waited

    @property
    def is_dim(self) -> bool:
        """Whether nothing was done in it."""
        return self.attempt is None or self.attempt.status is AttemptStatus.SKIPPED

    @property
    def failed(self) -> bool:
        """Whether it is how its step failed: a failure after which the step was not tried again."""
        attempt = self.attempt
        is_last = self.place >= self.tried and (attempt is None or bool(self.undone) or attempt.visit >= self.visits)
        return attempt is not None and attempt.status in FAILURES and is_last

    @property
    def role(self) -> Role:
        """The role of its symbol, bar and status; a failure that was tried again is not as bad as the last one."""
        if self.attempt is None:
            return Role.MUTED
        if is_asking(self.attempt):
            return Role.WARN
        role = ATTEMPT_ROLES[self.attempt.status]
        return Role.WARN if role is Role.BAD and not self.failed else role

    def symbol(self, symbols: Symbols) -> str:
        """The symbol of its status."""
        if self.attempt is not None and is_asking(self.attempt):
            return symbols.person
        return symbols.attempt[self.attempt.status] if self.attempt else symbols.execution[ExecutionStatus.PENDING]


def entries(workflow: Workflow, execution: Execution) -> tuple[Entry, ...]:
    """The rows: the steps in the order of the plan, each with its attempts in the order of their beginning; then what
    was undone, in that order.
    """
    made: dict[str, list[Attempt]] = {}
    undos: dict[str, list[Attempt]] = {}
    for attempt in execution.attempts:
        of = made.setdefault(attempt.step_key, []) if attempt.undoes is None else undos.setdefault(attempt.undoes, [])
        of.append(attempt)
    reached = workflow.reachable
    others = tuple(step for step in workflow.steps if step.key in made and step not in reached)
    found: list[Entry] = []
    for step in (*reached, *others):
        found += _tries(step, made[step.key]) if step.key in made else [Entry(step=step)]
    for undone, tries in undos.items():
        name = next((each.step_name for each in execution.attempts if each.id == undone), "a step")
        found += _undo(workflow.by_key[tries[0].step_key], tries, name)
    return tuple(found)


def _tries(step: Step, tries: Sequence[Attempt]) -> list[Entry]:
    visits = max(each.visit for each in tries)
    of_visit = Counter(each.visit for each in tries)
    places: Counter[int] = Counter()
    found = []
    for each in tries:
        places[each.visit] += 1
        tried, place = of_visit[each.visit], places[each.visit]
        found.append(Entry(step=step, attempt=each, tried=tried, place=place, visits=visits))
    return found


def _undo(step: Step, tries: Sequence[Attempt], name: str) -> list[Entry]:
    return [
        Entry(step=step, attempt=each, tried=len(tries), place=place, undone=name)
        for place, each in enumerate(tries, 1)
    ]


_FIRST_TO_LAST = (
    frozenset({AttemptStatus.RUNNING}),
    frozenset({AttemptStatus.RETRYING}),
    FAILURES | {AttemptStatus.CANCELLED},
    frozenset({AttemptStatus.SUCCEEDED}),
)


def current(rows: Sequence[Entry]) -> int:
    """The row to look at first: what runs, else what waits, else the last failure, else the last that succeeded."""
    for wanted in _FIRST_TO_LAST:
        found = [at for at, row in enumerate(rows) if row.attempt and row.attempt.status in wanted]
        if found:
            return found[-1]
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The widths, in cells, of the parts of a row: label, bar, status and duration (0: left out)."""

    label: int
    bar: int
    status: int
    duration: int

    @property
    def bar_at(self) -> int:
        """Where bars begin."""
        return _LEAD + self.label + 1


def columns(rows: Sequence[Entry], width: int) -> Columns:
    """The widths that fit `width` cells; what there is no room for is left out, first the status, then the duration."""
    longest = max((cells(row.name) + len(row.number) for row in rows), default=0)
    label = max(4, min(longest, max(width * 3 // 10, 8)))
    status = _STATUS if width >= _ROOM_FOR_STATUS else 0
    time = _DURATION if width >= _ROOM_FOR_DURATION else 0
    gap = 3 if time else 1  # two cells before, one after
    return Columns(
        label=label, bar=max(1, width - _LEAD - label - 1 - gap - status - time), status=status, duration=time
    )


def ruler(axis: Axis, columns: Columns, fills: Fills) -> list[Piece]:
    """The line above the bars that says how much time has passed where."""
    line = ""
    for at, text in axis.ticks():
        line += " " * (at - len(line)) + fills.tick + text
    return [Piece(" " * columns.bar_at, Role.MUTED), Piece(line.ljust(columns.bar), Role.MUTED)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What the rows of one picture have in common. `ended` is whether the execution has, so nothing more is planned."""

    axis: Axis
    columns: Columns
    now: datetime
    symbols: Symbols
    fills: Fills
    ended: bool

    def row(self, entry: Entry) -> list[Piece]:
        """One row; the two cells of the cursor before it are not in it."""
        name = fit(entry.name, self.columns.label - len(entry.number), self.symbols.ellipsis).rstrip() + entry.number
        role = Role.MUTED if entry.is_dim else Role.BAD if entry.failed else Role.PLAIN
        pieces: list[Piece] = [
            Piece(entry.symbol(self.symbols) + " ", entry.role),
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
        attempt = entry.attempt
        if attempt is not None and not entry.is_dim:
            for first, last, fill, role in self._stretches(attempt, entry):
                line[first:last] = [Piece(fill, role)] * (last - first)
            at = self._percent_at(attempt)
            if at is not None:
                percent = f" {attempt.progress_percent}% "
                line[at : at + len(percent)] = [Piece(char, Role.STRONG) for char in percent]
        yield from _joined(line)

    def _stretches(self, attempt: Attempt, entry: Entry) -> Iterator[tuple[int, int, str, Role]]:
        """The parts of a bar: the wait before a retry, then the attempt itself."""
        role = entry.role
        waits = attempt.status is AttemptStatus.RETRYING
        waited_until = attempt.started_at or attempt.completed_at or attempt.due_at or self.now
        if attempt.created_at < waited_until:
            stretch = self.axis.stretch(attempt.created_at, waited_until)
            yield (*stretch, self.fills.waiting, role if waits else Role.MUTED)
        if not waits:
            fill = self.fills.waiting if entry.waits else self.fills.of(attempt.status)
            yield (*self.axis.stretch(*self._ran(attempt)), fill, role)

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
        status = words(attempt.status)
        if attempt.status is AttemptStatus.SKIPPED:
            return status, ""
        if attempt.status is AttemptStatus.RETRYING:
            return "retry in", duration(((attempt.due_at or self.now) - self.now).total_seconds())
        if attempt.status is AttemptStatus.RUNNING and attempt.progress_percent and self._percent_at(attempt) is None:
            status = f"at {attempt.progress_percent}%"
        elif attempt.status is AttemptStatus.RUNNING:
            status = _RUNS.get(attempt.performer, status)
        begin, end = self._ran(attempt)
        return status, duration((end - begin).total_seconds())


def _joined(line: Sequence[Piece]) -> Iterator[Piece]:
    """Join what stands together and looks the same."""
    begin = 0
    for at in range(1, len(line) + 1):
        if at == len(line) or line[at].look != line[begin].look:
            yield Piece("".join(piece.text for piece in line[begin:at]), line[begin].look)
            begin = at


def drawing(rows: Sequence[Entry], execution: Execution, now: datetime, width: int, symbols: Symbols) -> Drawing:
    """How the rows of an execution are drawn at a time on `width` cells, those of the cursor included."""
    widths = columns(rows, width)
    return Drawing(
        axis=axis(execution, now, widths.bar),
        columns=widths,
        now=now,
        symbols=symbols,
        fills=fills_for(symbols),
        ended=execution.ended,
    )


def draw(workflow: Workflow, execution: Execution, now: datetime, width: int, symbols: Symbols) -> list[str]:
    """The whole timeline as text: the ruler, then the rows, each `width` cells wide."""
    rows = entries(workflow, execution)
    picture = drawing(rows, execution, now, width, symbols)
    lines = [ruler(picture.axis, picture.columns, picture.fills)]
    lines += [[Piece("  ", Role.PLAIN), *picture.row(entry)] for entry in rows]
    return [fit("".join(text for text, _ in line), width, symbols.ellipsis) for line in lines]
