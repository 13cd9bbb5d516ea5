"""What may be wrong with a workflow as a whole: found all at once, before anything is started."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from engine.core import deferred, expressions, rendering
from engine.core.parameters import check_schema
from engine.core.secrets import missing_secrets
from engine.core.sources import Source
from engine.core.workflow_file import parse, places, repaired
from engine.core.workflow_shape import shape_problems
from engine.core.workflows import CONTINUE, FAIL, ROLLBACK, Step, Workflow
from engine.errors import Invalid, Problem


class ActionRules(Protocol):
    """What a check needs to know of an action."""

    def problems(self, with_: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
        """What is wrong with a step's parameters: (path below `with`, message)."""


def problems(
    source: Source,
    *,
    actions: Mapping[str, ActionRules],
    has_template: Callable[[str], bool] = lambda _name: True,
    has_secret: Callable[[str], bool] = lambda _name: True,
) -> list[Problem]:
    """Everything that is wrong with a workflow's file; where it does not read well, also with the rest of it."""
    try:
        workflow = parse(source)
    except Invalid as error:
        rest = repaired(source) if isinstance(source.tree, Mapping) else None
        more: list[Problem] = []
        if rest is not None and rest is not source:
            more = problems(rest, actions=actions, has_template=has_template, has_secret=has_secret)
        found = [*error.problems, *(each for each in more if each not in error.problems)]
        return sorted(found, key=lambda each: (each.line or 0, each.column or 0))
    return check(workflow, source, actions=actions, has_template=has_template, has_secret=has_secret)


def check(
    workflow: Workflow,
    source: Source,
    *,
    actions: Mapping[str, ActionRules],
    has_template: Callable[[str], bool] = lambda _name: True,
    has_secret: Callable[[str], bool] = lambda _name: True,
) -> list[Problem]:
    """Every problem of a workflow that reads well by itself, each with its place; without any it can be published."""
    finder = _Finder(workflow, source, actions, has_template, has_secret)
    return sorted(finder.problems(), key=lambda problem: (problem.line or 0, problem.column or 0))


class _Finder:
    def __init__(
        self,
        workflow: Workflow,
        source: Source,
        actions: Mapping[str, ActionRules],
        has_template: Callable[[str], bool],
        has_secret: Callable[[str], bool],
    ) -> None:
        self._workflow = workflow
        self._source = source
        self._actions = actions
        self._has_template = has_template
        self._has_secret = has_secret
        self._places = places(source)

    def problems(self) -> Iterator[Problem]:
        yield from self._whole()
        for name, schema in self._workflow.params.items():
            for message in check_schema(schema):
                yield self._source.problem(("params", name), message)
        for step in self._workflow.steps:
            yield from self._step(step)
            yield from self._retry(step)
            yield from self._rollback(step)
        yield from self._ways()

    def _at(self, step: Step, *path: str | int, message: str, at_key: bool = False) -> Problem:
        return self._source.problem((*self._places.get(step.key, ("steps",)), *path), message, at_key=at_key)

    def _whole(self) -> Iterator[Problem]:
        if self._workflow.timeout_seconds == 0:
            yield self._source.problem(("timeout",), "must be longer than 0 seconds; leave it out for no limit")
        if self._workflow.concurrency is not None:
            key = self._workflow.concurrency["key"]
            message = expressions.check_text(key)
            if message is None and deferred.names_secrets_at_all(key):
                message = "names a secret, but the key is stored and shown"
            if message:
                yield self._source.problem(("concurrency", "key"), message)
        for path, text in _texts(self._workflow.output, ()):
            message = expressions.check_text(text)
            if message:
                yield self._source.problem(("output", *path), message)

    def _step(self, step: Step) -> Iterator[Problem]:
        for key, seconds in (("timeout", step.timeout_seconds), ("heartbeat", step.heartbeat_seconds)):
            if seconds == 0:
                yield self._at(step, key, message="must be longer than 0 seconds; leave it out for no limit")
        yield from self._action(step)
        yield from self._targets(step)
        for at, edge in enumerate(step.edges):
            message = expressions.check_condition(edge.if_) if edge.if_ is not None else None
            if message:
                yield self._at(step, "edges", at, "if", message=message)

    def _action(self, step: Step) -> Iterator[Problem]:
        rules = self._actions.get(step.action)
        if rules is None:
            known = ", ".join(sorted(self._actions))
            yield self._at(step, "action", message=f"there is no action {step.action!r}; there are {known}")
            return
        for path, message in rules.problems(step.with_):
            yield self._at(step, "with", *path, message=message)
        for path, text in _texts(step.with_, ()):
            wrong = expressions.check_text(text)
            messages = [wrong] if wrong else [each.message for each in rendering.check(text, include=self._included)]
            for message in [*messages, *self._secrets(step, path, text)]:
                yield self._at(step, "with", *path, message=message)
        template = step.with_.get("template")
        if isinstance(template, str) and "{{" not in template and not self._has_template(template.partition(":")[0]):
            yield self._at(step, "with", "template", message=f"there is no template {template!r}")

    def _secrets(self, step: Step, path: tuple[str | int, ...], text: str) -> Iterator[str]:
        if deferred.is_native(step.action, str(path[0])) and deferred.names_secrets_at_all(text):
            yield "names a secret, but inputs of workflows are stored; name the secret in that workflow itself"
            return
        for problem in missing_secrets(text, self._has_secret):
            yield problem.message
        for name in deferred.secrets_of(text):
            if not self._has_secret(name) and "default" not in text:
                yield f"secret.{name} {rendering.no_secret(name)}"

    def _included(self, name: str, reference: str | None) -> rendering.Included | None:
        """Whether a template is there is all that matters here: what is in it was judged when it was saved."""
        return rendering.Included(name=name, version=reference or "", content="") if self._has_template(name) else None

    def _targets(self, step: Step) -> Iterator[Problem]:
        keys = self._workflow.by_key
        for at, edge in enumerate(step.edges):
            if edge.to not in keys:
                yield self._at(step, "edges", at, "to", message=f"there is no step {edge.to!r}")
        if step.rollback is not None and step.rollback not in keys:
            yield self._at(step, "rollback", message=f"there is no step {step.rollback!r}")
        if step.on_failure == ROLLBACK:
            if not any(other.rollback for other in self._workflow.steps):
                message = "no step has a rollback, so nothing would be undone: say of each step which step undoes it"
                yield self._at(step, "on_failure", message=message)
        elif step.on_failure not in (FAIL, CONTINUE) and step.on_failure not in keys:
            message = f"{step.on_failure!r} is neither fail, continue, rollback nor the key of a step"
            yield self._at(step, "on_failure", message=message)

    def _retry(self, step: Step) -> Iterator[Problem]:
        retry = step.retry
        if retry.max_delay is not None and retry.max_delay < retry.delay:
            yield self._at(
                step, "retry", "max_delay", message="is shorter than delay, so the delay would never be kept"
            )

    def _rollback(self, step: Step) -> Iterator[Problem]:
        undone = [other for other in self._workflow.steps if other.rollback == step.key]
        if step in undone:
            yield self._at(step, "rollback", message="a step cannot undo itself; name another one")
        elif undone and step.ways and step.key not in self._workflow.graph.index:
            name = undone[0].key
            message = f"{step.key!r} only undoes {name!r}, so its edges would never be taken; leave them out"
            yield self._at(step, "edges" if step.edges else "on_failure", message=message, at_key=True)

    def _ways(self) -> Iterator[Problem]:
        for key, message in shape_problems(self._workflow):
            yield self._at(self._workflow.by_key[key], message=message)
        for step in self._workflow.reachable[1:]:
            branches = len(self._workflow.graph.incoming[step.key])
            if isinstance(step.join, int) and step.join > branches:
                lead = "branch leads" if branches == 1 else "branches lead"
                message = f"waits for {step.join} branches, but only {branches} {lead} here"
                yield self._at(step, "join", message=message)


def _texts(tree: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _texts(value, (*path, str(key)))
    elif isinstance(tree, list | tuple):
        for at, value in enumerate(tree):
            yield from _texts(value, (*path, at))
