"""What people do with executions that run, wait, or have failed: pause, resume, retry, skip, approve, start many.

Each is one transaction, says who did it, and raises before it changes anything.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.clock import growing_id
from engine.core import admission, planner
from engine.core.changing import changed
from engine.core.documents import DocumentKind
from engine.core.events import Kind
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, ExecutionStatus, Failure, Performer
from engine.core.facts import AttemptAdded, ExecutionPaused, ExecutionReopened, ExecutionResumed
from engine.core.rounds import visits
from engine.core.workflows import Step
from engine.errors import Conflict, Invalid, NotFound, Problem, PureBootError
from engine.services import attempts, letters
from engine.services.context import Context
from engine.services.runs import Run
from engine.services.starts import Start, start
from engine.store import documents, executions, nodes
from engine.store.tx import Tx

_AT_ONCE = 50  # how many of many are started together
_UNDONE = FAILURES | {AttemptStatus.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What became of one node of many: an execution, or why there is none; `node_id` is there if the node is known."""

    node_id: str | None = None
    node: str
    execution_id: str | None = None
    error: str | None = None


class Control:
    """Operators' control of executions. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def pause(self, execution_id: str, *, by: str, reason: str | None = None) -> Execution:
        """Start no new attempts, also of the executions it waits for; those that run go on to their end.

        Raises:
            NotFound: there is no such execution.
            Conflict: it does not run.
        """
        return await self._context.database.write(lambda tx: self._pause(tx, execution_id, by, reason))

    def _pause(self, tx: Tx, execution_id: str, by: str, reason: str | None) -> Execution:
        execution = executions.get(tx, execution_id)
        if execution.status is not ExecutionStatus.RUNNING:
            raise Conflict(f"execution {execution.id} is {execution.status}; only one that runs can be paused")
        run = self._run(tx, execution, by)
        run.apply(ExecutionPaused(at=run.now, reason=reason))
        run.save()
        for child in self._awaited(tx, execution):
            if child.status is ExecutionStatus.RUNNING:
                self._pause(tx, child.id, by, reason)
        return run.execution

    async def resume(self, execution_id: str, *, by: str) -> Execution:
        """Go on where it was paused; the pause does not count towards its timeout.

        Raises:
            NotFound: there is no such execution.
            Conflict: it is not paused.
        """
        return await self._context.database.write(lambda tx: self._resume(tx, execution_id, by))

    def _resume(self, tx: Tx, execution_id: str, by: str) -> Execution:
        execution = executions.get(tx, execution_id)
        if execution.status is not ExecutionStatus.PAUSED:
            raise Conflict(f"execution {execution.id} is {execution.status}; only one that is paused can be resumed")
        run = self._run(tx, execution, by)
        run.apply(ExecutionResumed(at=run.now))
        run.advance()
        run.save()
        for child in self._awaited(tx, execution):
            if child.status is ExecutionStatus.PAUSED:
                self._resume(tx, child.id, by)
        return run.execution

    def _awaited(self, tx: Tx, execution: Execution) -> list[Execution]:
        if not any(each.performer is Performer.WORKFLOW and each.is_open for each in execution.attempts):
            return []
        return [each for each in executions.children(tx, execution.id) if each.parent_attempt_id and not each.ended]

    async def retry(self, execution_id: str, *, by: str, step: str | None = None) -> Execution:
        """Go on from what failed, with what succeeded kept; or run one chosen step again, and what follows it.

        A step that is retried has all its tries again.

        Raises:
            NotFound: there is no such execution or step.
            Conflict: nothing of it failed, it is busy, or its node is busy with another.
        """
        return await self._context.database.write(lambda tx: self.retry_in(tx, execution_id, by=by, step=step))

    def retry_in(self, tx: Tx, execution_id: str, *, by: str, step: str | None = None) -> Execution:
        """As `retry`, in the caller's transaction."""
        execution = executions.get(tx, execution_id)
        _refuse_rolled_back(execution)
        run = self._run(tx, execution, by)
        standing = planner.standing(run.workflow, execution)
        if step is None:
            if not execution.ended:
                raise Conflict(f"execution {execution.id} is {execution.status}: there is nothing to retry yet")
            again = [attempt for attempt in standing.values() if attempt.status in _UNDONE and not attempt.routes]
            if execution.status is ExecutionStatus.SUCCEEDED or not (again or not execution.attempts):
                raise Conflict(f"execution {execution.id} has {execution.status}, and no step of it has to be retried")
        else:
            attempt = _standing(run, standing, step)
            if attempt.is_open:
                raise Conflict(f"step {attempt.step_key} is {attempt.status}: there is nothing to retry yet")
            again = [attempt]
        self._reopen(tx, run, f"retried by {by}")
        for attempt in again:
            self._again(run, attempt, step is not None)
        run.advance()
        run.save()
        return run.execution

    def _again(self, run: Run, attempt: Attempt, chosen: bool) -> None:
        """Run a step again. Nothing has followed a step that failed, unless it is chosen: then that is run anew."""
        attempts.begin(
            run,
            planner.Begin(
                step=run.workflow.by_key[attempt.step_key],
                number=_next_number(run, attempt.step_key),
                visit=visits(run.execution, attempt.step_key) + 1 if chosen else attempt.visit,
                tries=1,
                entry=True,
            ),
        )

    def _reopen(self, tx: Tx, run: Run, reason: str) -> None:
        execution = run.execution
        if not execution.ended:
            return
        if execution.node_id is not None and execution.parent_id is None:
            live = executions.live_on(tx, execution.node_id)
            if live is not None:
                raise Conflict(f"its node is busy with {live.workflow_name} (execution {live.id}) meanwhile")
        if execution.parent_id is not None and execution.parent_attempt_id is not None:
            raise Conflict(
                f"execution {execution.parent_id} started this one and has been told of its end; "
                "retry its step instead, which starts this workflow again"
            )
        goal = admission.state_anew(run.workflow, run.node)
        if goal is not None:
            run.move_node(goal, reason)
        letters.settle(tx, execution.id, at=run.now, by=run.principal)
        deadline = run.after(run.workflow.timeout_seconds)
        run.apply(ExecutionReopened(at=run.now, deadline_at=deadline, reason=reason))

    async def skip(
        self, execution_id: str, step: str, *, by: str, reason: str, output: Mapping[str, Any] | None = None
    ) -> Execution:
        """Take a step as done, because somebody did it by hand or it is not needed: the workflow goes on as if it had
        succeeded, with this output. One that runs is stopped.

        Raises:
            NotFound: there is no such execution or step.
            Conflict: the step has succeeded, or has not begun.
            Invalid: no reason is given.
        """
        if not reason.strip():
            raise Invalid([Problem(path="reason", message="is missing: say why the step is skipped")])

        def work(tx: Tx) -> Execution:
            execution = executions.get(tx, execution_id)
            _refuse_rolled_back(execution)
            run = self._run(tx, execution, by)
            attempt = _standing(run, planner.standing(run.workflow, execution), step)
            if not (attempt.is_open or attempt.status in _UNDONE):
                raise Conflict(f"step {attempt.step_key} is {attempt.status}: there is nothing to skip")
            self._reopen(tx, run, f"step {attempt.step_key} skipped by {by}")
            self._skip(run, attempt, reason, output or {})
            run.advance()
            run.save()
            return run.execution

        return await self._context.database.write(work)

    def _skip(self, run: Run, attempt: Attempt, reason: str, output: Mapping[str, Any]) -> None:
        if attempt.is_open:
            run.finish(attempt, AttemptStatus.CANCELLED, error=f"skipped by {run.principal}: {reason}")
        skipped = changed(
            attempt,
            id=growing_id(),
            attempt=_next_number(run, attempt.step_key),
            entry=True,
            status=AttemptStatus.SKIPPED,
            performer=Performer.PERSON,
            output=output,
            failure=None,
            error=None,
            message=f"skipped by {run.principal}: {reason}",
            exit_code=None,
            progress_percent=None,
            created_at=run.now,
            due_at=None,
            started_at=run.now,
            completed_at=run.now,
            deadline_at=None,
            ends_at=None,
            heard_at=None,
            taken_by=None,
            routes=None,
        )
        run.apply(AttemptAdded(attempt=skipped))
        run.note(
            Kind.ATTEMPT_DECIDED,
            step_key=attempt.step_key,
            data={"decision": "skipped", "comment": reason, "step": skipped.step_name, "attempt_id": skipped.id},
        )

    async def approve(
        self,
        execution_id: str,
        *,
        by: str,
        step: str | None = None,
        approved: bool = True,
        comment: str | None = None,
    ) -> Execution:
        """Approve or reject a step that waits for it (`core.approve`); `step` is needed only where several wait.

        Raises:
            NotFound: there is no such execution or step.
            Conflict: no step waits for an approval, or several do and none is named.
        """

        def work(tx: Tx) -> Execution:
            execution = executions.get(tx, execution_id)
            run = self._run(tx, execution, by)
            attempt = _waiting(run, step)
            answer = {"approved": approved, "by": by, "comment": comment}
            decision = "approved" if approved else "rejected"
            text = f"{decision} by {by}" + (f": {comment}" if comment else "")
            data = {"decision": decision, "comment": comment, "step": attempt.step_name, "attempt_id": attempt.id}
            run.note(Kind.ATTEMPT_DECIDED, step_key=attempt.step_key, data=data)
            if approved:
                run.finish(attempt, AttemptStatus.SUCCEEDED, output=answer, message=text)
            else:
                run.finish(attempt, AttemptStatus.FAILED, output=answer, error=text, failure=Failure.REJECTED)
            run.advance()
            run.save()
            return run.execution

        return await self._context.database.write(work)

    async def start_many(
        self,
        workflow: str,
        references: Sequence[str],
        *,
        by: str,
        params: Mapping[str, Any] | None = None,
        trigger: str = "manual",
        request_id: str | None = None,
        draft: bool = False,
    ) -> list[Started]:
        """Start a workflow on many nodes, named by id, MAC address or hostname; the answers come in their order.

        Each node has a transaction and an answer of its own: one that is busy does not stand in the way of the others.
        With a `request_id`, asking again starts nothing twice.

        Raises:
            NotFound: there is no such workflow.
        """
        wanted = Start(
            workflow=workflow, params=params or {}, trigger=trigger, request_id=request_id, draft=draft, node=""
        )
        await self._context.database.read(lambda tx: documents.get(tx, DocumentKind.WORKFLOW, workflow))
        room = asyncio.Semaphore(_AT_ONCE)  # what is asked for together is written together

        async def one(reference: str) -> Started:
            async with room:
                return await self._start(replace(wanted, node=reference), by)

        return list(await asyncio.gather(*(one(reference) for reference in references)))

    async def _start(self, wanted: Start, by: str) -> Started:
        """Start on one node of many: a request id means one execution, so each node needs one of its own."""
        reference = wanted.node or ""
        try:
            node = await self._context.database.read(lambda tx: nodes.get(tx, reference))
        except PureBootError as error:
            return Started(node=reference, error=str(error))
        request_id = None if wanted.request_id is None else f"{wanted.request_id}:{node.id}"
        own = replace(wanted, node=node.id, request_id=request_id)
        try:
            execution = await self._context.database.write(lambda tx: start(self._context, tx, own, by=by))
        except PureBootError as error:
            return Started(node_id=node.id, node=node.name, error=str(error))
        return Started(node_id=node.id, node=node.name, execution_id=execution.id)

    def _run(self, tx: Tx, execution: Execution, by: str) -> Run:
        return Run.load(self._context, tx, execution, principal=by)


def _refuse_rolled_back(execution: Execution) -> None:
    if execution.rolling_back:
        state = "was" if execution.ended else "is being"
        raise Conflict(f"execution {execution.id} {state} rolled back; start {execution.workflow_name} anew afterwards")


def _step(run: Run, step: str) -> Step:
    for each in run.workflow.steps:
        if step in (each.id, each.key):
            return each
    raise NotFound(f"workflow {run.workflow.name} has no step {step}")


def _standing(run: Run, standing: Mapping[str, Attempt], step: str) -> Attempt:
    key = _step(run, step).key
    if key not in standing:
        raise Conflict(f"step {key} has not begun")
    return standing[key]


def _next_number(run: Run, step_key: str) -> int:
    return 1 + max(each.attempt for each in run.execution.attempts if each.step_key == step_key)


def _waiting(run: Run, step: str | None) -> Attempt:
    waiting = [
        attempt
        for attempt in run.execution.attempts
        if attempt.performer is Performer.PERSON and attempt.status is AttemptStatus.RUNNING
    ]
    if step is not None:
        key = _step(run, step).key
        waiting = [attempt for attempt in waiting if attempt.step_key == key]
    if not waiting:
        what = f"step {step}" if step is not None else f"execution {run.execution.id} ({run.execution.status})"
        raise Conflict(f"{what} does not wait for an approval")
    if len(waiting) > 1:
        keys = ", ".join(attempt.step_key for attempt in waiting)
        raise Conflict(f"several steps wait for an approval: {keys}; say which")
    return waiting[0]
