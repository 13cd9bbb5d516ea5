"""What a walk that nobody performs depends on: what would have to be known to say whether a step begins at all."""

from collections.abc import Iterable

from engine.core.commands import Begin
from engine.core.executions import Attempt, Execution
from engine.core.judging import Choice
from engine.core.workflows import Step, Workflow


class Dependence:
    """Of each attempt of one walk the names of what is not known yet and decides whether it begins."""

    def __init__(self, workflow: Workflow) -> None:
        self._leading = _leading(workflow)
        self._depends: dict[str, tuple[str, ...]] = {}
        self._doubts: dict[tuple[str, str], tuple[str, ...]] = {}

    def begin(self, attempt_id: str, command: Begin, execution: Execution) -> None:
        """Note what it depends on that an attempt begins."""
        self._depends[attempt_id] = self._of(command, execution)

    def doubt(self, attempt_id: str, choices: Iterable[Choice]) -> None:
        """Note the edges that an attempt's outcome takes although nobody can know yet whether it will."""
        for each in choices:
            if each.taken and each.unknown:
                self._doubts[(attempt_id, each.edge.to)] = each.unknown

    def of(self, attempt_id: str) -> tuple[str, ...]:
        """What it depends on that an attempt begins; empty if it surely does."""
        return self._depends.get(attempt_id, ())

    def arrived(self, step: Step, execution: Execution) -> tuple[str, ...]:
        """The keys of the steps that lead to a step now."""
        return tuple(source.step_key for source in self._sources(step, execution))

    def _of(self, command: Begin, execution: Execution) -> tuple[str, ...]:
        if command.after is not None:
            return self.of(command.after.id)
        if command.undoes is not None:
            return self.of(command.undoes)
        step = command.step
        arrivals = [
            (*self.of(source.id), *self._doubts.get((source.id, step.key), ()))
            for source in self._sources(step, execution)
        ]
        needed = step.join if isinstance(step.join, int) else min(1, len(arrivals))
        if sum(not arrival for arrival in arrivals) >= needed:
            return ()
        return tuple(dict.fromkeys(name for arrival in arrivals for name in arrival))

    def _sources(self, step: Step, execution: Execution) -> list[Attempt]:
        """The newest attempts of the steps that lead to a step now."""
        latest = (execution.latest(key) for key in self._leading[step.key])
        return [attempt for attempt in latest if attempt is not None and step.key in (attempt.routes or ())]


def _leading(workflow: Workflow) -> dict[str, list[str]]:
    """For each step the keys of those with an edge to it."""
    leading: dict[str, list[str]] = {step.key: [] for step in workflow.steps}
    for step in workflow.steps:
        for to in dict.fromkeys(edge.to for edge in step.ways):
            leading.setdefault(to, []).append(step.key)
    return leading
