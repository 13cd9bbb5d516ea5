"""Which edges a step's outcome takes."""

from engine.core import expressions
from engine.core.executions import Attempt, AttemptStatus
from engine.core.workflows import CONTINUE, Route, Step, When


def routes(step: Step, attempt: Attempt, names: expressions.Names) -> tuple[str, ...] | None:
    """The keys of the steps that follow; None if the step failed and nothing in the workflow takes care of that.

    Raises:
        Invalid: a condition has no value.
    """
    failed = attempt.status is not AttemptStatus.SUCCEEDED
    outcome = When.FAILURE if failed and step.on_failure != CONTINUE else When.SUCCESS
    taken: list[str] = []
    for edge in step.ways:
        if edge.when not in (outcome, When.ALWAYS) or edge.to in taken:
            continue
        if edge.if_ is None or expressions.holds(edge.if_, names):
            taken.append(edge.to)
            if step.route is Route.FIRST:
                break
    if not taken and outcome is When.FAILURE:
        return None
    return tuple(taken)
