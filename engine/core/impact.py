"""What would change: for whom another version of a document makes another text, and for whom it does not.

A template is rendered when it is fetched, so a new current version reaches every node that boots from then on, and of
the executions that are under way those that have yet to fetch it. An execution keeps its workflow's version: of those
under way a new version of a workflow reaches only such as have yet to start it as a part of themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar

from engine.core import scopes
from engine.core.ahead import Stage
from engine.core.diff import Diff
from engine.core.documents import DocumentKind
from engine.core.executions import Attempt, Execution
from engine.core.findings import Findings
from engine.core.groups import Group
from engine.core.nodes import Node
from engine.core.rendering import MASK
from engine.core.served import BUDGET, Piece, Rendering, Side, marked, parts, pieces
from engine.core.unknown import text_of
from engine.core.uses import Use
from engine.core.workflow_diff import Change
from engine.core.workflows import Workflow

MOST = 2_000
"""For how many nodes and executions it is rendered; the rest is counted."""


class Verdict(StrEnum):
    """What a change does to what a machine gets.

    `breaks`: something has no value any more, so that it would not boot; `mends`: that is so now, and not afterwards.
    """

    BREAKS = "breaks"
    MENDS = "mends"
    CHANGED = "changed"
    SAME = "same"


_WORST_FIRST = tuple(Verdict)


class Through(StrEnum):
    """Why it reaches somebody: the node is assigned a workflow, or its group is; or an execution is under way."""

    NODE = "node"
    GROUP = "group"
    EXECUTION = "execution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A node that would boot it, or a live execution (`stage`: is it at a step with it, or does that come later)."""

    through: Through
    workflow: Workflow
    workflow_id: str
    workflow_version: str
    node: Node | None = None
    group: Group | None = None
    execution: Execution | None = None
    attempt: Attempt | None = None
    stage: Stage | None = None
    steps: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()

    @property
    def order(self) -> tuple[Any, ...]:
        """Executions before nodes, for they come sooner; then by name."""
        name = self.node.name if self.node else ""
        stages = (Stage.NOW, Stage.LATER, None)
        return self.execution is None, stages.index(self.stage), name, self.execution.id if self.execution else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextImpact:
    """One text that a machine gets; `before` and `after` only where they were asked for."""

    HIDDEN: ClassVar = frozenset({"before", "after"})

    title: str
    verdict: Verdict
    problems: tuple[str, ...] = ()
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A node or execution that is reached, and what it would get. `problems` are those that it has not got now."""

    SHOWN: ClassVar = ("problems",)

    node_id: str | None
    node: str | None
    mac_address: str | None
    execution_id: str | None
    through: Through
    workflow: str
    workflow_version: str
    stage: Stage | None
    steps: tuple[str, ...]
    verdict: Verdict
    texts: tuple[TextImpact, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What would be wrong."""
        return tuple(dict.fromkeys(problem for text in self.texts for problem in text.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """The answer. `from_` and `to` are versions (`to` is None for a text that is not saved); `pinned` counts executions
    under way that keep the version they have; `not_rendered` are those reached beyond the bound. `flaws` are the errors
    that the check of a template's type finds in the new text and not in the old one.
    """

    kind: DocumentKind
    id: str
    name: str
    from_: str | None
    to: str | None
    difference: Diff
    changes: tuple[Change, ...] = ()
    reached: tuple[Reached, ...] = ()
    pinned: int = 0
    not_rendered: int = 0
    open_uses: tuple[str, ...] = ()
    flaws: Findings = ()

    HIDDEN: ClassVar = frozenset({"difference"})
    SHOWN: ClassVar = ("counts", "added", "removed")

    @property
    def added(self) -> int:
        """How many lines of the text are new or other than they were."""
        return self.difference.added

    @property
    def removed(self) -> int:
        """How many lines of the text are gone or other than they were."""
        return self.difference.removed

    @property
    def counts(self) -> Mapping[str, Any]:
        """How many nodes (each once) and executions there are of each verdict."""
        nodes: dict[str, Verdict] = {}
        for each in self.reached:
            if each.node_id is not None:
                known = nodes.get(each.node_id, each.verdict)
                nodes[each.node_id] = min(known, each.verdict, key=_WORST_FIRST.index)
        executions = [each.verdict for each in self.reached if each.execution_id is not None]
        return {
            "nodes": {verdict.value: sum(each is verdict for each in nodes.values()) for verdict in Verdict},
            "executions": {verdict.value: sum(each is verdict for each in executions) for verdict in Verdict},
        }


@dataclass(slots=True, kw_only=True)
class Judge:
    """Renders for one target after the other, before and after."""

    before: Side
    after: Side
    server: scopes.Server
    secrets: Sequence[str] = ()
    _pieces: dict[tuple[Use, ...], tuple[tuple[Piece, bool], ...]] = field(default_factory=dict)

    def pieces(self, uses: tuple[Use, ...]) -> tuple[tuple[Piece, bool], ...]:
        """What is served because of some uses, before or after, that the change may touch; and whether it does."""
        known = self._pieces.get(uses)
        if known is None:
            every = pieces(self.before.catalogue, uses) | pieces(self.after.catalogue, uses)
            known = self._pieces[uses] = tuple((piece, self._is_touched(piece)) for piece in every.values())
        return known

    def _is_touched(self, piece: Piece) -> bool:
        return parts(self.before.catalogue, piece) != parts(self.after.catalogue, piece)

    def judge(self, target: Target, *, keep: bool = False) -> Reached:
        """What a target would get."""
        touched = [piece for piece, is_touched in self.pieces(target.uses) if is_touched]
        values, names = named(target, self.server, marked(self.secrets))
        texts = []
        for piece in touched:
            was = self.before.render(piece, values, names, keep=keep)
            is_ = self.after.render(piece, values, names, keep=keep)
            texts.append(compared(piece.title, was, is_))
        return reached(target, texts)

    @property
    def is_spent(self) -> bool:
        """Whether as much was rendered as may be for one answer."""
        return self.before.spent + self.after.spent > BUDGET


def compared(title: str, was: Rendering, is_: Rendering) -> TextImpact:
    """What became of one text."""
    new = tuple(problem for what, problem in is_.problems.items() if what not in was.problems)
    verdict = Verdict.SAME if was.digest == is_.digest else Verdict.CHANGED
    if new:
        verdict = Verdict.BREAKS
    elif was.problems and not is_.problems:
        verdict = Verdict.MENDS
    return TextImpact(title=title, verdict=verdict, problems=new, before=was.text, after=is_.text)


def reached(target: Target, texts: Iterable[TextImpact]) -> Reached:
    """A target with its texts."""
    listed = tuple(texts)
    verdict = min((each.verdict for each in listed), key=_WORST_FIRST.index, default=Verdict.SAME)
    node = target.node
    return Reached(
        node_id=node.id if node else None,
        node=node.name if node else None,
        mac_address=node.mac_address if node else None,
        execution_id=target.execution.id if target.execution else None,
        through=target.through,
        workflow=target.workflow.name,
        workflow_version=target.workflow_version,
        stage=target.stage,
        steps=target.steps,
        verdict=verdict,
        texts=listed,
    )


def worst_first(listed: Iterable[Reached]) -> tuple[Reached, ...]:
    """Those that break first, those that stay the same last; otherwise as they came."""
    return tuple(sorted(listed, key=lambda each: _WORST_FIRST.index(each.verdict)))


def named(
    target: Target, server: scopes.Server, secrets: Mapping[str, str]
) -> tuple[dict[str, Mapping[str, object]], dict[str, object]]:
    """What a target's texts can name: for `${…}`, and for Jinja2. What only a run gives stands as its own name."""
    around = scopes.Surroundings(
        node=target.node,
        group=target.group,
        workflow=target.workflow,
        execution=target.execution,
        attempt=target.attempt,
        server=server if server.url else replace(server, url=text_of("server.url")),
        token=MASK,
        secrets=secrets,
    )
    values, names = dict(scopes.variables(around)), dict(scopes.names(around))
    workflow = {**values["workflow"], "id": target.workflow_id, "version": target.workflow_version}
    params = {**_defaults(target.workflow), **(target.execution.params if target.execution else {})}
    keys = ("id", "step_id", "step_name", "attempt", "callback_url")
    known = {key: value for key, value in values["execution"].items() if value is not None}
    execution = {**{key: text_of(f"execution.{key}") for key in keys}, "token": MASK, **known}
    values |= {"workflow": workflow, "params": params, "execution": execution}
    names |= {"workflow": workflow, "params": params, "execution": {"status": None, **execution}}
    return values, names


def _defaults(workflow: Workflow) -> dict[str, Any]:
    return {name: schema.get("default", text_of(f"params.{name}")) for name, schema in workflow.params.items()}
