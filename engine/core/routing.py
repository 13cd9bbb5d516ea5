"""Which edges a step's outcome takes."""

from dataclasses import dataclass

from engine.core import expressions
from engine.core.executions import FAILURES, Attempt
from engine.core.workflows import CONTINUE, Route, Step, When


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of an edge: where it leads and after which outcome, its condition as it is written, and whether it
    was taken. `held` is whether the condition was true, None if there is none or nobody looked at it.
    """

    to: str
    when: When
    if_: str | None
    held: bool | None
    taken: bool


def decide(
    step: Step, attempt: Attempt, names: expressions.Names
) -> tuple[tuple[str, ...] | None, tuple[Decision, ...]]:
    """The keys of the steps that follow, None if the step failed and nothing in the workflow takes care of that; and
    what became of each edge, in their order.

    Raises:
        Invalid: a condition has no value.
    """
    outcome = When.FAILURE if attempt.status in FAILURES and step.on_failure != CONTINUE else When.SUCCESS
    taken: list[str] = []
    decisions: list[Decision] = []
    for edge in step.ways:
        held: bool | None = None
        is_taken = (
            edge.when in (outcome, When.ALWAYS) and edge.to not in taken and not (taken and step.route is Route.FIRST)
        )
        if is_taken and edge.if_ is not None:
            is_taken = held = expressions.holds(edge.if_, names)
        if is_taken:
            taken.append(edge.to)
        decisions.append(Decision(to=edge.to, when=edge.when, if_=edge.if_, held=held, taken=is_taken))
    unhandled = outcome is When.FAILURE and not taken
    return None if unhandled else tuple(taken), tuple(decisions)


def routes(step: Step, attempt: Attempt, names: expressions.Names) -> tuple[str, ...] | None:
    """The keys of the steps that follow, as `decide` gives them.

    Raises:
        Invalid: a condition has no value.
    """
    return decide(step, attempt, names)[0]
