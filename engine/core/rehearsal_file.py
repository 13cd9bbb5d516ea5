"""The rehearsal file: how a workflow's author writes what should happen.

    workflow: debian-12.yaml        # a file beside this one, or a workflow of the store; or `inline:` and the workflow
    params: {disk: /dev/sda}        # what is given of the workflow's inputs
    node: {hostname: r4-01, state: discovered}    # its facts, by the names that nodes or templates have for them
    steps:                          # how steps end, by key; what is not here succeeds
      partition: [failed, {success: {disk: /dev/sda}}]    # one for each try, the last holds on; a mapping is the output
      probe: {timeout: true}
      verify: {failed: the disk is gone, exit_code: 3, after: 10m}
      sign-off: rejected
    expect:
      order: [netboot, partition, partition, [install, watch]]   # as they begin, tries included; together in brackets
      status: succeeded             # left out: succeeded, or failed where an error is expected
      node_state: installed         # the rest may be left out
      not_run: [rescue]
      error: a part of the error's text

Endings: success, failed, timeout (it goes on until the step's timeout), lost (nothing more is heard of it until the
step's heartbeat is missed), approved, rejected, skip. `core.echo`, `core.delay`, `core.fail` and `node.state` do what
they always do. Time is the rehearsal's own: work takes none unless `after` says how long, delays and timeouts pass at
once. Without `node` there is a node that was just discovered; `node: null` is an execution that has none.

Several rehearsals stand in a list under `rehearsals`, each with a `name`; what stands beside that list holds for each
of them that does not say otherwise. A file may also hold several YAML documents.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from engine.core import outcomes, sources
from engine.core.executions import ExecutionStatus
from engine.core.nodes import Node, NodeState, parse_mac
from engine.core.outcomes import Outcome
from engine.core.rehearsal import Expected, Moment, Rehearsal, Rehearsed, rehearse
from engine.core.scene import ActionFacts
from engine.core.sources import Path, Source
from engine.core.workflows import Workflow
from engine.errors import Invalid, Problem

_AT = datetime(2000, 1, 1, tzinfo=UTC)
_NODE_ID = "00000000-0000-0000-0000-000000000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A rehearsal as a file has it. `workflow` is a file's name or that of a workflow in the store, None where the file
    holds the workflow itself (`inline`). `source` and `path` are where it stands.
    """

    rehearsal: Rehearsal
    workflow: str | None
    inline: Source | None
    source: Source
    path: Path

    def problem(self, path: Path, message: str) -> Problem:
        """Something that is wrong with a part of it, with its place."""
        return _Placed(self.source, self.path).problem(path, message)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, loc_by_alias=True, defer_build=True)


class _Expect(_File):
    order: list[Any] | None = None
    status: ExecutionStatus | None = None
    node_state: NodeState | None = None
    not_run: list[str] = []
    error: str | None = None


def _mac(text: str) -> str:
    try:
        return parse_mac(text)
    except Invalid as error:
        raise ValueError(error.problems[0].message) from None


class _Node(_File):
    hostname: str | None = "rehearsed"
    mac_address: Annotated[str, AfterValidator(_mac)] = Field(
        default="52:54:00:00:00:01", validation_alias=AliasChoices("mac_address", "mac")
    )
    ip_address: str | None = Field(default="192.0.2.10", validation_alias=AliasChoices("ip_address", "ip"))
    state: NodeState = NodeState.DISCOVERED
    vendor: str | None = None
    model: str | None = None
    serial_number: str | None = Field(default=None, validation_alias=AliasChoices("serial_number", "serial"))
    system_uuid: str | None = Field(default=None, validation_alias=AliasChoices("system_uuid", "uuid"))
    arch: str | None = Field(default=None, validation_alias=AliasChoices("arch", "architecture"))
    boot_mode: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default={}, validation_alias=AliasChoices("metadata", "meta"))
    install_attempts: int = 0


class _Rehearsal(_File):
    name: str | None = None
    workflow: str | None = None
    inline: dict[str, Any] | None = None
    params: dict[str, Any] = {}
    node: _Node | None = _Node()
    steps: dict[str, Any] = {}
    expect: _Expect


def read(text: str, *, file: str | None = None) -> tuple[Written, ...]:
    """Every rehearsal of a text.

    Raises:
        Invalid: something in it is not of the form; all of it, each with line and column.
    """
    found: list[Written] = []
    problems: list[Problem] = []
    for source in sources.read(text, file=file):
        for path, tree in _parts(source):
            try:
                found.append(_written(source, path, tree, len(found) + 1))
            except Invalid as error:
                problems += error.problems
    if not found and not problems:
        problems.append(Problem(message="holds no rehearsal", file=file))
    if problems:
        raise Invalid(problems)
    return tuple(found)


def holds_any(text: str) -> bool:
    """Whether a text is meant to hold rehearsals, and not a workflow or whatever else is written in YAML."""
    try:
        trees = [source.tree for source in sources.read(text)]
    except Invalid:
        return False
    return any(isinstance(tree, Mapping) and ("rehearsals" in tree or "expect" in tree) for tree in trees)


def _parts(source: Source) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The rehearsals of a document: where each stands, and its tree with what holds for all of them."""
    tree = source.tree
    if not isinstance(tree, Mapping):
        raise Invalid([source.problem((), "a rehearsal is a mapping with workflow, steps and expect")])
    if "rehearsals" not in tree:
        yield (), dict(tree)
        return
    listed = tree["rehearsals"]
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        raise Invalid([source.problem(("rehearsals",), "must be a list of rehearsals")])
    shared = {key: value for key, value in tree.items() if key not in ("rehearsals", "name")}
    for at, each in enumerate(listed):
        own = {key for key in each if key in ("workflow", "inline")}
        base = {key: value for key, value in shared.items() if not own or key not in ("workflow", "inline")}
        yield ("rehearsals", at), {**base, **each}


def _written(source: Source, path: Path, tree: dict[str, Any], number: int) -> Written:
    placed = _Placed(source, path)
    problems: list[Problem] = []
    ends: dict[str, tuple[Outcome, ...]] = {}
    try:
        ends = outcomes.read(source, placed.path(("steps",))) if tree.get("steps") else {}
    except Invalid as error:
        problems += error.problems
    try:
        file = _Rehearsal.model_validate(tree)
    except ValidationError as error:
        named = {problem.path for problem in problems}
        wrong = [_problem(placed, detail) for detail in error.errors()]
        raise Invalid([*problems, *(each for each in wrong if each.path not in named)]) from None
    if problems:
        raise Invalid(problems)
    if (file.workflow is None) == (file.inline is None):
        raise Invalid([placed.problem((), "needs either workflow or inline")])
    rehearsal = Rehearsal(
        name=file.name or f"rehearsal {number}",
        node=_node(file.node) if file.node is not None else None,
        params=file.params,
        outcomes=ends,
        expected=_expected(file.expect, placed),
    )
    inline = None if file.inline is None else _inline(source, placed.path(("inline",)))
    return Written(rehearsal=rehearsal, workflow=file.workflow, inline=inline, source=source, path=path)


class _Placed:
    """Where the parts of one rehearsal of a list stand: in its own entry, or beside the list."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source = source
        self._path = path

    def path(self, path: Path) -> Path:
        own = (*self._path, *path)
        return own if not path or (*self._path, path[0]) in self._source.values else path

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        return self._source.problem(self.path(path), message, at_key=at_key)


def _inline(source: Source, path: Path) -> Source:
    """A part of a source as one of its own, with its places."""
    tree: Any = source.tree
    for part in path:
        tree = tree[part]
    depth = len(path)
    return Source(
        tree=tree,
        keys={place[depth:]: at for place, at in source.keys.items() if place[:depth] == path},
        values={place[depth:]: at for place, at in source.values.items() if place[:depth] == path},
        file=source.file,
    )


def _node(file: _Node) -> Node:
    facts = file.model_dump()
    return Node(id=_NODE_ID, **facts, state_changed_at=_AT, created_at=_AT, updated_at=_AT)


def _expected(file: _Expect, placed: _Placed) -> Expected:
    default = ExecutionStatus.SUCCEEDED if file.error is None else ExecutionStatus.FAILED
    return Expected(
        order=None if file.order is None else _order(file.order, placed),
        status=file.status or default,
        node_state=file.node_state,
        not_run=tuple(file.not_run),
        error=file.error,
    )


def _order(listed: list[Any], placed: _Placed) -> tuple[Moment, ...]:
    moments: list[Moment] = []
    for at, each in enumerate(listed):
        keys = each if isinstance(each, list) else [each]
        if not keys or not all(isinstance(key, str) for key in keys):
            message = "must be the key of a step, or a list of those that begin together"
            raise Invalid([placed.problem(("expect", "order", at), message)])
        moments.append(tuple(sorted(keys)))
    return tuple(moments)


def run(written: Written, workflow: Workflow, actions: Mapping[str, ActionFacts]) -> Rehearsed:
    """Rehearse what a file has.

    Raises:
        Invalid: it names steps or inputs that the workflow does not have, or inputs do not fit; each with its place.
    """
    problems = _unknown_steps(written, [step.key for step in workflow.steps])
    if problems:
        raise Invalid(problems)
    try:
        return rehearse(written.rehearsal, workflow, actions)
    except Invalid as error:
        placed = _Placed(written.source, written.path)
        paths = [(*each.path.split(".", 1),) for each in error.problems]
        raise Invalid(
            [placed.problem(path, each.message) for path, each in zip(paths, error.problems, strict=True)]
        ) from None


def _unknown_steps(written: Written, keys: list[str]) -> list[Problem]:
    expected, placed = written.rehearsal.expected, _Placed(written.source, written.path)
    named: list[tuple[Path, str]] = [(("steps", key), key) for key in written.rehearsal.outcomes]
    named += [(("expect", "order", at), key) for at, moment in enumerate(expected.order or ()) for key in moment]
    named += [(("expect", "not_run", at), key) for at, key in enumerate(expected.not_run)]
    return [placed.problem(path, outcomes.no_step(key, keys)) for path, key in named if key not in keys]


_PLAIN_MESSAGES = {
    "missing": "is missing",
    "extra_forbidden": "is not a key that is known here",
    "string_type": "must be text",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "model_type": "must be a mapping",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
}


def _problem(placed: _Placed, detail: Any) -> Problem:
    kind = detail["type"]
    if kind == "enum":
        message = f"{detail['input']!r} is not one of {detail['ctx']['expected']}"
    else:
        message = _PLAIN_MESSAGES.get(kind) or str(detail["msg"]).removeprefix("Value error, ")
    return placed.problem(tuple(detail["loc"]), message, at_key=kind == "extra_forbidden")
