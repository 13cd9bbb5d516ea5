"""What is noted of a walk through a workflow that nobody performs, beside the execution itself."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.core import expressions, rendering
from engine.core.filling import Filled
from engine.core.judging import Choice
from engine.core.nodes import NodeState
from engine.core.workflows import Step
from engine.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A try that began. Those of one `round` begin at the same moment; `at` is how many seconds after the start.

    `depends_on` names what has to be known to say whether it begins at all; empty if it does. `names` and `variables`
    give what its texts could name then.
    """

    attempt_id: str
    step: Step
    round: int
    at: float
    filled: Filled
    problems: tuple[Problem, ...]
    depends_on: tuple[str, ...]
    awaited: tuple[str, ...]
    names: Callable[[], expressions.Names]
    variables: Callable[[], rendering.Scopes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Where a try led."""

    attempt_id: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The node went through these states, or `error` says why it could not; at the start if no attempt moved it."""

    attempt_id: str | None
    goal: NodeState
    states: tuple[NodeState, ...]
    error: str | None = None
