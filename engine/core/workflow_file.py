"""The workflow file: how CONTRACT section 5 writes a workflow, read into a `Workflow` and written back.

Older spellings (`type`, `config`, `timeout_seconds`, the graph form with `startNode` and `nodes`) are read as well; the
form written back is always the contract's. Everything wrong is reported at once, with line and column.
"""

import copy
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from pydantic import ValidationError

from engine.core.sources import Path, Source
from engine.core.workflow_export import as_file, export
from engine.core.workflow_form import KEY_PATTERN, StepForm, WorkflowForm
from engine.core.workflows import Edge, Retry, Step, Workflow
from engine.errors import Invalid, Problem

__all__ = ["as_file", "export", "parse", "places", "repaired"]

_NAMESPACE = uuid.UUID("9d9d2a5e-5d52-5a39-8f0f-6e1d4a0c7b11")  # of step ids; any fixed one does
_OLD_ACTIONS = {
    "boot": "node.boot",
    "script": "node.script",
    "reboot": "node.reboot",
    "core.template.render": "core.render",
}
_NEEDED = frozenset({"name", "steps", "nodes", "key", "id", "action", "type", "actionType", "to", "targetNode"})


def repaired(source: Source) -> Source | None:
    """The source without what is not of the form, so that the rest of it can be checked as well; None if there is none.

    What stands under a key that the form does not need is left out; a step that lacks what it needs gives its place to
    one that is right, so that the others are checked.
    """
    try:
        file = WorkflowForm.model_validate({"name": "unnamed", **source.tree})
    except ValidationError as error:
        tree = copy.deepcopy(source.tree)
        for detail in error.errors():
            path = tuple(detail["loc"])
            if path == ("name",):
                tree["name"] = "unnamed"  # nothing in a file refers to it
            elif not _leave_out(tree, path) and not _stand_in(tree, path):
                return None
        return replace(source, tree=tree)
    return _told_apart(source, _Builder(file, source).keys)


def _told_apart(source: Source, keys: Mapping[int, str]) -> Source:
    """The source with a key of its own for each step that shares one; the source itself if none does."""
    taken: dict[str, int] = {}
    tree = copy.deepcopy(source.tree)
    steps = tree["steps" if "steps" in tree else "nodes"]
    for place, key in keys.items():
        first = taken.setdefault(key, place)
        if first != place:
            apart = next(name for at in count(2) if (name := f"{key[:58]}_{at}") not in {*keys.values(), *taken})
            taken[apart] = place
            steps[place] = {name: value for name, value in steps[place].items() if name != "id"} | {"key": apart}
            if isinstance(steps[first].get("edges"), list):
                steps[first]["edges"].append({"to": apart})  # so that it is not found to be unreachable as well
    return source if len(taken) == len(set(keys.values())) else replace(source, tree=tree)


def _leave_out(tree: Any, path: Path) -> bool:
    """Take away the innermost key on the way to `path`; whether there was one that may go."""
    for end in range(len(path), 0, -1):
        above: Any = tree
        for part in path[: end - 1]:
            if isinstance(above, dict):
                above = above.get(part)
            else:
                above = above[part] if isinstance(above, list) and isinstance(part, int) else None
        key = path[end - 1]
        if isinstance(above, dict) and key in above and key not in _NEEDED:
            del above[key]
            return True
    return False


def _stand_in(tree: Any, path: Path) -> bool:
    """Put a step that does nothing in the place of the one that `path` leads into; whether it leads into one."""
    match path:
        case ("steps" | "nodes" as where, int(at), *_):
            step = tree[where][at] if isinstance(tree[where][at], dict) else {}
            key = step.get("key", step.get("id"))
            named = {"key": key} if isinstance(key, str) and re.fullmatch(KEY_PATTERN, key) else {}
            tree[where][at] = {**named, "action": "core.echo", "with": {"message": ""}}
            return True
    return False


def parse(source: Source, *, name: str | None = None) -> Workflow:
    """Read a workflow from its tree. `name` is taken where the file gives none (a file in a pack).

    Raises:
        Invalid: something in it is not of the form; every problem is listed with its place.
    """
    tree = source.tree
    if not isinstance(tree, Mapping):
        raise Invalid([source.problem((), "a workflow is a mapping with name and steps")])
    if name is not None and "name" not in tree:
        tree = {"name": name, **tree}
    try:
        file = WorkflowForm.model_validate(tree)
    except ValidationError as error:
        raise Invalid([_problem(source, detail) for detail in error.errors()]) from None
    return _Builder(file, source).workflow()


def places(source: Source) -> dict[str, tuple[str, int]]:
    """Where each step of a source that reads well stands in it, by the step's key."""
    where = "steps" if "steps" in source.tree else "nodes"
    file = WorkflowForm.model_validate({"name": "unnamed", **source.tree})
    return {key: (where, place) for place, key in _Builder(file, source).keys.items()}


class _Builder:
    """From the file's model to the value: keys, order and edges that the file may leave out."""

    def __init__(self, file: WorkflowForm, source: Source) -> None:
        self._file = file
        self._source = source
        self._written = list(enumerate(file.steps))
        if all(step.sequence is not None for step in file.steps):
            self._written.sort(key=lambda item: (item[1].sequence or 0, item[0]))
        self.keys = {place: step.key or f"step-{at}" for at, (place, step) in enumerate(self._written, 1)}

    def workflow(self) -> Workflow:
        self._refuse_twice()
        steps = [self._step(at, place, step) for at, (place, step) in enumerate(self._written, 1)]
        if self._file.start is not None:
            steps = self._start_first(steps, self._file.start)
        file = self._file
        return Workflow(
            name=file.name,
            description=file.description,
            os_family=file.os_family,
            architecture=file.architecture,
            boot_mode=file.boot_mode,
            params=file.params,
            concurrency=None if file.concurrency is None else file.concurrency.model_dump(),
            max_parallel=file.max_parallel,
            output=file.output,
            timeout_seconds=file.timeout,
            state_on_start=file.state_on_start,
            steps=_in_sequence(steps),
        )

    def _refuse_twice(self) -> None:
        seen: set[str] = set()
        problems = []
        where = "steps" if "steps" in self._source.tree else "nodes"
        for place, key in self.keys.items():
            if key in seen:
                problems.append(self._source.problem((where, place, "key"), f"the key {key!r} is used twice"))
            seen.add(key)
        if problems:
            raise Invalid(problems)

    def _start_first(self, steps: list[Step], start: str) -> list[Step]:
        first = [step for step in steps if step.key == start]
        if not first:
            raise Invalid([self._source.problem(("startNode",), f"there is no step {start!r}")])
        return [*first, *(step for step in steps if step.key != start)]

    def _step(self, sequence: int, place: int, file: StepForm) -> Step:
        key = self.keys[place]
        return Step(
            id=str(uuid.uuid5(_NAMESPACE, f"{self._file.name}/{key}")),
            key=key,
            sequence=sequence,
            name=file.name or key,
            action=_OLD_ACTIONS.get(file.action, file.action),
            with_=file.with_,
            timeout_seconds=file.timeout,
            heartbeat_seconds=file.heartbeat,
            retry=_retry(file),
            on_failure=file.on_failure,
            rollback=file.rollback,
            next_state=file.next_state,
            edges=tuple(Edge(to=edge.to, when=edge.when, if_=edge.if_) for edge in file.edges or ()),
            route=file.route,
            join=file.join,
            max_visits=file.max_visits,
            dead_letter=file.dead_letter,
            # the graph form names every edge it means
            sequential=file.edges is None and self._file.start is None,
        )


def _in_sequence(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Give steps without edges the one to the step below; a step that only undoes another is not on that way."""
    undoing = {step.rollback for step in steps}
    joined = []
    for at, step in enumerate(steps):
        below = next((later.key for later in steps[at + 1 :] if later.key not in undoing), None)
        if step.sequential and step.key not in undoing and below is not None:
            step = replace(step, edges=(Edge(to=below),))
        joined.append(step)
    return tuple(joined)


def _retry(file: StepForm) -> Retry:
    if file.retry is None:
        return Retry(max_attempts=1 + (file.max_retries or 0), delay=file.retry_delay_seconds or 0.0)
    return Retry(**dict(file.retry))


_PLAIN_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not a key that is known here",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "model_type": "must be a mapping",
    "too_short": "must not be empty",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
}


def _problem(source: Source, detail: Any) -> Problem:
    path: Path = tuple(detail["loc"])
    kind = detail["type"]
    if kind == "string_pattern_mismatch":
        message = (
            f"{detail['input']!r} may hold only letters, digits, '-', '_' (and '.' in names), first a letter or digit"
        )
    elif kind in ("enum", "literal_error"):
        message = f"{detail['input']!r} is not one of {detail['ctx']['expected']}"
    elif kind == "string_type" and isinstance(detail["input"], bool):
        message = "must be text; YAML reads a bare on, off, yes or no as true or false: put it in quotes"
    elif kind in ("greater_than_equal", "less_than_equal"):
        bound = detail["ctx"]["ge" if kind == "greater_than_equal" else "le"]
        message = f"must be {'at least' if kind == 'greater_than_equal' else 'at most'} {bound:g}"
    else:
        message = _PLAIN_MESSAGES.get(kind) or detail["msg"].removeprefix("Value error, ")
    return source.problem(path, message, at_key=kind == "extra_forbidden")
