"""Starting a workflow inside a transaction: by a person, a trigger, or a step of another execution."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.clock import counted_id
from engine.core import admission, expressions, parameters, scopes, tokens
from engine.core import documents as core
from engine.core.documents import DocumentKind, DocumentStatus
from engine.core.executions import Attempt, Execution
from engine.core.facts import ExecutionQueued, ExecutionStarted
from engine.core.nodes import Node
from engine.core.secrets import refusing_scope
from engine.core.workflows import Workflow
from engine.errors import Conflict, Invalid, Problem
from engine.services import limits
from engine.services.context import Context
from engine.services.nodes import require_unlocked
from engine.services.runs import Run
from engine.store import documents, executions, nodes
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What is to be started. `parent` and `parent_attempt` are the execution and the attempt that start it, the
    attempt only if it waits for the end.
    """

    workflow: str
    node: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    trigger: str = "manual"
    request_id: str | None = None
    draft: bool = False
    parent: Execution | None = None
    parent_attempt: Attempt | None = None


def start(context: Context, tx: Tx, wanted: Start, *, by: str) -> Execution:
    """Start a workflow, usually on a node; the same `request_id` gives the same execution, never a second one.

    Where a limit is reached the execution is `pending` and says what it waits for.

    Raises:
        NotFound: there is no such workflow or node.
        Conflict: the workflow is not active, or the node is locked, busy or in a state that does not allow it.
        Invalid: the parameters do not fit.
    """
    document = documents.get(tx, DocumentKind.WORKFLOW, wanted.workflow)
    if wanted.request_id is not None:
        known = executions.by_request(tx, document.id, wanted.request_id)
        if known is not None:
            return known
    version = documents.version(tx, document, _reference(document, wanted.draft))
    workflow = context.workflow(version)
    node = nodes.get(tx, wanted.node) if wanted.node is not None else None
    _refuse(context, tx, workflow, node, wanted.parent)
    parent = wanted.parent
    execution = Execution(
        id=counted_id(),
        workflow_id=document.id,
        workflow_name=document.name,
        workflow_version=version.version_string,
        version_id=version.id,
        node_id=node.id if node else None,
        params=parameters.complete(workflow.params, wanted.params),
        trigger=wanted.trigger,
        principal=by,
        request_id=wanted.request_id,
        parent_id=parent.id if parent else None,
        parent_attempt_id=wanted.parent_attempt.id if wanted.parent_attempt else None,
        depth=parent.depth + 1 if parent else 0,
        created_at=context.now(),
    )
    return _begin(context, tx, execution, workflow, node, by)


def _begin(context: Context, tx: Tx, execution: Execution, workflow: Workflow, node: Node | None, by: str) -> Execution:
    run = Run(context, tx, execution, workflow, node, principal=by, now=context.now(), is_new=True)
    goal = admission.first_state(workflow, node)
    if goal is not None:
        run.move_node(goal, f"{workflow.name} was started")
    wait = limits.wait(context, tx, execution, workflow, _key(workflow, run))
    if wait is None:
        begin(run)
    else:
        run.apply(ExecutionQueued(waits_for=wait.reason, concurrency_key=wait.key))
    run.save(tokens.digest(context.capability(execution.id)))
    return run.execution


def begin(run: Run) -> None:
    """Let an execution that is pending run."""
    key = _key(run.workflow, run)
    deadline = run.after(run.workflow.timeout_seconds)
    run.apply(ExecutionStarted(at=run.now, deadline_at=deadline, concurrency_key=key))
    run.advance()


def _key(workflow: Workflow, run: Run) -> str | None:
    """What an execution's place is counted by, if its workflow limits how many run at once and the key is not empty:
    a node without a group has no group's place to take.
    """
    if workflow.concurrency is None:
        return None
    names = scopes.names(replace(run.around(), secrets=refusing_scope("the key is stored and shown")))
    return str(expressions.fill(workflow.concurrency["key"], names, "concurrency.key")).strip() or None


def admit(context: Context, tx: Tx) -> int:
    """Let those run that waited for a place and now have one, in a fair order; gives how many."""
    admitted = 0
    for execution in limits.waiting(tx):
        run = Run.load(context, tx, execution, principal=execution.principal)
        wait = limits.wait(context, tx, execution, run.workflow, _key(run.workflow, run))
        if wait is None:
            begin(run)
            admitted += 1
        elif wait.reason != execution.waits_for:
            run.apply(ExecutionQueued(waits_for=wait.reason, concurrency_key=wait.key))
        else:
            continue
        run.save()
    return admitted


def _refuse(context: Context, tx: Tx, workflow: Workflow, node: Node | None, parent: Execution | None) -> None:
    if node is None:
        if admission.needs_node(workflow, context.actions):
            raise Invalid([Problem(path="node", message=f"is missing: {workflow.name} has steps that need a node")])
        return
    if parent is not None and parent.node_id == node.id:
        return  # its parent holds the node
    require_unlocked(node)
    live = executions.live_on(tx, node.id)
    if live is not None:
        raise Conflict(
            f"node {node.name} is busy with {live.workflow_name} (execution {live.id}); "
            "wait for it to end, or cancel it"
        )
    refused = admission.refusal(workflow, context.actions, node)
    if refused is not None:
        raise Conflict(refused)


def _reference(document: core.Document, draft: bool) -> core.Reference:
    if draft and document.latest_version is not None:
        return core.parse_reference(document.latest_version)
    if document.status is DocumentStatus.ARCHIVED:
        raise Conflict(f"workflow {document.name} is archived; import or publish it again to use it")
    if document.status is not DocumentStatus.ACTIVE:
        raise Conflict(f"workflow {document.name} is a draft; publish it first, or ask for its draft")
    return core.LATEST
