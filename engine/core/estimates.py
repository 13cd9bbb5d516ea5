"""How long a run will take, from how long earlier runs of the same workflow took. Pure.

What is to come is read from those runs and not from the workflow's file: the steps that an outcome mostly led to, and
how long each of them took at the median. Of branches beside each other the longest counts. What was never seen is not
guessed at: then there is no estimate.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.executions import Attempt, Execution, ExecutionStatus, Performer
from engine.core.graph import Graph

MEDIAN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """One step in one earlier run: how long it took in seconds (None: it was skipped), and where it led."""

    key: str
    name: str
    seconds: float | None
    routes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One earlier run that succeeded: how long it took in seconds, and its steps in the order in which they began."""

    seconds: float
    steps: tuple[StepRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimes:
    """How long a step took each time, in seconds, shortest first. `name` is what it was called last."""

    key: str
    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Half of them took no longer."""
        return percentile(self.seconds, MEDIAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What earlier runs of a workflow tell: how long each step took, in the order of the steps, and how long it went on
    after each (`after`, in seconds). `seconds` are those of whole runs, shortest first.
    """

    seconds: tuple[float, ...] = ()
    steps: Mapping[str, StepTimes] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """From how many runs it is made."""
        return len(self.seconds)


NO_HISTORY = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """When something that runs will be done: in about so many seconds, as `runs` earlier ones tell.

    `is_late`: what it is at takes longer than ever before; the seconds are those of what comes after.
    """

    seconds: float
    runs: int
    is_late: bool = False


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share (0 to 1) of sorted values does not exceed; between two in proportion, 0 of none."""
    if not values:
        return 0.0
    at = max(0.0, min(1.0, share)) * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def history(runs: Iterable[PastRun]) -> History:
    """What some earlier runs tell; the newest first, whose names for the steps count."""
    listed = list(runs)
    took: dict[str, list[float]] = {}
    names: dict[str, str] = {}
    ways: dict[str, Counter[tuple[str, ...]]] = {}
    for run in listed:
        for step in run.steps:
            names.setdefault(step.key, step.name)
            if step.seconds is not None:
                took.setdefault(step.key, []).append(step.seconds)
        for key, last in {step.key: step for step in run.steps}.items():  # of a loop, where it was left
            ways.setdefault(key, Counter())[last.routes] += 1
    steps = {
        key: StepTimes(key=key, name=name, seconds=tuple(sorted(took[key])))
        for key, name in names.items()
        if key in took
    }
    usual = {key: counted.most_common(1)[0][0] for key, counted in ways.items()}
    return History(seconds=tuple(sorted(run.seconds for run in listed)), steps=steps, after=_after(usual, steps))


def _after(usual: Mapping[str, tuple[str, ...]], steps: Mapping[str, StepTimes]) -> dict[str, float]:
    """How long it goes on after each step, along the longest of the usual ways; a loop is gone through once."""
    ways = {key: tuple(to for to in targets if to in usual) for key, targets in usual.items()}
    graph = Graph("", {"": tuple(usual), **ways})  # seen from before them all
    after: dict[str, float] = {}
    for key in reversed(graph.order):
        after[key] = max((_median(steps, to) + after[to] for to in graph.forward[key]), default=0.0)
    return after


def _median(steps: Mapping[str, StepTimes], key: str) -> float:
    return steps[key].median if key in steps else 0.0


def eta(execution: Execution, past: History, now: datetime) -> Eta | None:
    """When an execution will be done; None where nobody can tell: it does not run, waits for a person, is being undone,
    or is at a step that was never seen.
    """
    if execution.status is not ExecutionStatus.RUNNING or execution.failing or execution.rolling_back:
        return None
    at_work = [attempt for attempt in execution.attempts if attempt.is_open]
    if not at_work or any(not _can_tell(attempt, past) for attempt in at_work):
        return None
    left = [_left(attempt, past.steps[attempt.step_key].seconds, now) for attempt in at_work]
    seconds = max((part or 0.0) + past.after[attempt.step_key] for part, attempt in zip(left, at_work, strict=True))
    return Eta(seconds=seconds, runs=past.runs, is_late=None in left)


def _can_tell(attempt: Attempt, past: History) -> bool:
    return attempt.step_key in past.steps and attempt.performer is not Performer.PERSON


def _left(attempt: Attempt, took: Sequence[float], now: datetime) -> float | None:
    """For how many seconds an attempt goes on: as those did at the median that took longer; None if none ever did."""
    if attempt.started_at is None:
        waits = (attempt.due_at - now).total_seconds() if attempt.due_at is not None else 0.0
        return max(0.0, waits) + percentile(took, MEDIAN)
    gone = (now - attempt.started_at).total_seconds()
    longer = [seconds for seconds in took if seconds > gone]
    return percentile(longer, MEDIAN) - gone if longer else None
