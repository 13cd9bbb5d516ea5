"""What may be wrong with where a workflow's edges lead: steps that never run, circles that never end."""

from collections.abc import Collection, Iterator, Mapping

from engine.core.workflows import CONTINUE, Edge, Route, Step, When, Workflow


def shape_problems(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Every such problem: the key of a step, and what is wrong there."""
    yield from _unreachable(workflow)
    yield from _never_taken(workflow)
    yield from _endless(workflow)


def _unreachable(workflow: Workflow) -> Iterator[tuple[str, str]]:
    undoing = {step.rollback for step in workflow.steps}
    for step in workflow.steps:
        if step.key not in workflow.graph.index and step.key not in undoing:
            yield step.key, f"no edge leads to the step {step.key!r}, so it never runs"


def _never_taken(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Steps to which edges lead that cannot be taken, whatever happens."""
    dead: dict[str, list[str]] = {}
    alive: set[str] = set()
    for step in workflow.reachable:
        for at, edge in enumerate(step.ways):
            reason = _why_never(step, at, edge)
            if reason is None:
                alive.add(edge.to)
            else:
                dead.setdefault(edge.to, []).append(reason)
    for step in workflow.reachable[1:]:
        if step.key in dead and step.key not in alive:
            reasons = "; ".join(dict.fromkeys(dead[step.key]))
            yield step.key, f"no edge to the step {step.key!r} can ever be taken, so it never runs: {reasons}"


def _why_never(step: Step, at: int, edge: Edge) -> str | None:
    if edge.when is When.FAILURE and step.on_failure == CONTINUE:
        return f"{step.key!r} goes on as after a success when it fails (on_failure: continue)"
    if step.route is Route.FIRST:
        for earlier in step.ways[:at]:
            if earlier.if_ is None and earlier.when in (edge.when, When.ALWAYS):
                return f"{step.key!r} takes only the first edge that holds, and its edge to {earlier.to!r} always does"
    return None


def _endless(workflow: Workflow) -> Iterator[tuple[str, str]]:
    for circle in workflow.graph.circles():
        if not any(_leaves(workflow.by_key[key], circle) for key in circle):
            start = next(step.key for step in workflow.steps if step.key in circle)
            way = _circle_from(workflow, start, circle)
            message = f"the steps run in a circle without a way out: {' -> '.join((*way, start))}"
            yield start, f"{message}; let an edge lead out of it, or give one a condition"


def _leaves(step: Step, circle: Collection[str]) -> bool:
    """Whether a branch can leave a circle at a step, or end there although the step succeeded."""
    if any(edge.to not in circle for edge in step.ways):
        return True
    return not any(edge.if_ is None and edge.when is not When.FAILURE for edge in step.ways)


def _circle_from(workflow: Workflow, start: str, circle: Collection[str]) -> tuple[str, ...]:
    """The keys of a shortest way around from `start`, in order."""
    came: dict[str, str] = {}
    waiting = [start]
    for key in waiting:
        for edge in workflow.by_key[key].ways:
            if edge.to == start:
                return _way_back(came, key, start)
            if edge.to in circle and edge.to not in came:
                came[edge.to] = key
                waiting.append(edge.to)
    raise AssertionError("each step of a circle leads to all the others")


def _way_back(came: Mapping[str, str], last: str, start: str) -> tuple[str, ...]:
    way = [last]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))
