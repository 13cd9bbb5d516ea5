"""What every edge of a step comes to, for whoever wants to see it: not only which ones are taken.

Which edges an outcome takes is the business of `routing` alone; here its answer is asked for edge by edge, and for a
step of which some conditions cannot be known yet.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from engine.core import deferred, expressions, routing
from engine.core.executions import Attempt
from engine.core.secrets import SecretScope
from engine.core.unknown import Asked
from engine.core.workflows import CONTINUE, FAIL, Edge, Route, Step
from engine.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An edge when its step was over: whether its `when` fits, the value of its condition, whether it was taken.

    `holds` is None where that is not known (`unknown` says what would have to be) or where there is no value (`error`).
    """

    edge: Edge
    fits: bool
    holds: bool | None
    taken: bool = False
    unknown: tuple[str, ...] = ()
    error: str | None = None


def decide(
    step: Step, attempt: Attempt, names: expressions.Names, asked: Asked, back: Collection[str] | None
) -> tuple[tuple[str, ...] | None, tuple[Choice, ...]]:
    """The steps that follow one that is over (see `routing.routes`), and what was decided by.

    In earnest `back` is None. Otherwise an edge that nobody can judge yet counts as one that holds (see `as_judged`).

    Raises:
        Invalid: a condition has no value, in earnest.
    """
    judged = [judge(step, edge, attempt, names, asked) for edge in step.edges]
    if back is None:
        routes = routing.routes(step, attempt, names)
    else:
        routes = routing.routes(as_judged(step, judged, back), attempt, {})
    return routes, tuple(replace(each, taken=_is_taken(each, routes or ())) for each in judged)


def _is_taken(choice: Choice, routes: tuple[str, ...]) -> bool:
    return choice.fits and choice.holds is not False and choice.error is None and choice.edge.to in routes


def judge(step: Step, edge: Edge, attempt: Attempt, names: expressions.Names, asked: Asked) -> Choice:
    """Look at one edge of a step that is over."""
    alone = replace(_without_key(step), edges=(replace(edge, if_=None),))
    choice = Choice(edge=edge, fits=bool(routing.routes(alone, attempt, {})), holds=True)
    if edge.if_ is None:
        return choice
    asked.take()
    holds: bool | None = None
    error = None
    try:
        holds = expressions.holds(edge.if_, names)
    except Invalid as wrong:
        error = str(wrong)
    unknown = asked.take() or _secrets(edge.if_, names)
    # A value that came of what is not known (`is defined`) is a guess as well.
    return replace(choice, holds=None, unknown=unknown) if unknown else replace(choice, holds=holds, error=error)


def _secrets(condition: str, names: expressions.Names) -> tuple[str, ...]:
    """The secrets by which a condition decides, where they are only known by their names."""
    if not isinstance(names.get("secret"), SecretScope):
        return ()
    return tuple(f"secret.{name}" for name in deferred.secrets_of(f"{{{{ {condition} }}}}"))


def as_judged(step: Step, judged: Sequence[Choice], back: Collection[str]) -> Step:
    """The step with the conditions gone: edges that hold, or of which nobody knows, and no others.

    Of the edges that lead `back`, to these steps, only those stay that hold: a loop of which nobody knows whether it
    goes on would be walked until it may not any more.

    Of a step that takes only the first edge, those stay that may be it: all up to the first that surely holds.
    """
    edges: list[Edge] = []
    for choice in judged:
        if choice.holds is False or choice.error is not None or (choice.unknown and choice.edge.to in back):
            continue
        edges.append(replace(choice.edge, if_=None))
        if step.route is Route.FIRST and choice.fits and choice.holds:
            return replace(_without_key(step), edges=tuple(edges), route=Route.ALL)
    return replace(step, edges=tuple(edges), route=Route.ALL)


def _without_key(step: Step) -> Step:
    """The step without the edge that `on_failure: <step key>` stands for."""
    return step if step.on_failure == CONTINUE else replace(step, on_failure=FAIL)
