"""The answer to "where is this used": documents, nodes, live executions and triggers."""

from dataclasses import dataclass

from engine.core.ahead import Stage
from engine.core.documents import DocumentKind
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
