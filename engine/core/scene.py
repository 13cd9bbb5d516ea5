"""What a walk that nobody performs stands on, and what can be named on the way."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.core import rendering, scopes
from engine.core.executions import Attempt, AttemptStatus, Execution, Performer
from engine.core.groups import Group
from engine.core.nodes import Node
from engine.core.outcomes import Outcomes
from engine.core.secrets import SecretScope
from engine.core.unknown import Asked, Masked, Named, PartlyKnown
from engine.core.workflows import Workflow

ID = "00000000-0000-0000-0000-000000000000"
"""The id of executions and versions that are in no store."""


class ActionFacts(Protocol):
    """What has to be known of an action."""

    @property
    def performer(self) -> Performer:
        """Who performs it."""

    @property
    def wait(self) -> Any:
        """For a timer: gives the seconds for its parameters."""

    @property
    def waited(self) -> Any:
        """For a timer: gives its outcome for its parameters."""

    def complete(self, config: Mapping[str, Any]) -> Any:
        """The parameters, checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything the walk stands on. `unknown_params` have no value; with `unknown_node` the node is still to be named.

    `include` finds the templates that parameters include; `max_attempts` is how many installs of a node may fail.
    `strict` is as in earnest, see `simulation`.
    """

    workflow: Workflow
    actions: Mapping[str, ActionFacts]
    outcomes: Outcomes = field(default_factory=dict)
    node: Node | None = None
    group: Group | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    unknown_params: tuple[str, ...] = ()
    unknown_node: bool = False
    server: scopes.Server = field(default_factory=scopes.Server)
    secrets: Mapping[str, str] = field(default_factory=dict)
    include: rendering.Lookup = rendering.no_includes
    workflow_id: str = ID
    workflow_version: str = "v1.0"
    max_attempts: int = 3
    strict: bool = True


def names(
    scene: Scene,
    execution: Execution,
    node: Node | None,
    attempt: Attempt | None,
    *,
    still_open: Collection[str],
    asked: Asked,
) -> dict[str, object]:
    """The names of expressions. The attempts in `still_open` will have given more than is known."""
    known = dict(scopes.names(_around(scene, execution, node, attempt)))
    if scene.unknown_params:
        known["params"] = PartlyKnown("params", scene.params, asked, scene.unknown_params.__contains__)
    if scene.unknown_node:
        known["node"] = PartlyKnown("node", {}, asked)
        known["meta"] = PartlyKnown("meta", {}, asked)
    if isinstance(scene.secrets, SecretScope):
        known["secret"] = SecretScope(lambda name: _masked(scene.secrets, name, asked))
    if still_open:
        known["steps"] = _steps(known["steps"], execution, still_open, asked)
    return known


def _masked(secrets: Mapping[str, str], name: str, asked: Asked) -> Masked | None:
    return Masked(rendering.MASK, f"secret.{name}", asked) if name in secrets else None


def variables(
    scene: Scene,
    execution: Execution,
    node: Node | None,
    attempt: Attempt | None,
    *,
    asked: Asked,
) -> rendering.Scopes:
    """The namespaces of `${…}`."""
    known = dict(scopes.variables(_around(scene, execution, node, attempt)))
    if scene.unknown_params:
        known["params"] = Named("params", asked, scene.params, scene.unknown_params.__contains__)
    if scene.unknown_node:
        known["node"] = Named("node", asked)
        known["meta"] = Named("meta", asked)
    return known


def _around(scene: Scene, execution: Execution, node: Node | None, attempt: Attempt | None) -> scopes.Surroundings:
    return scopes.Surroundings(
        node=node,
        group=scene.group,
        workflow=scene.workflow,
        execution=execution,
        attempt=attempt,
        server=scene.server,
        token=rendering.MASK,
        secrets=scene.secrets,
    )


_LATER = frozenset({"message", "exit_code"}).__contains__


def _steps(
    known: object, execution: Execution, still_open: Collection[str], asked: Asked
) -> dict[str, Mapping[str, object]]:
    steps: dict[str, Mapping[str, object]] = dict(known) if isinstance(known, Mapping) else {}
    newest = {attempt.step_key: attempt for attempt in execution.attempts}
    for key, attempt in newest.items():
        if attempt.id in still_open and attempt.status is not AttemptStatus.SKIPPED:
            facts = {name: value for name, value in steps[key].items() if not _LATER(name)}
            facts["output"] = PartlyKnown(f"steps.{key}.output", attempt.output, asked)
            steps[key] = PartlyKnown(f"steps.{key}", facts, asked, _LATER)
    return steps
