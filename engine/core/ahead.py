"""Which steps of a live execution are still to come: what a change that is made now can reach in it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from engine.core.executions import OPEN, Execution, ExecutionStatus
from engine.core.workflows import Edge, Workflow


class Stage(StrEnum):
    """When a step is: it is at work now, or it may begin later."""

    NOW = "now"
    LATER = "later"


def ahead(workflow: Workflow, execution: Execution) -> Mapping[str, Stage]:
    """The steps that run, or that edges or a rollback may still lead to, by key. Nothing is ahead of what has ended."""
    if execution.ended:
        return {}
    if not execution.attempts:
        return dict.fromkeys(_closure(workflow, [step.key for step in workflow.steps[:1]]), Stage.LATER)
    now = [attempt.step_key for attempt in execution.attempts if attempt.status in OPEN]
    begun = {attempt.step_key for attempt in execution.attempts}
    starts = [edge.to for key in now for edge in _ways(workflow, key)]
    if not now or execution.status is ExecutionStatus.PAUSED:
        # it stands between two steps: whatever an outcome leads to and has not begun may be next
        routes = [to for attempt in execution.attempts for to in attempt.routes or ()]
        starts += [to for to in routes if to not in begun]
        starts += [edge.to for key in begun for edge in _ways(workflow, key) if edge.to not in begun]
    later = dict.fromkeys(_closure(workflow, starts), Stage.LATER)
    undone = [step.rollback for step in workflow.steps if step.rollback and step.key in {*begun, *later}]
    return (
        later | dict.fromkeys((key for key in undone if key not in later), Stage.LATER) | dict.fromkeys(now, Stage.NOW)
    )


def _ways(workflow: Workflow, key: str) -> tuple[Edge, ...]:
    step = workflow.by_key.get(key)
    return step.ways if step is not None else ()


def _closure(workflow: Workflow, starts: Iterable[str]) -> list[str]:
    met: dict[str, None] = dict.fromkeys(key for key in starts if key in workflow.by_key)
    waiting = list(met)
    for key in waiting:
        for edge in workflow.by_key[key].ways:
            if edge.to in workflow.by_key and edge.to not in met:
                met[edge.to] = None
                waiting.append(edge.to)
    return waiting
