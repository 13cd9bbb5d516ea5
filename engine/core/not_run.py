"""Why a step would not run."""

from collections.abc import Iterator

from engine.core.executions import Attempt, ExecutionStatus
from engine.core.judging import Choice
from engine.core.plans import NotRun
from engine.core.simulation import Simulation
from engine.core.workflows import FAIL, Step, When


def not_run(walk: Simulation) -> tuple[NotRun, ...]:
    """The steps of a workflow that did not begin, in their order, each with the reason."""
    ran = {begun.step.key for begun in walk.begun}
    return tuple(
        NotRun(key=step.key, reason="; ".join(dict.fromkeys(_reasons(walk, step, ran))))
        for step in walk.workflow.steps
        if step.key not in ran
    )


def _reasons(walk: Simulation, step: Step, ran: set[str]) -> Iterator[str]:
    leading = [each for each in walk.workflow.steps if step.key in {edge.to for edge in each.ways}]
    undone = [each for each in walk.workflow.steps if each.rollback == step.key]
    for each in undone:
        yield f"it undoes {each.key}, and nothing is undone"
    for source in leading:
        if source.key not in ran:
            yield f"{source.key} does not run"
            continue
        attempt = walk.execution.latest(source.key)
        if attempt is not None:
            yield _reason(walk, source, attempt, step)
    if not leading and not undone:
        yield "no edge leads to it" if step is not walk.workflow.steps[0] else _ended(walk)


def _reason(walk: Simulation, source: Step, attempt: Attempt, step: Step) -> str:
    if attempt.routes is None or step.key in attempt.routes:
        return _ended(walk)
    decided = next((each for each in walk.decided if each.attempt_id == attempt.id), None)
    choices = [each for each in decided.choices if each.edge.to == step.key] if decided else []
    if choices:
        return "; ".join(_of_edge(source, choice) for choice in choices)
    return f"{source.key} leads there only when it fails"


def _of_edge(source: Step, choice: Choice) -> str:
    edge = choice.edge
    if not choice.fits:
        outcome = "fails" if edge.when is When.FAILURE else "succeeds"
        return f"{source.key} leads there only when it {outcome}"
    if choice.error is not None:
        return f"the condition of {source.key} has no value"
    if choice.holds is False:
        return f"{edge.if_} is false after {source.key}"
    return f"{source.key} takes only the first edge that holds"


def _ended(walk: Simulation) -> str:
    if walk.execution.status is ExecutionStatus.FAILED:
        return f"the execution fails before: {walk.execution.error or FAIL}"
    return f"it is never reached: {walk.stuck}" if walk.stuck else "the execution ends before"
