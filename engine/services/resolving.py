"""An attempt's parameters, complete: what is left of them after the expressions, the `${…}` variables, filled in."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from engine.core import deferred, rendering, scopes
from engine.core.boot import BOOT_ACTION
from engine.core.changing import changed
from engine.core.executions import Attempt, Performer
from engine.core.filling import texts
from engine.core.secrets import refusing_scope
from engine.errors import Invalid, Problem
from engine.services.rendering import lookup
from engine.store.tx import Tx

if TYPE_CHECKING:
    from engine.services.runs import Run

NOT_FOR_CHILDREN = "what another workflow is given is stored; name the secret in that workflow itself"


def resolved(tx: Tx, run: "Run", attempt: Attempt, server: scopes.Server | None = None) -> dict[str, Any]:
    """An attempt's parameters with their `${…}` variables, checked by its action.

    Raises:
        Invalid: a variable has no value, or a parameter does not fit; each is named.
    """
    return completed(tx, run, attempt, server)[0]


def completed(tx: Tx, run: "Run", attempt: Attempt, server: scopes.Server | None = None) -> tuple[dict[str, Any], Any]:
    """As `resolved`, and what the action's model makes of them."""
    tree = _with_secrets(run, attempt, server)
    if _has_variables(tree):
        variables = scopes.variables(_around(run, attempt, server))
        problems: list[Problem] = []
        tree = _Resolving(_types(attempt.action, tree), variables, lookup(tx), problems).resolve(tree, "with")
        if problems:
            raise Invalid(problems)
    action = run.context.actions.get(attempt.action)
    if action is None:
        raise Invalid(f"there is no action {attempt.action} in this PureBoot; install the package that has it")
    return tree, action.complete(tree)


def _with_secrets(run: "Run", attempt: Attempt, server: scopes.Server | None) -> dict[str, Any]:
    """What an attempt was stored with, and in place what it was not stored with: what its expressions name of secrets.
    They see the attempts that there were when it began.
    """
    step = run.workflow.by_key.get(attempt.step_key)
    if step is None or not (step.has_expressions and any(deferred.names_secrets(text) for text in texts(step.with_))):
        return dict(attempt.config)
    around = _around(run, attempt, server)
    if around.execution is not None:
        before = takewhile(lambda each: each.id != attempt.id, around.execution.attempts)
        around = replace(around, execution=changed(around.execution, attempts=tuple(before)))
    return deferred.complete(step, attempt.config, scopes.names(replace(around, attempt=None)))


def _around(run: "Run", attempt: Attempt, server: scopes.Server | None) -> scopes.Surroundings:
    around = run.around(attempt, server)
    if attempt.performer is Performer.WORKFLOW:
        return replace(around, secrets=refusing_scope(NOT_FOR_CHILDREN))
    return around


def _has_variables(tree: Any) -> bool:
    if isinstance(tree, str):
        return "${" in tree
    if isinstance(tree, Mapping):
        return any(_has_variables(value) for value in tree.values())
    return isinstance(tree, list | tuple) and any(_has_variables(value) for value in tree)


def _types(action: str, tree: Mapping[str, Any]) -> Mapping[str, str]:
    """What a text is by whose rules values are put into it, by the path of the parameter."""
    interpreter = str(tree.get("interpreter", "sh")).partition(" ")[0]
    if action == "node.script" and interpreter.endswith("sh"):
        return {"with.script": "script"}
    return {"with.cmdline": "cmdline"} if action == BOOT_ACTION else {}


class _Resolving:
    """Fills the variables of a tree in, and notes what is wrong with any of them."""

    def __init__(
        self,
        types: Mapping[str, str],
        variables: rendering.Scopes,
        include: rendering.Lookup,
        problems: list[Problem],
    ) -> None:
        self._types = types
        self._variables = variables
        self._include = include
        self._problems = problems

    def resolve(self, tree: Any, path: str) -> Any:
        if isinstance(tree, str):
            return self._text(tree, path) if "${" in tree else tree
        if isinstance(tree, Mapping):
            return {key: self.resolve(value, f"{path}.{key}") for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return [self.resolve(value, f"{path}[{at}]") for at, value in enumerate(tree)]
        return tree

    def _text(self, text: str, path: str) -> str:
        type_ = self._types.get(path, "")
        rendered = rendering.render(text, self._variables, include=self._include, name=path, type_=type_)
        for problem in rendered.problems:
            file = None if problem.file == path else problem.file  # an include has a name of its own
            self._problems.append(replace(problem, path=path, file=file))
        return rendered.content
