"""One execution in one transaction: loaded, changed by facts, planned until it settles, saved with its events.

This is where the planner's commands are carried out. Nothing is written before `save`, so whatever is refused on the
way leaves no trace.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from engine.clock import new_id
from engine.core import expressions, planner, routing, scopes
from engine.core.changing import changed
from engine.core.dead_letters import of_execution
from engine.core.events import Kind, NewEvent
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, ExecutionStatus, Failure, Performer
from engine.core.facts import (
    AttemptFinished,
    AttemptHeard,
    AttemptSettled,
    ExecutionFailing,
    ExecutionFinished,
    ExecutionQueued,
    Fact,
    RollbackBegun,
    evolve,
)
from engine.core.groups import Group
from engine.core.nodes import Node, NodeState, TriggeredBy
from engine.core.workflows import ROLLBACK, Step, Workflow
from engine.errors import Conflict, Invalid, PureBootError
from engine.services import attempts, letters
from engine.services.context import Context
from engine.services.masking import masked
from engine.services.moves import Move
from engine.services.notices import Over, Queued, Stop, Wake
from engine.services.run_events import described
from engine.store import documents, events, executions, groups, nodes
from engine.store.tx import Tx


class Run:
    """An execution at work. `principal` is who causes what happens now."""

    def __init__(
        self,
        context: Context,
        tx: Tx,
        execution: Execution,
        workflow: Workflow,
        node: Node | None = None,
        *,
        principal: str,
        now: datetime,
        is_new: bool = False,
    ) -> None:
        self.context = context
        self.tx = tx
        self.execution = execution
        self.workflow = workflow
        self.now = now
        self.principal = principal
        self._before = None if is_new else execution
        self._events: list[NewEvent] = []
        self._dropped: list[Attempt] = []
        self._node_before: Node | None = node
        if node is not None:
            self.node = node
        tx.open_runs[execution.id] = self

    @classmethod
    def load(cls, context: Context, tx: Tx, execution: Execution, *, principal: str, node: Node | None = None) -> "Run":
        """Take up an execution that is in the store; one that this transaction has taken up already is the same."""
        known = tx.open_runs.get(execution.id)
        if isinstance(known, Run):
            return known
        version_id = execution.version_id
        workflow = context.workflow_of(version_id, lambda: documents.version_by_id(tx, version_id))
        return cls(context, tx, execution, workflow, node, principal=principal, now=context.now())

    @cached_property
    def node(self) -> Node | None:
        """The execution's node."""
        found = None if self.execution.node_id is None else nodes.get_by_id(self.tx, self.execution.node_id)
        self._node_before = found
        return found

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
            secrets=self.context.vault.scope(self.tx),
        )

    def apply(self, fact: Fact) -> None:
        """Let a fact change the execution, and note its event; what may hold a secret of it is masked."""
        before = self.execution
        redactor = self.context.vault.redactor(self.tx)
        if redactor is not None:
            fact = masked(fact, redactor)
        self.execution = evolve(before, fact)
        told = described(fact, before, self.execution)
        if told is not None:
            kind, step_key, data = told
            self.note(kind, step_key=step_key, data=data)
        if isinstance(fact, ExecutionQueued):
            self.tx.tell(Queued())

    def note(self, kind: Kind, *, step_key: str | None = None, data: Mapping[str, Any] | None = None) -> None:
        """Add an event about this execution."""
        self._events.append(
            NewEvent(
                kind=kind,
                at=self.now,
                principal=self.principal,
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
            principal=self.principal,
            comment=comment,
            metadata={"workflow": self.execution.workflow_name, "version": self.execution.workflow_version},
            execution_id=self.execution.id,
            step_key=step.key if step else None,
        )

    def advance(self) -> None:
        """Carry out what the planner says until it says nothing."""
        grace = self.context.grace
        while commands := planner.plan(self.workflow, self.execution, self.now, grace):
            for command in commands:
                self._carry_out(command)
            if self._only_began(commands):
                break  # what has just begun makes nothing else due: planning again would say nothing
        self._count_progress()

    def _only_began(self, commands: Sequence[planner.Command]) -> bool:
        if self.workflow.graph.back:
            return False  # with one round begun, another may be due
        for command, attempt in zip(reversed(commands), reversed(self.execution.attempts), strict=False):
            if not isinstance(command, planner.Begin) or attempt.step_key != command.step.key:
                return False
            if attempt.status is not AttemptStatus.RUNNING or attempt.performer is Performer.WORKFLOW:
                return False
        return True

    def _count_progress(self) -> None:
        percent = planner.progress(self.workflow, self.execution)
        if percent != self.execution.progress_percent:
            self.execution = changed(self.execution, progress_percent=percent)

    def _carry_out(self, command: planner.Command) -> None:
        match command:
            case planner.Settle():
                self._settle(command.attempt, command.step)
            case planner.Begin():
                attempts.begin(self, command)
            case planner.Launch():
                attempts.launch(self, command.attempt, command.step)
            case planner.Skip():
                attempts.skip(self, command)
            case planner.Complete():
                attempts.complete(self, command.attempt)
            case planner.Expire():
                self.finish(command.attempt, AttemptStatus.TIMED_OUT, error=command.error, failure=command.failure)
            case planner.Withdraw():
                error = "withdrawn: the execution cannot succeed any more"
                self.finish(command.attempt, AttemptStatus.CANCELLED, error=error)
            case planner.Fail():
                self.apply(ExecutionFailing(error=command.error))
            case planner.Finish():
                self._finish(command.status, command.error)

    def after(self, seconds: float | None) -> datetime | None:
        """The time so many seconds from now; None for None."""
        return None if seconds is None else self.now + timedelta(seconds=seconds)

    def finish(self, attempt: Attempt, status: AttemptStatus, **details: Any) -> None:
        """End an attempt."""
        if status is AttemptStatus.FAILED:
            details.setdefault("failure", Failure.FAILED)
        self.apply(AttemptFinished(attempt_id=attempt.id, at=self.now, status=status, **details))
        if status in (AttemptStatus.CANCELLED, AttemptStatus.TIMED_OUT):
            self._dropped.append(attempt)

    def hear(self, attempt: Attempt, progress_percent: int | None = None, message: str | None = None) -> None:
        """Note a sign of life of an attempt, with progress where there is any."""
        self.apply(AttemptHeard(attempt_id=attempt.id, at=self.now, progress_percent=progress_percent, message=message))
        if progress_percent is not None:
            self._count_progress()

    def _settle(self, attempt: Attempt, step: Step) -> None:
        """Where the outcome leads; whatever stands in the way lets the execution fail, with the reason."""
        routes: tuple[str, ...] | None = ()
        succeeded = attempt.status not in FAILURES
        try:
            if succeeded and step.next_state is not None:
                self.move_node(step.next_state, f"step {step.name} of {self.workflow.name}", step)
            names: expressions.Names = scopes.names(self.around(attempt)) if step.has_conditions else {}
            routes, decisions = routing.decide(step, attempt, names)
            if step.has_conditions:
                self.note(Kind.ATTEMPT_ROUTED, step_key=step.key, data=_decided(attempt, decisions))
            if routes is None:
                self._fail(step, attempt)
        except PureBootError as error:
            self.apply(ExecutionFailing(error=f"after step {step.name}: {error}"))
        self.apply(AttemptSettled(attempt_id=attempt.id, routes=routes or ()))

    def _fail(self, step: Step, attempt: Attempt) -> None:
        error = f"step {step.name} failed: {attempt.error or attempt.status}"
        if step.on_failure == ROLLBACK and not self.execution.rolling_back:
            self.apply(RollbackBegun(error=error))
        elif not self.execution.rolling_back:
            self.apply(ExecutionFailing(error=error))

    def _finish(self, status: ExecutionStatus, error: str | None) -> None:
        output: Mapping[str, Any] = {}
        if status is ExecutionStatus.SUCCEEDED and self.workflow.output:
            try:
                names = scopes.names(self.around())
                output = expressions.unescaped(expressions.values(self.workflow.output, names, "output"))
            except Invalid as wrong:
                status, error = ExecutionStatus.FAILED, f"the output cannot be made: {wrong}"
        self.end(status, error, output)

    def end(self, status: ExecutionStatus, error: str | None, output: Mapping[str, Any] | None = None) -> None:
        """End the execution."""
        self.apply(ExecutionFinished(at=self.now, status=status, error=error, output=output or {}))
        if status is not ExecutionStatus.FAILED or not self.workflow.installs:
            return  # a burn-in that fails on a machine that is being installed is no failed install
        if self.node is not None and self.node.state is NodeState.INSTALLING:
            reason = self.execution.error or "the execution failed"
            self.node, rows = self._move(f"{self.workflow.name} failed").fail_install(self.node, reason)
            self._events += rows

    def cancel(self, error: str) -> None:
        """Stop the execution at once."""
        self.stop(ExecutionStatus.CANCELLED, error)

    def stop(self, status: ExecutionStatus, error: str) -> None:
        """End the execution with everything of it that runs or waits to."""
        for attempt in self.execution.attempts:
            if attempt.is_open:
                self.finish(attempt, AttemptStatus.CANCELLED, error=error)
        self.end(status, error)

    def save(self, token_digest: str | None = None) -> None:
        """Write what changed: the execution, its node and the events; `token_digest` is there for a new one."""
        self.tx.open_runs.pop(self.execution.id, None)
        node = self.__dict__.get("node")
        if node is not None and node != self._node_before:
            nodes.save(self.tx, node)
        wake_at = planner.next_due(self.workflow, self.execution, self.context.grace)
        if token_digest is not None:
            executions.add(self.tx, self.execution, token_digest, wake_at)
        elif self.execution is not self._before:
            executions.save(self.tx, self.execution, wake_at)
        else:
            executions.set_wake(self.tx, self.execution.id, wake_at)
        events.append(self.tx, self._events)
        self._events = []
        self._tell(wake_at)

    def _lay_letter(self) -> None:
        """List what failed for good where the workflow or the action wants a person to look at it."""
        if self.execution.status is not ExecutionStatus.FAILED:
            return
        for attempt in reversed(self.execution.attempts):
            step = self.workflow.by_key.get(attempt.step_key)
            action = self.context.actions.get(attempt.action)
            wants = (step is not None and step.dead_letter) or (action is not None and action.dead_letter)
            if wants and attempt.status in FAILURES:
                reason = self.execution.error or attempt.error or "it failed"
                letter = of_execution(new_id(), self.execution, attempt, reason, self.now)
                letters.lay(self.tx, letter, by=self.principal)
                return

    def give_up(self, reason: str) -> None:
        """End an execution that nothing can be done with, and list it for a person."""
        self.stop(ExecutionStatus.FAILED, reason)
        self.save()
        letters.lay(self.tx, of_execution(new_id(), self.execution, None, reason, self.now), by=self.principal)

    def _tell(self, wake_at: datetime | None) -> None:
        if wake_at is not None:
            self.tx.tell(Wake(wake_at))
        for attempt in self._dropped:
            self.tx.tell(Stop(attempt.id))
        is_over = self.execution.ended and (self._before is None or not self._before.ended)
        if is_over:
            self.tx.tell(Over(self.execution))
            self._lay_letter()
        if self._dropped or (is_over and self.execution.parent_attempt_id is not None):
            from engine.services import children  # it stands on this module

            children.follow(self, self._dropped, is_over=is_over)
        self._dropped = []


def _decided(attempt: Attempt, decisions: Sequence[routing.Decision]) -> dict[str, Any]:
    """Which edges an attempt's outcome takes, and what their conditions were worth."""
    edges = [
        {"to": each.to, "when": each.when, "taken": each.taken}
        | ({"if": each.if_, "held": each.held} if each.if_ is not None else {})
        for each in decisions
    ]
    return {"attempt_id": attempt.id, "step": attempt.step_name, "edges": edges}
