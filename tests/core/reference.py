"""What a workflow does, worked out slowly and obviously: one step after another, nothing ever at the same time.

Written from the rules alone and sharing no code with the planner, to be held against it. `outcome` says how a step's
try ends. Of several steps that could run, the one whose key comes first does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.core.workflows import Join, Route, Step, When, Workflow

OK = "ok"
Outcome = Callable[[str, int, int], str]
"""Of a step's key, its visit and its try: `ok`, or the kind of failure."""


class Failed(Exception):
    """The execution fails at once."""


class RollsBack(Exception):
    """The execution fails and takes back what it did."""


@dataclass
class Reference:
    """One execution. `runs` are the tries in the order in which they ended: key, visit, try, outcome."""

    workflow: Workflow
    outcome: Outcome
    runs: list[tuple[str, int, int, str]] = field(default_factory=list)
    undos: list[tuple[str, str]] = field(default_factory=list)
    succeeded: list[str] = field(default_factory=list)
    taken: dict[str, list[str]] = field(default_factory=dict)  # where the standing outcome of each step leads
    begun: set[str] = field(default_factory=set)
    visits: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = {step.key: step for step in self.workflow.steps}
        self.first = self.workflow.steps[0].key
        self.left: list[str] = []
        self.back: set[tuple[str, str]] = set()
        self._explore(self.first, [], set())
        self.order = self.left[::-1]

    def targets(self, key: str) -> list[str]:
        named = [edge.to for edge in self.steps[key].edges]
        if self.steps[key].on_failure in self.steps:
            named.append(self.steps[key].on_failure)
        return list(dict.fromkeys(named))

    def _explore(self, key: str, above: list[str], met: set[str]) -> None:
        met.add(key)
        for to in reversed(self.targets(key)):
            if to in [*above, key]:
                self.back.add((key, to))
            elif to not in met:
                self._explore(to, [*above, key], met)
        self.left.append(key)

    def reach(self, key: str) -> set[str]:
        found = {key}
        for to in self.targets(key):
            if (key, to) not in self.back:
                found |= self.reach(to)
        return found

    def play(self) -> str:
        """The status at the end."""
        try:
            while self._begin_what_can() or self._go_back() or self.begun:
                if self.begun and not self._begin_what_can():
                    self._run(min(self.begun))
        except Failed:
            return "failed"
        except RollsBack:
            self._roll_back()
            return "failed"
        return "succeeded"

    def _begin_what_can(self) -> bool:
        for key in self.order:
            if key in self.taken or key in self.begun:
                continue
            verdict = True if key == self.first else self._verdict(key)
            if verdict:
                self._begin(key)
                return True
            if verdict is False:
                self.taken[key] = []
                return True
        return False

    def _verdict(self, key: str) -> bool | None:
        came, may = 0, 0
        for source in self.order:
            if key not in self.targets(source) or (source, key) in self.back:
                continue
            if source not in self.taken:
                may += 1
            elif key in self.taken[source]:
                came += 1
            elif any((source, to) in self.back for to in self.taken[source]):
                may += 1
        join = self.steps[key].join
        if join is Join.ALL:
            return None if may else came > 0
        needed = 1 if join is Join.ANY else int(join)
        if came >= needed:
            return True
        return None if came + may >= needed else False

    def _begin(self, key: str) -> None:
        self.visits[key] = self.visits.get(key, 0) + 1
        if self.visits[key] > (self.steps[key].max_visits or 100):
            raise Failed
        self.begun.add(key)

    def _go_back(self) -> bool:
        """Enter the outermost loop that was asked for and whose steps have all come to their end."""
        asked = [(to, source) for to in self.order for source in self.taken if (source, to) in self.back]
        asked = [(to, source) for to, source in asked if to in self.taken[source]]
        for to, _source in asked:
            reach = self.reach(to)
            outer = {source for other, source in asked if self.order.index(other) < self.order.index(to)}
            if not reach & self.begun and not reach & outer:
                for key in reach:
                    self.taken.pop(key, None)
                self._begin(to)
                return True
        return False

    def _run(self, key: str) -> None:
        step = self.steps[key]
        result = self._tries(key, self.visits[key])
        self.begun.remove(key)
        if result == OK:
            self.succeeded.append(key)
        went_well = result == OK or step.on_failure == "continue"
        self.taken[key] = self._ways(step, When.SUCCESS if went_well else When.FAILURE)
        if not went_well and not self.taken[key]:
            raise RollsBack if step.on_failure == "rollback" else Failed

    def _tries(self, key: str, visit: int) -> str:
        retry = self.steps[key].retry
        for number in range(1, retry.max_attempts + 1):
            result = self.outcome(key, visit, number)
            self.runs.append((key, visit, number, result))
            if result == OK or result not in [str(kind) for kind in retry.retry_on]:
                break
        return result

    def _ways(self, step: Step, outcome: When) -> list[str]:
        ways = [edge.to for edge in step.edges if edge.when in (outcome, When.ALWAYS) and edge.if_ in (None, "yes")]
        if outcome is When.FAILURE and step.on_failure in self.steps:
            ways.append(step.on_failure)
        return ways[:1] if step.route is Route.FIRST else ways

    def _roll_back(self) -> None:
        for key in sorted(self.begun):  # what runs comes to its end, and is not tried again
            result = self.outcome(key, self.visits[key], 1)
            self.runs.append((key, self.visits[key], 1, result))
            if result == OK:
                self.succeeded.append(key)
        visits: dict[str, int] = {}
        for key in reversed(self.succeeded):
            undo = self.steps[key].rollback
            if undo is not None:
                visits[undo] = visits.get(undo, 0) + 1
                self.undos.append((undo, key))
                if self._tries(undo, visits[undo]) != OK:
                    return
