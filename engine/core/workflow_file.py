"""The workflow file: how CONTRACT section 5 writes a workflow, read into a `Workflow` and written back.

Older spellings (`type`, `config`, `timeout_seconds`, the graph form with `startNode` and `nodes`) are read as well; the
form written back is always the contract's. Everything wrong is reported at once, with line and column.
"""

import copy
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import yaml
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engine.core.durations import format_duration, parse_duration
from engine.core.nodes import NodeState
from engine.core.sources import Path, Source
from engine.core.workflows import FAIL, Backoff, Edge, Join, Retry, Route, Step, When, Workflow
from engine.errors import Invalid, Problem

_NAMESPACE = uuid.UUID("9d9d2a5e-5d52-5a39-8f0f-6e1d4a0c7b11")  # of step ids; any fixed one does
_OLD_ACTIONS = {
    "boot": "node.boot",
    "script": "node.script",
    "reboot": "node.reboot",
    "core.template.render": "core.render",
}
_NEEDED = frozenset({"name", "steps", "nodes", "key", "id", "action", "type", "actionType", "to", "targetNode"})
_KEY_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$"
_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,127}$"

_Duration = Annotated[float, BeforeValidator(parse_duration)]
_Config = Annotated[
    dict[str, Any], BeforeValidator(lambda value: json.loads(value or "{}") if isinstance(value, str) else value or {})
]


def _either(*names: str) -> Any:
    return AliasChoices(*names)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, loc_by_alias=True)


class _EdgeFile(_File):
    to: str = Field(validation_alias=_either("to", "targetNode", "target"))
    when: When = When.SUCCESS
    if_: str | None = Field(default=None, validation_alias=_either("if", "condition"))


class _RetryFile(_File):
    max_attempts: int = Field(default=1, ge=1, le=1000)
    delay: _Duration = 0.0
    backoff: Backoff = Backoff.CONSTANT
    max_delay: _Duration | None = None


class _StepFile(_File):
    key: str | None = Field(default=None, validation_alias=_either("key", "id"), pattern=_KEY_PATTERN)
    sequence: int | None = None
    name: str | None = None
    action: str = Field(validation_alias=_either("action", "type", "actionType"))
    with_: _Config = Field(default={}, validation_alias=_either("with", "config", "config_json", "parameters"))
    timeout: _Duration | None = Field(default=None, validation_alias=_either("timeout", "timeout_seconds"))
    heartbeat: _Duration | None = Field(default=None, validation_alias=_either("heartbeat", "heartbeat_seconds"))
    retry: _RetryFile | None = None
    max_retries: int | None = Field(default=None, ge=0, le=999)
    retry_delay_seconds: _Duration | None = None
    on_failure: str = FAIL
    rollback: str | None = Field(default=None, validation_alias=_either("rollback", "rollback_step_id"))
    next_state: NodeState | None = None
    edges: list[_EdgeFile] | None = None
    route: Route = Route.ALL
    join: Join = Join.ALL

    @model_validator(mode="after")
    def _one_retry(self) -> "_StepFile":
        if self.retry is not None and (self.max_retries is not None or self.retry_delay_seconds is not None):
            raise ValueError("says its retries twice: write retry, or max_retries and retry_delay_seconds")
        return self


class _Concurrency(_File):
    key: str
    limit: int = Field(ge=1)


class _WorkflowFile(_File):
    name: str = Field(pattern=_NAME_PATTERN)
    description: str = ""
    os_family: Literal["linux", "windows", "bsd", "esxi", "other"] = "linux"
    architecture: Literal["x86_64", "arm64", "any"] = "any"
    boot_mode: Literal["bios", "uefi", "any"] = "any"
    params: dict[str, dict[str, Any]] = {}
    concurrency: _Concurrency | None = None
    timeout: _Duration | None = Field(default=None, validation_alias=_either("timeout", "timeout_seconds"))
    state_on_start: NodeState | None = None
    start: str | None = Field(default=None, validation_alias=_either("startNode", "start"))
    steps: list[_StepFile] = Field(min_length=1, max_length=1000, validation_alias=_either("steps", "nodes"))


def repaired(source: Source) -> Source | None:
    """The source without what is not of the form, so that the rest of it can be checked as well; None if there is none.

    What stands under a key that the form does not need is left out; a step that lacks what it needs gives its place to
    one that is right, so that the others are checked.
    """
    try:
        _WorkflowFile.model_validate(source.tree)
    except ValidationError as error:
        tree = copy.deepcopy(source.tree)
        for detail in error.errors():
            path = tuple(detail["loc"])
            if path == ("name",):
                tree["name"] = "unnamed"  # nothing in a file refers to it
            elif not _leave_out(tree, path) and not _stand_in(tree, path):
                return None
        return replace(source, tree=tree)
    return source


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
            named = {"key": key} if isinstance(key, str) and re.fullmatch(_KEY_PATTERN, key) else {}
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
        file = _WorkflowFile.model_validate(tree)
    except ValidationError as error:
        raise Invalid([_problem(source, detail) for detail in error.errors()]) from None
    return _Builder(file, source).workflow()


def places(source: Source) -> dict[str, tuple[str, int]]:
    """Where each step of a source that reads well stands in it, by the step's key."""
    where = "steps" if "steps" in source.tree else "nodes"
    file = _WorkflowFile.model_validate({"name": "unnamed", **source.tree})
    return {key: (where, place) for place, key in _Builder(file, source).keys.items()}


class _Builder:
    """From the file's model to the value: keys, order and edges that the file may leave out."""

    def __init__(self, file: _WorkflowFile, source: Source) -> None:
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
            timeout_seconds=file.timeout,
            state_on_start=file.state_on_start,
            steps=_in_sequence(steps),
        )

    def _refuse_twice(self) -> None:
        seen: set[str] = set()
        problems = []
        for place, key in self.keys.items():
            if key in seen:
                problems.append(self._source.problem(("steps", place, "key"), f"the key {key!r} is used twice"))
            seen.add(key)
        if problems:
            raise Invalid(problems)

    def _start_first(self, steps: list[Step], start: str) -> list[Step]:
        first = [step for step in steps if step.key == start]
        if not first:
            raise Invalid([self._source.problem(("startNode",), f"there is no step {start!r}")])
        return [*first, *(step for step in steps if step.key != start)]

    def _step(self, sequence: int, place: int, file: _StepFile) -> Step:
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


def _retry(file: _StepFile) -> Retry:
    if file.retry is None:
        return Retry(max_attempts=1 + (file.max_retries or 0), delay=file.retry_delay_seconds or 0.0)
    retry = file.retry
    return Retry(max_attempts=retry.max_attempts, delay=retry.delay, backoff=retry.backoff, max_delay=retry.max_delay)


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
    else:
        message = _PLAIN_MESSAGES.get(kind) or detail["msg"].removeprefix("Value error, ")
    return source.problem(path, message, at_key=kind == "extra_forbidden")


def as_file(workflow: Workflow) -> dict[str, Any]:
    """The tree of a workflow in the contract's form, without what is left at its default."""
    tree: dict[str, Any] = {"name": workflow.name}
    for key in ("description", "os_family", "architecture", "boot_mode"):
        tree[key] = getattr(workflow, key)
    tree |= _given(
        params=_plain(workflow.params),
        concurrency=_plain(workflow.concurrency),
        timeout=_duration(workflow.timeout_seconds),
        state_on_start=workflow.state_on_start and str(workflow.state_on_start),
    )
    tree["steps"] = [_step_file(step) for step in workflow.steps]
    return tree


def _step_file(step: Step) -> dict[str, Any]:
    tree: dict[str, Any] = {"key": step.key}
    tree |= _given(name=step.name if step.name != step.key else None)
    tree["action"] = step.action
    return (
        tree
        | _given(
            **{"with": _plain(step.with_)},
            timeout=_duration(step.timeout_seconds),
            heartbeat=_duration(step.heartbeat_seconds),
            retry=_retry_file(step.retry),
            next_state=step.next_state and str(step.next_state),
            on_failure=step.on_failure if step.on_failure != FAIL else None,
            rollback=step.rollback,
            route=str(step.route) if step.route is not Route.ALL else None,
            join=str(step.join) if step.join is not Join.ALL else None,
        )
        | ({} if step.sequential else {"edges": [_edge_file(edge) for edge in step.edges]})
    )


def _retry_file(retry: Retry) -> dict[str, Any] | None:
    if retry == Retry():
        return None
    return {"max_attempts": retry.max_attempts} | _given(
        delay=_duration(retry.delay or None),
        backoff=str(retry.backoff) if retry.backoff is not Backoff.CONSTANT else None,
        max_delay=_duration(retry.max_delay),
    )


def _edge_file(edge: Edge) -> dict[str, Any]:
    return {"to": edge.to, "when": str(edge.when)} | _given(**{"if": edge.if_})


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _given(**items: Any) -> dict[str, Any]:
    return {key: value for key, value in items.items() if value not in (None, {}, [])}


class _Dumper(yaml.SafeDumper):
    """YAML as a person would write it: scripts as blocks, keys in the order given."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def export(workflow: Workflow) -> str:
    """A workflow as YAML in the contract's form; reading it gives the same workflow."""
    return yaml.dump(as_file(workflow), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
