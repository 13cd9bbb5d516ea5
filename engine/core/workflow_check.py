"""What may be wrong with a workflow as a whole: found all at once, before anything is started."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from engine.core import expressions, rendering
from engine.core.parameters import check_schema
from engine.core.sources import Source
from engine.core.workflow_file import places
from engine.core.workflows import CONTINUE, FAIL, ROLLBACK, Step, Workflow
from engine.errors import Problem


class ActionRules(Protocol):
    """What a check needs to know of an action."""

    def problems(self, with_: Mapping[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
        """What is wrong with a step's parameters: (path below `with`, message)."""


def check(
    workflow: Workflow,
    source: Source,
    *,
    actions: Mapping[str, ActionRules],
    has_template: Callable[[str], bool] = lambda _name: True,
) -> list[Problem]:
    """Every problem of a workflow that reads well by itself, each with its place; without any it can be published."""
    finder = _Finder(workflow, source, actions, has_template)
    return sorted(finder.problems(), key=lambda problem: (problem.line or 0, problem.column or 0))


class _Finder:
    def __init__(
        self,
        workflow: Workflow,
        source: Source,
        actions: Mapping[str, ActionRules],
        has_template: Callable[[str], bool],
    ) -> None:
        self._workflow = workflow
        self._source = source
        self._actions = actions
        self._has_template = has_template
        self._places = places(source)

    def problems(self) -> Iterator[Problem]:
        yield from self._whole()
        for name, schema in self._workflow.params.items():
            for message in check_schema(schema):
                yield self._source.problem(("params", name), message)
        for step in self._workflow.steps:
            yield from self._step(step)
        yield from self._unreachable()
        yield from self._cycles()

    def _at(self, step: Step, *path: str | int, message: str, at_key: bool = False) -> Problem:
        return self._source.problem((*self._places.get(step.key, ("steps",)), *path), message, at_key=at_key)

    def _whole(self) -> Iterator[Problem]:
        if self._workflow.timeout_seconds == 0:
            yield self._source.problem(("timeout",), "must be longer than 0 seconds; leave it out for no limit")
        if self._workflow.concurrency is not None:
            yield self._source.problem(("concurrency",), "limits are not supported yet; leave it out", at_key=True)

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
            for message in messages:
                yield self._at(step, "with", *path, message=message)
        template = step.with_.get("template")
        if isinstance(template, str) and "{{" not in template and not self._has_template(template.partition(":")[0]):
            yield self._at(step, "with", "template", message=f"there is no template {template!r}")

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
            yield self._at(step, "on_failure", message="rollback is not supported yet; use fail, continue or a step")
        elif step.on_failure not in (FAIL, CONTINUE) and step.on_failure not in keys:
            message = f"{step.on_failure!r} is neither fail, continue, rollback nor the key of a step"
            yield self._at(step, "on_failure", message=message)

    def _unreachable(self) -> Iterator[Problem]:
        reached = {step.key for step in self._workflow.reachable}
        undoing = {step.rollback for step in self._workflow.steps}
        for step in self._workflow.steps:
            if step.key not in reached and step.key not in undoing:
                yield self._at(step, message=f"no edge leads to the step {step.key!r}, so it never runs")

    def _cycles(self) -> Iterator[Problem]:
        for step in self._workflow.steps:
            cycle = _cycle_from(self._workflow, step)
            if cycle:
                way = " -> ".join((*cycle, cycle[0]))
                yield self._at(step, message=f"the steps run in a circle, which is not supported yet: {way}")
                return


def _cycle_from(workflow: Workflow, start: Step) -> tuple[str, ...]:
    """The keys of a cycle through `start`, in order; empty if there is none."""
    came: dict[str, str] = {}
    waiting = [start.key]
    while waiting:
        key = waiting.pop()
        for edge in workflow.by_key[key].ways:
            if edge.to == start.key:
                return _way_back(came, key, start.key)
            if edge.to not in came and edge.to in workflow.by_key:
                came[edge.to] = key
                waiting.append(edge.to)
    return ()


def _way_back(came: Mapping[str, str], last: str, start: str) -> tuple[str, ...]:
    way = [last]
    while way[-1] != start:
        way.append(came[way[-1]])
    return tuple(reversed(way))


def _texts(tree: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _texts(value, (*path, str(key)))
    elif isinstance(tree, list | tuple):
        for at, value in enumerate(tree):
            yield from _texts(value, (*path, at))
