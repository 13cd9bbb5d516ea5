"""The answer to "where is this used": documents, nodes, live executions and triggers."""

from dataclasses import dataclass

from engine.core.ahead import Stage
from engine.core.documents import DocumentKind, DocumentStatus
from engine.core.usage import User

MOST = 1_000
"""How many nodes and how many executions are listed; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUse:
    """A node that would boot it: it, or else its group, is assigned a workflow in whose steps it is."""

    node_id: str
    node: str
    mac_address: str
    through: str
    workflow: str
    workflow_version: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionUse:
    """A live execution that has yet to use it: at a step with it (`now`), or at an earlier one (`later`)."""

    execution_id: str
    node_id: str | None
    node: str | None
    workflow: str
    workflow_version: str
    stage: Stage
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerUse:
    """A trigger that starts a workflow in whose steps it is, or that itself."""

    trigger_id: str
    name: str
    enabled: bool
    workflow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUse:
    """A place in a document in use that names a document by an expression: whether it is this one, a run will tell."""

    kind: DocumentKind
    name: str
    version: str
    step: str | None
    path: str
    line: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhereUsed:
    """Everything that uses a document, or one version of it."""

    kind: DocumentKind
    id: str
    name: str
    version: str | None
    documents: tuple[User, ...] = ()
    nodes: tuple[NodeUse, ...] = ()
    nodes_total: int = 0
    executions: tuple[ExecutionUse, ...] = ()
    executions_total: int = 0
    triggers: tuple[TriggerUse, ...] = ()
    open_uses: tuple[OpenUse, ...] = ()

    @property
    def is_used(self) -> bool:
        """Whether anything uses it."""
        return bool(self.documents or self.nodes or self.executions or self.triggers)


def still_needed(used: WhereUsed) -> tuple[str, ...]:
    """What goes wrong without the document, in sentences: what is under way has yet to come to it, or starts it."""
    found = []
    if used.executions_total:
        named = _some([f"{each.workflow} on {each.node or 'no node'}" for each in used.executions])
        have = "has" if used.executions_total == 1 else "have"
        found.append(f"{_count(used.executions_total, 'execution')} under way {have} yet to come to it ({named})")
    if used.kind is DocumentKind.WORKFLOW:
        triggers = [each.name for each in used.triggers if each.enabled and each.workflow == used.name]
        if triggers:
            found.append(f"triggers start it: {_some(triggers)}")
        starting = [each.name for each in used.documents if each.direct and each.status is DocumentStatus.ACTIVE]
        if starting:
            found.append(f"workflows in use start it: {_some(starting)}")
    return tuple(found)


def still_named(used: WhereUsed) -> tuple[str, ...]:
    """What names the document all the same and goes on with what it has, in sentences."""
    found = []
    naming = [each.name for each in used.documents if each.direct and each.status is DocumentStatus.ACTIVE]
    if naming and used.kind is DocumentKind.TEMPLATE:
        found.append(f"{_some(naming)} still {'names' if len(naming) == 1 else 'name'} it")
    if used.nodes_total:
        found.append(f"{_count(used.nodes_total, 'node')} would boot it")
    return tuple(found)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _some(names: list[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")
