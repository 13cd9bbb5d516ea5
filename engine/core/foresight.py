"""How one try of a step will end, before it begins."""

from dataclasses import dataclass
from typing import Any

from engine.core.executions import Attempt, Performer
from engine.core.filling import Filled
from engine.core.outcomes import Ending, Outcome
from engine.core.scene import Scene
from engine.core.workflows import Step
from engine.errors import Invalid, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What is wrong with a try, how it ends, after how many seconds; whether its output may hold more than is known."""

    problems: tuple[Problem, ...]
    outcome: Outcome
    seconds: float = 0.0
    is_open: bool = False


def foresee(scene: Scene, step: Step, attempt: Attempt, filled: Filled) -> Foreseen:
    """Say how a try will end: as scripted, or as its action always does, or well."""
    problems, parameters = _checked(scene, step, filled)
    if problems and scene.strict:
        return Foreseen(problems=problems, outcome=Outcome(ending=Ending.FAILED, error=str(Invalid(problems))))
    action = scene.actions.get(step.action)
    scripted = _scripted(scene, attempt)
    outcome, seconds = scripted or _native(step.action, filled), 0.0
    if action is not None and action.wait and parameters is not None and (outcome is None or outcome.succeeds):
        seconds = float(action.wait(parameters))
        outcome = outcome or Outcome(output=dict(action.waited(parameters).output))
    if scripted is not None and scripted.after is not None:
        seconds = scripted.after
    is_open = _may_give_more(attempt, outcome) and not scene.strict
    return Foreseen(problems=problems, outcome=outcome or Outcome(), seconds=seconds, is_open=is_open)


def _checked(scene: Scene, step: Step, filled: Filled) -> tuple[tuple[Problem, ...], Any]:
    """Everything that is wrong with a step's parameters, and what its action makes of them if they are known."""
    action = scene.actions.get(step.action)
    if action is None:
        message = f"there is no action {step.action} in this PureBoot; install the package that has it"
        return (*filled.problems, Problem(path="action", message=message)), None
    if filled.problems or filled.unknown:
        return filled.problems, None
    try:
        return (), action.complete(filled.complete)
    except Invalid as error:
        return error.problems, None


def _scripted(scene: Scene, attempt: Attempt) -> Outcome | None:
    outcomes = scene.outcomes.get(attempt.step_key)
    return outcomes[min(attempt.attempt, len(outcomes)) - 1] if outcomes else None


def _native(action: str, filled: Filled) -> Outcome | None:
    """What an action always does that needs nobody else; None of one that does."""
    match action:
        case "core.echo":
            return Outcome(output={"echo": filled.complete.get("message", "")})
        case "core.fail":
            return Outcome(ending=Ending.FAILED, error=str(filled.complete.get("message", "the workflow asked for it")))
        case "node.state":
            return Outcome(output={"state": filled.complete.get("state")})
        case _:
            return None


_TELLS_ALL = frozenset({"core.echo", "core.fail", "node.state"})


def _may_give_more(attempt: Attempt, outcome: Outcome | None) -> bool:
    if attempt.performer is Performer.TIMER or attempt.action in _TELLS_ALL:
        return False
    return outcome is None or outcome.succeeds
