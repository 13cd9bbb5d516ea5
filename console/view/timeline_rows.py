"""The rows of an execution's timeline: its steps in the order of the plan, each with its attempts. Pure.

A step that a loop came to again and again would push all the others off the screen, so the visits before its last one
share a row until that is opened.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from console.view.labels import ATTEMPT_ROLES, Role, Symbols, safe
from console.view.waiting import is_asking
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.workflows import Step, Workflow

FOLDED = 4
"""From more visits on, those before the last share a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row: a step and one of its attempts, or None while it has none.

    `tried` is how many attempts the step has in this visit, and `place` which of them it is; `visits` is how often the
    step was come to. `undone` is the name of the step that the attempt undoes, in a rollback. `folded` are all the
    attempts of a row that stands for several visits, of which `attempt` is the last.
    """

    step: Step
    attempt: Attempt | None = None
    tried: int = 0
    place: int = 1
    visits: int = 1
    undone: str = ""
    folded: tuple[Attempt, ...] = ()

    @property
    def key(self) -> tuple[str, int, str]:
        """What the row is known by while the execution changes: step, number of the attempt, what it undoes."""
        if self.folded:
            return self.step.key, 0, ""
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
        if self.folded:
            return f" x1-{self.attempt.visit}"
        visit = f" x{self.attempt.visit}" if self.visits > 1 and not self.undone else ""
        tries = f" {self.place}/{max(self.step.retry.max_attempts, self.tried)}" if self.tried > 1 else ""
        return visit + tries

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts whose bars stand in the row."""
        return self.folded or (() if self.attempt is None else (self.attempt,))

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

    def role_of(self, attempt: Attempt) -> Role:
        """The role of one of the row's bars."""
        if attempt is self.attempt:
            return self.role
        return Role.WARN if attempt.status in FAILURES else ATTEMPT_ROLES[attempt.status]

    def symbol(self, symbols: Symbols) -> str:
        """The symbol of its status."""
        if self.attempt is not None and is_asking(self.attempt):
            return symbols.person
        return symbols.attempt[self.attempt.status] if self.attempt else symbols.execution[ExecutionStatus.PENDING]


def is_untaken(attempt: Attempt) -> bool:
    """Whether its node is yet to take it: nothing was heard of it since it was laid out."""
    if attempt.performer is not Performer.NODE or attempt.status is not AttemptStatus.RUNNING:
        return False
    return attempt.taken_by is None and attempt.heard_at is None


def entries(workflow: Workflow, execution: Execution, unfolded: Collection[str] = ()) -> tuple[Entry, ...]:
    """The rows: the steps in the order of the plan, each with its attempts in the order of their beginning; then what
    was undone, in that order. `unfolded` are the keys of the steps whose visits are all to be seen.
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
        found += _tries(step, made.get(step.key, ()), fold=step.key not in unfolded)
    for undone, tries in undos.items():
        name = next((each.step_name for each in execution.attempts if each.id == undone), "a step")
        found += _undo(workflow.by_key[tries[0].step_key], tries, name)
    return tuple(found)


def _tries(step: Step, tries: Sequence[Attempt], *, fold: bool) -> list[Entry]:
    if not tries:
        return [Entry(step=step)]
    visits = max(each.visit for each in tries)
    if fold and visits > FOLDED:
        earlier = tuple(each for each in tries if each.visit < visits)
        tries = [each for each in tries if each.visit == visits]
        return [
            *([Entry(step=step, attempt=earlier[-1], visits=visits, folded=earlier)] if earlier else []),
            *_tries_of(step, tries, visits),
        ]
    return _tries_of(step, tries, visits)


def _tries_of(step: Step, tries: Sequence[Attempt], visits: int) -> list[Entry]:
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
