"""What can be done with executions: start, find, cancel; and what the engine's loops ask for."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from engine.core.documents import DocumentKind
from engine.core.events import SYSTEM, Event, Kind
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.core.facts import AttemptClaimed, AttemptHandedOver, AttemptReleased
from engine.core.nodes import NodeState
from engine.core.page import Page
from engine.core.workflows import Workflow
from engine.errors import Conflict, NotFound, PureBootError, Unavailable
from engine.services import attempts, limits, starts
from engine.services.context import Context
from engine.services.notices import Notice, Over, Task
from engine.services.runs import Run
from engine.services.starts import Start
from engine.services.starts import start as begin_one
from engine.store import documents, events, executions, hosts, logs, nodes
from engine.store.logs import LogChunk
from engine.store.tx import Tx

_log = logging.getLogger(__name__)


class Executions:
    """Executions. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: dict[str, set[asyncio.Future[Execution | None]]] = {}
        context.database.on_told(self._hear)

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

        wanted = Start(
            workflow=workflow, node=node, params=params or {}, trigger=trigger, request_id=request_id, draft=draft
        )
        return await self._context.database.write(lambda tx: begin_one(self._context, tx, wanted, by=by))

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
            return logs.pieces(tx, execution.id, attempt_id=attempt_id, after=after, limit=limit)

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
            run.cancel(f"cancelled by {by}" + (f": {reason}" if reason else ""))
            run.save()
            return run.execution

        return await self._context.database.write(work)

    async def wait(self, execution_id: str) -> Execution:
        """An execution once it has ended.

        Raises:
            NotFound: there is no such execution.
        """
        while True:
            over: asyncio.Future[Execution | None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(execution_id, set()).add(over)
            try:
                if not self._context.database.knows("execution", execution_id):  # it lives, if the writer knows it
                    found = await self.get(execution_id)
                    if found.ended:
                        return found
                told = await over
                if told is not None:
                    return told
            finally:
                self._waiting[execution_id].discard(over)
                if not self._waiting[execution_id]:
                    del self._waiting[execution_id]

    def look_again(self) -> None:
        """Let all who wait for an end look: another process may have brought it about, or an answer was lost."""
        for waiting in self._waiting.values():
            for over in waiting:
                if not over.done():
                    over.set_result(None)

    def _hear(self, notices: list[Notice]) -> None:
        if self._waiting:
            for notice in notices:
                if isinstance(notice, Over):
                    for over in self._waiting.get(notice.execution.id, ()):
                        if not over.done():
                            over.set_result(notice.execution)

    async def tree(self, execution_id: str) -> list[Execution]:
        """An execution and all that its steps have started, each before those it started itself.

        Raises:
            NotFound: there is no such execution.
        """

        def below(tx: Tx, above: Execution) -> list[Execution]:
            return [above, *(each for child in executions.children(tx, above.id) for each in below(tx, child))]

        return await self._context.database.read(lambda tx: below(tx, executions.get(tx, execution_id)))

    async def admit(self) -> datetime | None:
        """Let those run that waited for a place and now have one; gives when to look again although nothing ends."""

        def work(tx: Tx) -> datetime | None:
            starts.admit(self._context, tx)
            return limits.next_turn(self._context, tx)

        if not await self._context.database.read(executions.is_anyone_waiting):
            return None
        return await self._context.database.write(work)

    async def is_anyone_waiting(self) -> bool:
        """Whether an execution waits for its turn."""
        return await self._context.database.read(executions.is_anyone_waiting)

    async def taken_by(self, owner: str) -> set[str]:
        """The ids of the attempts that a host has taken and that run."""
        found = await self._context.database.read(lambda tx: executions.taken_by(tx, owner))
        return {attempt_id for _, attempt_id in found}

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
            run.give_up(reason)

        await self._context.database.write(work)

    async def drop(self, owner: str, unknown: Collection[str]) -> None:
        """Give back those of some attempts that `owner` has taken and still run: it does not know of them."""

        def work(tx: Tx) -> None:
            for execution_id, attempt_id in executions.taken_by(tx, owner):
                if attempt_id in unknown:
                    execution = executions.get(tx, execution_id)
                    run = Run.load(self._context, tx, execution, principal=SYSTEM)
                    run.apply(AttemptReleased(attempt_id=attempt_id))
                    run.save()

        await self._context.database.write(work)

    async def claim(self, owner: str) -> int:
        """Take the running attempts that an engine performs and that no living host has taken; gives how many.

        They are performed again under the same idempotency key. What was won is told as `Task`, like an attempt that
        begins.
        """
        waiting = await self._context.database.read(lambda tx: executions.to_claim(tx, owner))
        if not waiting:
            return 0

        def work(tx: Tx) -> int:
            living = hosts.ids(tx)
            return sum(self._claim(tx, execution_id, owner, living) for execution_id in waiting)

        return await self._context.database.write(work)

    def _claim(self, tx: Tx, execution_id: str, owner: str, living: Collection[str]) -> int:
        won = 0
        try:
            run = Run.load(self._context, tx, executions.get(tx, execution_id), principal=SYSTEM)
        except PureBootError:
            _log.exception("execution %s cannot be taken up", execution_id)
            return 0
        for attempt in run.execution.attempts:
            is_free = attempt.taken_by is None or attempt.taken_by not in living
            if attempt.status is AttemptStatus.RUNNING and attempt.performer is Performer.ENGINE and is_free:
                run.apply(AttemptClaimed(attempt_id=attempt.id, by=owner, at=run.now))
                tx.tell(attempts.task(run, run.execution.find(attempt.id)))
                won += 1
        run.save()
        return won

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
        log: str = "",
    ) -> bool:
        """Take the result of an attempt that this engine performed; False if it is no longer wanted. The values of
        secrets in it are masked.
        """
        vault = self._context.vault
        result = {"output": output or {}, "message": message, "error": error, "log": log}
        said, by = await vault.beforehand(lambda redactor: redactor.tree(result), result, result)

        def work(tx: Tx) -> bool:
            run = Run.load(self._context, tx, executions.get(tx, task.attempt.execution_id), principal=SYSTEM)
            attempt = run.execution.find(task.attempt.id)
            if attempt.status is not AttemptStatus.RUNNING or attempt.taken_by != owner:
                run.note(Kind.REPORT_IGNORED, step_key=attempt.step_key, data={"attempt_id": attempt.id})
                run.save()
                return False
            told = vault.tree(tx, said, by)
            outcome, reason = status, told["error"]
            if next_state is not None:
                try:
                    run.move_node(next_state, f"step {attempt.step_name} of {run.workflow.name}")
                except Conflict as refusal:
                    outcome, reason = AttemptStatus.FAILED, str(refusal)
            if log:
                logs.append(tx, attempt, run.now, told["log"], vault.redactor(tx))
            run.finish(attempt, outcome, output=told["output"], message=told["message"], error=reason)
            run.advance()
            run.save()
            return True

        return await self._context.database.write(work)

    async def hand_over(self, task: Task, owner: str, to: str, log: str = "") -> bool:
        """Let somebody else (`agent:NAME`) go on with an attempt that this engine began; False if it has ended since:
        who was quick may have reported already.
        """
        said = log if (redactor := self._context.vault.latest) is None else redactor.text(log)

        def work(tx: Tx) -> bool:
            run = Run.load(self._context, tx, executions.get(tx, task.attempt.execution_id), principal=SYSTEM)
            attempt = run.execution.find(task.attempt.id)
            if attempt.status is not AttemptStatus.RUNNING or attempt.taken_by != owner:
                return False
            run.apply(AttemptHandedOver(attempt_id=attempt.id, by=to, at=run.now))
            run.note(Kind.ATTEMPT_TAKEN, step_key=attempt.step_key, data={"attempt_id": attempt.id, "by": to})
            if said:
                logs.append(tx, attempt, run.now, self._context.vault.text(tx, said), self._context.vault.redactor(tx))
            run.save()
            return True

        return await self._context.database.write(work)

    async def append_log(self, attempt: Attempt, text: str) -> None:
        """Add to the log of an attempt that this engine performs."""
        if not text:
            return
        vault = self._context.vault
        said, by = await vault.beforehand(lambda redactor: redactor.text(text), text, text)

        def work(tx: Tx) -> None:
            logs.append(tx, attempt, self._context.now(), vault.text(tx, said, by), vault.redactor(tx))

        await self._context.database.write(work)


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
