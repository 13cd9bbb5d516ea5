"""One execution in one transaction: loaded, changed by facts, planned until it settles, saved with its events.

This is where the planner's commands are carried out. Nothing is written before `save`, so whatever is refused on the
way leaves no trace.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from engine.clock import new_id
from engine.core import expressions, planner, routing, scopes
from engine.core.events import Kind, NewEvent
from engine.core.executions import (
    Attempt,
    AttemptAdded,
    AttemptFinished,
    AttemptHeard,
    AttemptSettled,
    AttemptStarted,
    AttemptStatus,
    AttemptTaken,
    Execution,
    ExecutionFailing,
    ExecutionFinished,
    ExecutionStarted,
    ExecutionStatus,
    Fact,
    Performer,
    evolve,
)
from engine.core.groups import Group
from engine.core.nodes import Node, NodeState, TriggeredBy
from engine.core.workflows import Step, Workflow
from engine.errors import Conflict, Invalid, PureBootError
from engine.services.context import Context
from engine.services.moves import Move
from engine.store import documents, events, executions, groups, nodes
from engine.store.database import Tx


class Run:
    """An execution at work. `principal` is who causes what happens now."""

    def __init__(
        self,
        context: Context,
        tx: Tx,
        execution: Execution,
        workflow: Workflow,
        node: Node | None,
        *,
        principal: str,
        now: datetime,
    ) -> None:
        self.context = context
        self.tx = tx
        self.execution = execution
        self.workflow = workflow
        self.node = node
        self.now = now
        self._principal = principal
        self._before = execution
        self._node_before = node
        self._events: list[NewEvent] = []

    @classmethod
    def load(cls, context: Context, tx: Tx, execution: Execution, *, principal: str, node: Node | None = None) -> "Run":
        """Take up an execution that is in the store."""
        version_id = execution.version_id
        workflow = context.workflow_of(version_id, lambda: documents.version_by_id(tx, version_id))
        if node is None and execution.node_id is not None:
            node = nodes.get(tx, execution.node_id)
        return cls(context, tx, execution, workflow, node, principal=principal, now=context.now())

    @cached_property
    def group(self) -> Group | None:
        """The node's group."""
        if self.node is None or self.node.group_id is None:
            return None
        return groups.get(self.tx, self.node.group_id)

    def around(self, attempt: Attempt | None = None, server: scopes.Server | None = None) -> scopes.Surroundings:
        """What can be named in the execution's texts."""
        return scopes.Surroundings(
            node=self.node,
            group=self.group,
            workflow=self.workflow,
            execution=self.execution,
            attempt=attempt,
            server=server if server is not None and server.url else self.context.server[0],
            token=self.context.capability(self.execution.id),
        )

    def apply(self, fact: Fact) -> None:
        """Let a fact change the execution, and note its event."""
        before = self.execution
        self.execution = evolve(before, fact)
        described = _described(fact, before, self.execution)
        if described is not None:
            kind, step_key, data = described
            self.note(kind, step_key=step_key, data=data)

    def note(self, kind: Kind, *, step_key: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Add an event about this execution."""
        self._events.append(
            NewEvent(
                kind=kind,
                at=self.now,
                principal=self._principal,
                node_id=self.execution.node_id,
                execution_id=self.execution.id,
                step_key=step_key,
                data=data or {},
            )
        )

    def move_node(self, goal: NodeState, comment: str, step: Step | None = None) -> None:
        """Move the execution's node.

        Raises:
            Conflict: there is no node, or no way leads there.
        """
        if self.node is None:
            raise Conflict(f"the execution has no node that could become {goal}")
        self.node, rows = self._move(comment, step).along(self.node, goal)
        self._events += rows

    def _move(self, comment: str, step: Step | None = None) -> Move:
        return Move(
            now=self.now,
            max_attempts=self.context.settings.install.max_attempts,
            triggered_by=TriggeredBy.WORKFLOW,
            principal=self._principal,
            comment=comment,
            metadata={"workflow": self.execution.workflow_name, "version": self.execution.workflow_version},
            execution_id=self.execution.id,
            step_key=step.key if step else None,
        )

    def advance(self) -> None:
        """Carry out what the planner says until it says nothing."""
        while commands := planner.plan(self.workflow, self.execution, self.now):
            for command in commands:
                self._carry_out(command)
        self._count_progress()

    def _count_progress(self) -> None:
        progress = planner.progress(self.workflow, self.execution)
        if progress != self.execution.progress_percent:
            self.execution = replace(self.execution, progress_percent=progress)

    def _carry_out(self, command: planner.Command) -> None:
        match command:
            case planner.Begin():
                self.apply(AttemptAdded(attempt=self._attempt(command.step, command.number, command.due)))
            case planner.Launch():
                self._launch(command.attempt, command.step)
            case planner.Skip():
                skipped = self._blank(command.step, 1, AttemptStatus.SKIPPED)
                self.apply(AttemptAdded(attempt=replace(skipped, completed_at=self.now, routes=())))
            case planner.Expire():
                self.finish(command.attempt, AttemptStatus.TIMED_OUT, error=command.error)
            case planner.Withdraw():
                error = "withdrawn: the execution cannot succeed any more"
                self.finish(command.attempt, AttemptStatus.CANCELLED, error=error)
            case planner.Settle():
                self._settle(command.attempt, command.step)
            case planner.Fail():
                self.apply(ExecutionFailing(error=command.error))
            case planner.Finish():
                self._finish(command.status)

    def _attempt(self, step: Step, number: int, due: datetime | None) -> Attempt:
        if due is not None:
            return replace(self._blank(step, number, AttemptStatus.RETRYING), due_at=due)
        attempt = self._blank(step, number, AttemptStatus.RUNNING)
        try:
            config = self._config(step)
        except Invalid as error:
            return replace(
                attempt,
                status=AttemptStatus.FAILED,
                error=str(error),
                started_at=self.now,
                completed_at=self.now,
            )
        return replace(attempt, config=config, started_at=self.now, deadline_at=self.after(step.timeout_seconds))

    def _blank(self, step: Step, number: int, status: AttemptStatus) -> Attempt:
        action = self.context.actions.get(step.action)
        return Attempt(
            id=new_id(),
            execution_id=self.execution.id,
            step_id=step.id,
            step_key=step.key,
            step_name=step.name,
            action=step.action,
            attempt=number,
            status=status,
            performer=action.performer if action else Performer.ENGINE,
            created_at=self.now,
        )

    def _config(self, step: Step) -> dict[str, Any]:
        names = scopes.names(self.around())
        filled: dict[str, Any] = expressions.fill(step.with_, names, "with")
        return filled

    def after(self, seconds: float | None) -> datetime | None:
        """The time so many seconds from now; None for None."""
        return None if seconds is None else self.now + timedelta(seconds=seconds)

    def _launch(self, attempt: Attempt, step: Step) -> None:
        try:
            config = self._config(step)
        except Invalid as error:
            self.finish(attempt, AttemptStatus.FAILED, error=str(error))
            return
        self.apply(
            AttemptStarted(
                attempt_id=attempt.id, at=self.now, deadline_at=self.after(step.timeout_seconds), config=config
            )
        )

    def finish(self, attempt: Attempt, status: AttemptStatus, **details: Any) -> None:
        """End an attempt."""
        self.apply(AttemptFinished(attempt_id=attempt.id, at=self.now, status=status, **details))

    def hear(self, attempt: Attempt, progress_percent: int | None = None, message: str | None = None) -> None:
        """Note a sign of life of an attempt, with progress where there is any."""
        self.apply(AttemptHeard(attempt_id=attempt.id, at=self.now, progress_percent=progress_percent, message=message))
        self._count_progress()

    def _settle(self, attempt: Attempt, step: Step) -> None:
        """Where the outcome leads; whatever stands in the way lets the execution fail, with the reason."""
        routes: tuple[str, ...] | None = ()
        try:
            if attempt.status is AttemptStatus.SUCCEEDED and step.next_state is not None:
                self.move_node(step.next_state, f"step {step.name} of {self.workflow.name}", step)
            routes = routing.routes(step, attempt, scopes.names(self.around(attempt)))
            if routes is None:
                self.apply(ExecutionFailing(error=f"step {step.name} failed: {attempt.error or attempt.status}"))
        except PureBootError as error:
            self.apply(ExecutionFailing(error=f"after step {step.name}: {error}"))
        self.apply(AttemptSettled(attempt_id=attempt.id, routes=routes or ()))

    def _finish(self, status: ExecutionStatus) -> None:
        self.apply(ExecutionFinished(at=self.now, status=status))
        if status is not ExecutionStatus.FAILED or not self.workflow.installs:
            return  # a burn-in that fails on a machine that is being installed is no failed install
        if self.node is not None and self.node.state is NodeState.INSTALLING:
            error = self.execution.error or "the execution failed"
            self.node, rows = self._move(f"{self.workflow.name} failed").fail_install(self.node, error)
            self._events += rows

    def save(self) -> None:
        """Write what changed: the execution, its node and the events."""
        if self.node is not None and self.node != self._node_before:
            nodes.save(self.tx, self.node)
        wake_at = planner.next_due(self.workflow, self.execution)
        if self.execution != self._before:
            executions.save(self.tx, self._before, self.execution, wake_at)
        else:
            executions.set_wake(self.tx, self.execution.id, wake_at)
        events.append(self.tx, self._events)
        self._events = []


def _described(fact: Fact, before: Execution, after: Execution) -> tuple[Kind, str | None, dict[str, Any]] | None:
    """The event of a fact: kind, step and data; None for facts that only the planner needs."""
    match fact:
        case ExecutionStarted():
            data = {"workflow": after.workflow_name, "version": after.workflow_version, "trigger": after.trigger}
            return Kind.EXECUTION_STARTED, None, data
        case ExecutionFinished():
            outcome = {"workflow": after.workflow_name, "status": after.status, "error": after.error}
            return Kind.EXECUTION_FINISHED, None, outcome
        case AttemptAdded():
            return _described_added(fact.attempt)
        case AttemptHeard():
            return _described_progress(before.find(fact.attempt_id), after.find(fact.attempt_id))
        case AttemptStarted() | AttemptTaken() | AttemptFinished():
            attempt = after.find(fact.attempt_id)
            return _KINDS[type(fact)], attempt.step_key, _about(attempt)
        case _:
            return None


_KINDS = {
    AttemptStarted: Kind.ATTEMPT_STARTED,
    AttemptTaken: Kind.ATTEMPT_TAKEN,
    AttemptFinished: Kind.ATTEMPT_FINISHED,
}


def _described_added(attempt: Attempt) -> tuple[Kind, str | None, dict[str, Any]]:
    kind = {AttemptStatus.RUNNING: Kind.ATTEMPT_STARTED, AttemptStatus.RETRYING: Kind.ATTEMPT_SCHEDULED}
    return kind.get(attempt.status, Kind.ATTEMPT_FINISHED), attempt.step_key, _about(attempt)


def _described_progress(before: Attempt, after: Attempt) -> tuple[Kind, str | None, dict[str, Any]] | None:
    if (before.progress_percent, before.message) == (after.progress_percent, after.message):
        return None
    return Kind.ATTEMPT_PROGRESSED, after.step_key, _about(after)


def _about(attempt: Attempt) -> dict[str, Any]:
    shown = ("status", "performer", "error", "message", "exit_code", "progress_percent", "due_at", "taken_by")
    data: dict[str, Any] = {
        "attempt_id": attempt.id,
        "step": attempt.step_name,
        "action": attempt.action,
        "attempt": attempt.attempt,
    }
    return data | {name: getattr(attempt, name) for name in shown if getattr(attempt, name) is not None}
