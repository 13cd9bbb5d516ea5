"""What can be done with executions: start, find, cancel; and what the engine's loops ask for."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.clock import new_id
from engine.core import documents as core
from engine.core import parameters, rendering, scopes, tokens
from engine.core.documents import DocumentKind, DocumentStatus
from engine.core.events import SYSTEM, Event, Kind
from engine.core.executions import (
    Attempt,
    AttemptStatus,
    Execution,
    ExecutionFinished,
    ExecutionStarted,
    ExecutionStatus,
    Performer,
)
from engine.core.nodes import BOOTS_ITS_DISK, TRANSITIONS, Node, NodeState
from engine.core.page import Page
from engine.core.workflows import Workflow
from engine.errors import Conflict, Invalid, NotFound, Problem, PureBootError, Unavailable
from engine.services.context import Context
from engine.services.nodes import require_unlocked
from engine.services.runs import Run
from engine.services.templates import lookup
from engine.store import documents, events, executions, nodes
from engine.store.database import Tx
from engine.store.executions import LogChunk

_log = logging.getLogger(__name__)

# From these a workflow that installs takes a node to `pending` when it starts: starting it is the decision.
_STARTS_FROM = frozenset({NodeState.DISCOVERED, NodeState.REPROVISION, NodeState.INSTALL_FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An attempt that this engine has taken and now performs; `config` is complete, `error` says why it is not."""

    attempt: Attempt
    config: Mapping[str, Any]
    error: str | None = None


class Executions:
    """Executions. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def start(
        self,
        workflow: str,
        *,
        by: str,
        node: str | None = None,
        params: Mapping[str, Any] | None = None,
        trigger: str = "manual",
        request_id: str | None = None,
        draft: bool = False,
    ) -> Execution:
        """Start a workflow, usually on a node; the same `request_id` gives the same execution, never a second one.

        Raises:
            NotFound: there is no such workflow or node.
            Conflict: the workflow is not active, or the node is locked, busy or in a state that does not allow it.
            Invalid: the parameters do not fit.
        """

        def work(tx: Tx) -> Execution:
            document = documents.get(tx, DocumentKind.WORKFLOW, workflow)
            if request_id is not None:
                known = executions.by_request(tx, document.id, request_id)
                if known is not None:
                    return known
            version = documents.version(tx, document, _reference(document, draft))
            value = self._context.workflow(version)
            target = nodes.get(tx, node) if node is not None else None
            self._refuse(tx, value, target)
            execution = Execution(
                id=new_id(),
                workflow_id=document.id,
                workflow_name=document.name,
                workflow_version=version.version_string,
                version_id=version.id,
                node_id=target.id if target else None,
                params=parameters.complete(value.params, params or {}),
                trigger=trigger,
                principal=by,
                request_id=request_id,
                created_at=self._context.now(),
            )
            return self._begin(tx, execution, value, target, by)

        return await self._context.database.write(work)

    def _begin(self, tx: Tx, execution: Execution, workflow: Workflow, node: Node | None, by: str) -> Execution:
        now = self._context.now()
        run = Run(self._context, tx, execution, workflow, node, principal=by, now=now)
        goal = workflow.state_on_start
        if goal is None and node is not None and workflow.installs and node.state in _STARTS_FROM:
            goal = NodeState.PENDING
        if goal is not None and node is not None:
            run.move_node(goal, f"{workflow.name} was started")
        run.apply(ExecutionStarted(at=now, deadline_at=run.after(workflow.timeout_seconds)))
        run.advance()
        executions.add(tx, execution, tokens.digest(self._context.capability(execution.id)))
        run.save()
        return run.execution

    def _refuse(self, tx: Tx, workflow: Workflow, node: Node | None) -> None:
        needs_node = any(self._performer(step.action) is Performer.NODE for step in workflow.steps)
        if node is None:
            if needs_node or workflow.state_on_start is not None:
                raise Invalid([Problem(path="node", message=f"is missing: {workflow.name} has steps that need a node")])
            return
        require_unlocked(node)
        live = executions.live_on(tx, node.id)
        if live is not None:
            raise Conflict(
                f"node {node.name} is busy with {live.workflow_name} (execution {live.id}); "
                "wait for it to end, or cancel it"
            )
        boots = any(step.action == "node.boot" for step in workflow.steps)
        if boots and node.state in BOOTS_ITS_DISK:
            ways = " or ".join(TRANSITIONS[node.state]) or "nothing more"
            raise Conflict(
                f"node {node.name} is {node.state}, so it boots its disk whatever {workflow.name} says; "
                f"from {node.state} it can become {ways}"
            )

    def _performer(self, action: str) -> Performer:
        known = self._context.actions.get(action)
        return known.performer if known else Performer.ENGINE

    async def get(self, execution_id: str) -> Execution:
        """The execution with this id, with its attempts.

        Raises:
            NotFound: there is none.
        """
        return await self._context.database.read(lambda tx: executions.get(tx, execution_id))

    async def find(
        self, page: Page, *, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[list[Execution], int]:
        """A page of the executions, newest first. Filters: `status`, `workflow` (name or id), `node`, `trigger`."""

        def work(tx: Tx) -> tuple[list[Execution], int]:
            return executions.find(tx, _by_names(tx, page), since, until)

        return await self._context.database.read(work)

    async def workflow(self, execution_id: str) -> tuple[Execution, Workflow]:
        """An execution and the workflow version it runs.

        Raises:
            NotFound: there is no such execution.
        """

        def work(tx: Tx) -> tuple[Execution, Workflow]:
            execution = executions.get(tx, execution_id)
            return execution, self._context.workflow(documents.version_by_id(tx, execution.version_id))

        return await self._context.database.read(work)

    async def counts(self) -> dict[ExecutionStatus, int]:
        """How many executions stand in each status."""
        return await self._context.database.read(executions.count_by_status)

    async def events(self, execution_id: str, page: Page) -> tuple[list[Event], int]:
        """A page of an execution's events, newest first unless sorted otherwise.

        Raises:
            NotFound: there is no such execution.
        """

        def work(tx: Tx) -> tuple[list[Event], int]:
            execution = executions.get(tx, execution_id)
            filters = {**page.filters, "execution_id": (execution.id,)}
            return events.find(tx, Page(limit=page.limit, offset=page.offset, sort=page.sort, filters=filters))

        return await self._context.database.read(work)

    async def log(
        self, execution_id: str, *, attempt_id: str | None = None, after: int = 0, limit: int = 1000
    ) -> list[LogChunk]:
        """Pieces of the log of an execution or of one of its attempts, oldest first.

        Raises:
            NotFound: there is no such execution.
        """

        def work(tx: Tx) -> list[LogChunk]:
            execution = executions.get(tx, execution_id)
            return executions.log(tx, execution.id, attempt_id=attempt_id, after=after, limit=limit)

        return await self._context.database.read(work)

    async def cancel(self, execution_id: str, *, by: str, reason: str | None = None) -> Execution:
        """Stop an execution at once; what runs of it is withdrawn, and late reports are told so.

        Raises:
            NotFound: there is no such execution.
            Conflict: it has ended.
        """

        def work(tx: Tx) -> Execution:
            execution = executions.get(tx, execution_id)
            if execution.ended:
                raise Conflict(f"execution {execution.id} is over ({execution.status}): there is nothing to cancel")
            run = Run.load(self._context, tx, execution, principal=by)
            error = f"cancelled by {by}" + (f": {reason}" if reason else "")
            for attempt in execution.attempts:
                if attempt.is_open:
                    run.finish(attempt, AttemptStatus.CANCELLED, error=error)
            run.apply(ExecutionFinished(at=run.now, status=ExecutionStatus.CANCELLED, error=error))
            run.save()
            return run.execution

        return await self._context.database.write(work)

    async def next_wake(self) -> datetime | None:
        """When something is due next although nothing happens."""
        return await self._context.database.read(executions.next_wake)

    async def advance_due(self) -> int:
        """Plan the executions that are due; gives how many there were."""
        due = await self._context.database.read(lambda tx: executions.due(tx, self._context.now()))
        for execution_id in due:
            try:
                await self._context.database.write(lambda tx, each=execution_id: self._advance(tx, each))  # type: ignore[misc]
            except Unavailable:
                raise
            except Exception as error:
                _log.exception("execution %s cannot be planned", execution_id)
                await self.give_up(execution_id, f"the execution cannot be planned: {error}")
        return len(due)

    def _advance(self, tx: Tx, execution_id: str) -> None:
        run = Run.load(self._context, tx, executions.get(tx, execution_id), principal=SYSTEM)
        run.advance()
        run.save()

    async def give_up(self, execution_id: str, reason: str) -> None:
        """End an execution that cannot even be planned, for instance because this version cannot read its workflow:
        it must not keep the engine from the others.
        """

        def work(tx: Tx) -> None:
            execution = executions.get(tx, execution_id)
            if execution.ended:
                return
            unread = Workflow(name=execution.workflow_name)
            run = Run(self._context, tx, execution, unread, None, principal=SYSTEM, now=self._context.now())
            for attempt in execution.attempts:
                if attempt.is_open:
                    run.finish(attempt, AttemptStatus.CANCELLED, error=reason)
            run.apply(ExecutionFinished(at=run.now, status=ExecutionStatus.FAILED, error=reason))
            run.save()

        await self._context.database.write(work)

    async def release(self, owner: str, *, keep: Collection[str]) -> None:
        """Give back the attempts that `owner` has taken, all but those it knows that it performs."""
        await self._context.database.write(lambda tx: executions.release(tx, owner, keep))

    async def claim(self, owner: str) -> Sequence[Task]:
        """Take the running attempts that an engine performs and that `owner` has not taken yet.

        Only the one process that hosts a store asks, so an attempt that another owner took is one of a process that is
        gone: it is performed again, under the same idempotency key.
        """
        waiting = await self._context.database.read(lambda tx: executions.to_claim(tx, owner))
        if not waiting:
            return ()

        def work(tx: Tx) -> list[Task]:
            won = executions.claim(tx, waiting, owner, self._context.now())
            return [self._task(tx, attempt) for attempt in won]

        return await self._context.database.write(work)

    def _task(self, tx: Tx, attempt: Attempt) -> Task:
        try:
            run = Run.load(self._context, tx, executions.get(tx, attempt.execution_id), principal=SYSTEM)
            return Task(attempt=attempt, config=resolved(tx, run, attempt))
        except PureBootError as error:
            return Task(attempt=attempt, config={}, error=str(error))

    async def finish(
        self,
        task: Task,
        owner: str,
        status: AttemptStatus,
        *,
        next_state: NodeState | None = None,
        output: Mapping[str, Any] | None = None,
        message: str | None = None,
        error: str | None = None,
    ) -> bool:
        """Take the result of an attempt that this engine performed; False if it is no longer wanted."""

        def work(tx: Tx) -> bool:
            run = Run.load(self._context, tx, executions.get(tx, task.attempt.execution_id), principal=SYSTEM)
            attempt = run.execution.find(task.attempt.id)
            if attempt.status is not AttemptStatus.RUNNING or attempt.taken_by != owner:
                run.note(Kind.REPORT_IGNORED, step_key=attempt.step_key, data={"attempt_id": attempt.id})
                run.save()
                return False
            outcome, reason = status, error
            if next_state is not None:
                try:
                    run.move_node(next_state, f"step {attempt.step_name} of {run.workflow.name}")
                except Conflict as refusal:
                    outcome, reason = AttemptStatus.FAILED, str(refusal)
            run.finish(attempt, outcome, output=output or {}, message=message, error=reason)
            run.advance()
            run.save()
            return True

        return await self._context.database.write(work)

    async def append_log(self, attempt: Attempt, text: str) -> None:
        """Add to the log of an attempt that this engine performs."""
        if text:
            await self._context.database.write(lambda tx: executions.append_log(tx, attempt, self._context.now(), text))


def _reference(document: core.Document, draft: bool) -> core.Reference:
    if draft and document.latest_version is not None:
        return core.parse_reference(document.latest_version)
    if document.status is DocumentStatus.ARCHIVED:
        raise Conflict(f"workflow {document.name} is archived; import or publish it again to use it")
    if document.status is not DocumentStatus.ACTIVE:
        raise Conflict(f"workflow {document.name} is a draft; publish it first, or ask for its draft")
    return core.LATEST


def _by_names(tx: Tx, page: Page) -> Page:
    """Turn the filters `node` and `workflow`, which are by name or id, into ones by id."""
    filters = dict(page.filters)
    for name, column, find in (
        ("node", "node_id", lambda reference: nodes.get(tx, reference).id),
        ("workflow", "workflow_id", lambda reference: documents.get(tx, DocumentKind.WORKFLOW, reference).id),
    ):
        if name in filters:
            filters[column] = tuple(_or_none(find, reference) for reference in filters.pop(name))
    return Page(limit=page.limit, offset=page.offset, sort=page.sort, filters=filters)


def _or_none(find: Any, reference: str) -> str:
    try:
        return str(find(reference))
    except NotFound:
        return ""


def resolved(tx: Tx, run: Run, attempt: Attempt, server: scopes.Server | None = None) -> dict[str, Any]:
    """An attempt's parameters with their `${…}` variables, checked by its action.

    Raises:
        Invalid: a variable has no value, or a parameter does not fit; each is named.
    """
    variables = scopes.variables(run.around(attempt, server))
    problems: list[Problem] = []
    tree: dict[str, Any] = _resolve(dict(attempt.config), "with", variables, lookup(tx), problems)
    if problems:
        raise Invalid(problems)
    action = run.context.actions.get(attempt.action)
    if action is None:
        raise Invalid(f"there is no action {attempt.action} in this PureBoot; install the package that has it")
    action.complete(tree)
    return tree


def _resolve(
    tree: Any, path: str, variables: rendering.Scopes, include: rendering.Lookup, problems: list[Problem]
) -> Any:
    if isinstance(tree, str):
        rendered = rendering.render(tree, variables, include=include, name=path)
        problems += [replace(each.problem(), path=path, file=None) for each in rendered.unresolved]
        return rendered.content
    if isinstance(tree, Mapping):
        return {key: _resolve(value, f"{path}.{key}", variables, include, problems) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_resolve(value, f"{path}[{at}]", variables, include, problems) for at, value in enumerate(tree)]
    return tree
