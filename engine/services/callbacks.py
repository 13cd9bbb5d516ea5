"""What nodes and agents do with an execution's capability token: ask for their step, report, send logs, render."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from engine.core.boot import BOOT_ACTION
from engine.core.events import Kind, NewEvent
from engine.core.executions import Attempt, AttemptStatus, Execution, Performer
from engine.core.facts import AttemptTaken
from engine.core.reports import ReportStatus, StepReport
from engine.core.scopes import Server
from engine.core.tokens import digest
from engine.errors import Conflict, Invalid, NotFound, Problem, PureBootError, Unavailable
from engine.services import children, validation
from engine.services.context import Context
from engine.services.masking import clean_report
from engine.services.rendering import gather
from engine.services.resolving import resolved
from engine.services.runs import Run
from engine.services.validation import NotChecked
from engine.store import events, executions, logs, nodes
from engine.store.tx import Tx

T = TypeVar("T")

_MOST_LOOKS = 5

_DONE = {ReportStatus.SUCCESS: AttemptStatus.SUCCEEDED, ReportStatus.FAILED: AttemptStatus.FAILED}


class Gone(Conflict):
    """The execution has ended: there is nothing more to ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentStep:
    """The step that waits for the node's agent, complete: nothing in it is left to resolve.

    `served` says of a boot step whether the machine has been given it: an agent that runs although it was not has to
    reboot into it.
    """

    execution_id: str
    step_id: str
    step_key: str
    step_name: str
    step_type: str
    step_config: Mapping[str, Any]
    attempt: int
    timeout_seconds: float | None
    heartbeat_seconds: float | None
    deadline_at: datetime | None
    served: bool


class Callbacks:
    """The callback API. The door has checked that the token is the execution's."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def execution_of(self, token: str) -> Execution | None:
        """The execution a capability token belongs to."""
        return await self._context.database.read(lambda tx: executions.by_token(tx, digest(token)))

    async def current(self, execution_id: str, *, server: Server, agent: str | None = None) -> CurrentStep | None:
        """The step that waits for the node's agent; None if none does now.

        `agent` names one life of an agent (its machine's boot id). An attempt that one life has taken is never given to
        another: it is lost, and tried again if its step allows that.

        Raises:
            NotFound: there is no such execution.
            Gone: it has ended.
        """
        if await self._context.database.read(lambda tx: self._waiting(tx, execution_id)) is None:
            return None
        for _ in range(_MOST_LOOKS):
            try:
                return await self._context.database.write(lambda tx: self._hand_out(tx, execution_id, server, agent))
            except NotChecked as unknown:
                await self._context.checks.check(unknown.job)
        raise Unavailable("the text of the step's script changes all the time; ask again")

    async def may_speak_for(self, token: str, execution_id: str) -> bool:
        """Whether a capability token is an execution's, or that of one above it: an agent that was given a parent's
        token performs the steps of its children as well.
        """

        def work(tx: Tx) -> bool:
            own = executions.by_token(tx, digest(token))
            above: str | None = execution_id
            while own is not None and above is not None:
                if above == own.id:
                    return True
                above = executions.parent_of(tx, above)
            return False

        return await self._context.database.read(work)

    def _waiting(self, tx: Tx, execution_id: str) -> Attempt | None:
        execution = executions.get(tx, execution_id)
        if execution.ended:
            raise Gone(f"execution {execution.id} has {execution.status}")
        return _for_node(children.for_node(tx, execution))

    def _hand_out(self, tx: Tx, execution_id: str, server: Server, agent: str | None) -> CurrentStep | None:
        waiting = self._waiting(tx, execution_id)
        if waiting is None:
            return None
        run = self._run(tx, executions.get(tx, waiting.execution_id))
        attempt = _for_node(run.execution)
        if attempt is not None and self._is_lost(attempt, agent):
            error = "lost: the machine started again while the step ran"
            run.finish(attempt, AttemptStatus.FAILED, error=error)
            run.advance()
            attempt = _for_node(run.execution)
        step = self._taken(tx, run, attempt, server, agent) if attempt is not None else None
        run.save()
        return step

    @staticmethod
    def _is_lost(attempt: Attempt, agent: str | None) -> bool:
        if agent is None or attempt.taken_by is None or attempt.action == BOOT_ACTION:
            return False
        return attempt.taken_by != agent

    def _taken(self, tx: Tx, run: Run, attempt: Attempt, server: Server, agent: str | None) -> CurrentStep | None:
        try:
            config = resolved(tx, run, attempt, server)
            if attempt.action == "node.script":
                config = self._with_script(tx, run, attempt, config, server)
        except PureBootError as error:
            run.finish(attempt, AttemptStatus.FAILED, error=str(error))
            run.advance()
            return None
        if attempt.action != BOOT_ACTION and attempt.taken_by is None:
            run.apply(AttemptTaken(attempt_id=attempt.id, by=agent or "node", at=run.now))
        else:
            run.hear(attempt)
        step = run.workflow.by_key[attempt.step_key]
        return CurrentStep(
            execution_id=attempt.execution_id,
            step_id=attempt.step_id,
            step_key=attempt.step_key,
            step_name=attempt.step_name,
            step_type=attempt.action,
            step_config=config,
            attempt=attempt.attempt,
            timeout_seconds=step.timeout_seconds,
            heartbeat_seconds=step.heartbeat_seconds,
            deadline_at=attempt.deadline_at,
            served=attempt.action == BOOT_ACTION and attempt.taken_by is not None,
        )

    def _with_script(
        self, tx: Tx, run: Run, attempt: Attempt, config: Mapping[str, Any], server: Server
    ) -> dict[str, Any]:
        """Put the text of a script's template in the place of its name."""
        reference = config.get("template")
        if not isinstance(reference, str):
            return dict(config)
        interpreter = str(config.get("interpreter") or "/bin/sh")
        served = validation.Served(
            gather(tx, reference, run.execution.workflow_id), run.around(attempt, server), interpreter
        )
        text, flaw = served.known(self._context)
        if flaw is not None and attempt.taken_by is None:
            run.note(Kind.TEMPLATE_FLAWED, step_key=attempt.step_key, data={"template": reference, "error": str(flaw)})
        return {key: value for key, value in config.items() if key != "template"} | {"script": text}

    async def report(self, execution_id: str, step: str, report: StepReport) -> str:
        """Take a report about a step (its id or key); gives `recorded`, or `repeated` for one that is known already.

        Raises:
            NotFound: there is no such execution or step.
            Conflict: the step is not current: it has ended otherwise, another attempt runs, or the execution has ended.
            Invalid: a number in it is out of range.
        """
        percent = report.progress_percent
        if percent is not None and not 0 <= percent <= 100:
            raise Invalid([Problem(path="progress_percent", message=f"{percent} is not between 0 and 100")])
        given = report
        report, by = await self._context.vault.beforehand(
            lambda redactor: clean_report(given, redactor), given, given.logs, given.message, given.output
        )

        def work(tx: Tx) -> str:
            run = self._run(tx, executions.get(tx, execution_id))
            step_key = _step_key(run, step)
            attempt = _meant(run.execution, step_key, report.attempt)
            if attempt is None or attempt.status is not AttemptStatus.RUNNING:
                return self._late(tx, run, step_key, attempt, report)
            if attempt.performer is Performer.AGENT and attempt.taken_by is not None:
                run.principal = attempt.taken_by
            redactor = self._context.vault.redactor(tx)
            said = report if redactor is None or redactor is by else clean_report(report, redactor)
            self._take(tx, run, attempt, said)
            run.save()
            return "recorded"

        return await self._context.database.write(work)

    def _take(self, tx: Tx, run: Run, attempt: Attempt, report: StepReport) -> None:
        if report.logs:
            logs.append(tx, attempt, run.now, clean(report.logs), self._context.vault.redactor(tx))
        message = None if report.message is None else clean(report.message)[:2000]
        if report.status is ReportStatus.PROGRESS:
            run.hear(attempt, report.progress_percent, message)
            return
        failed = report.status is ReportStatus.FAILED
        code = "" if report.exit_code is None else f" with exit code {report.exit_code}"
        run.finish(
            attempt,
            _DONE[report.status],
            output=report.output,
            message=message,
            exit_code=report.exit_code,
            error=(message or f"the step failed{code}") if failed else None,
        )
        run.advance()

    def _late(self, tx: Tx, run: Run, step_key: str, attempt: Attempt | None, report: StepReport) -> str:
        if attempt is not None and attempt.status is _DONE.get(report.status):
            return "repeated"
        if attempt is not None and report.status is ReportStatus.PROGRESS and attempt.status in _DONE.values():
            return "repeated"  # a progress that was overtaken by the end it announced
        if run.execution.ended:
            state = f"execution {run.execution.id} has {run.execution.status}"
        elif attempt is None:
            state = f"step {step_key} has no such attempt"
        else:
            state = f"attempt {attempt.attempt} of step {step_key} is {attempt.status}"
        current = ", ".join(run.execution.current_steps) or "none"
        raise Conflict(f"{state}; the report is not taken (current: {current})")

    async def append_log(self, execution_id: str, step: str, text: str, *, attempt: int | None = None) -> None:
        """Add to the log of a step's attempt (the newest unless one is named); also just after its end, since the
        last lines may come late. The values of secrets in it are masked.

        Raises:
            NotFound: there is no such execution or step.
            Conflict: the step has not begun, or the execution was cancelled.
        """
        vault = self._context.vault
        said, by = await vault.beforehand(lambda redactor: redactor.text(text), text, text)

        def work(tx: Tx) -> None:
            run = self._run(tx, executions.get(tx, execution_id))
            step_key = _step_key(run, step)
            meant = _meant(run.execution, step_key, attempt)
            if meant is None or meant.status in (AttemptStatus.RETRYING, AttemptStatus.CANCELLED):
                raise Conflict(f"step {step_key} does not run, so its log takes nothing")
            if text:
                logs.append(tx, meant, run.now, clean(vault.text(tx, said, by)), vault.redactor(tx))
                self._hear(tx, meant)

        await self._context.database.write(work)

    async def heartbeat(self, execution_id: str) -> None:
        """Note a sign of life: moves the heartbeat deadline of what the node performs.

        Raises:
            NotFound: there is no such execution.
            Gone: it has ended.
        """

        def work(tx: Tx) -> None:
            attempt = self._waiting(tx, execution_id)
            if attempt is not None:
                self._hear(tx, attempt)

        await self._context.database.write(work)

    def _hear(self, tx: Tx, attempt: Attempt) -> None:
        """Note a sign of life: the first starts the clock of silence and with it a wake-up, later ones only move it."""
        if attempt.heard_at is not None or not attempt.is_open:
            executions.heard(tx, attempt, self._context.now())
            return
        run = self._run(tx, executions.get(tx, attempt.execution_id))
        run.hear(attempt)
        run.save()

    async def render(self, execution_id: str, reference: str, *, server: Server) -> str:
        """Render a template (`name`, `name:v1.0`) for an execution's node, complete and checked by its type.

        Raises:
            NotFound: there is no such execution, template or version, or the execution has ended.
            Invalid: a variable has no value, a value would break the text, or the text has errors and
                `templates.check_on_boot` is `error`; each is named with its place, also in the event log.
        """

        def work(tx: Tx) -> validation.Served:
            execution = executions.get(tx, execution_id)
            if execution.ended:
                raise NotFound(f"execution {execution.id} has {execution.status}")
            around = self._run(tx, execution).around(_for_node(execution), server)
            return validation.Served(gather(tx, reference, execution.workflow_id), around)

        try:
            content, flaw = await (await self._context.database.read(work)).checked(self._context)
        except Invalid as error:
            await self._note(Kind.TEMPLATE_RENDER_FAILED, execution_id, reference, error)
            raise
        if flaw is not None:
            await self._note(Kind.TEMPLATE_FLAWED, execution_id, reference, flaw)
        return content

    async def _checked(self, work: Callable[[Tx], T]) -> T:
        """Do some work that serves a text, and once more each time that it meets one that was not checked."""
        for _ in range(_MOST_LOOKS):
            try:
                return await self._context.database.read(work)
            except NotChecked as unknown:
                await self._context.checks.check(unknown.job)
        raise Unavailable("the text of the template changes all the time; ask again")

    async def _note(self, kind: Kind, execution_id: str, reference: str, error: Invalid) -> None:
        def work(tx: Tx) -> None:
            execution = executions.get(tx, execution_id)
            fact = NewEvent(
                kind=kind,
                at=self._context.now(),
                node_id=execution.node_id,
                execution_id=execution.id,
                data={"template": reference, "error": self._context.vault.text(tx, str(error))},
            )
            events.append(tx, [fact])

        await self._context.database.write(work)

    def _run(self, tx: Tx, execution: Execution) -> Run:
        node = nodes.get_by_id(tx, execution.node_id) if execution.node_id is not None else None
        principal = f"node:{node.mac_address}" if node else "agent"
        return Run.load(self._context, tx, execution, principal=principal, node=node)


def _for_node(execution: Execution) -> Attempt | None:
    """The running attempt that the node performs."""
    return next(
        (
            attempt
            for attempt in execution.attempts
            if attempt.status is AttemptStatus.RUNNING and attempt.performer is Performer.NODE
        ),
        None,
    )


def _step_key(run: Run, step: str) -> str:
    for each in run.workflow.steps:
        if step in (each.id, each.key):
            return each.key
    raise NotFound(f"workflow {run.workflow.name} has no step {step}")


def _meant(execution: Execution, step_key: str, number: int | None) -> Attempt | None:
    if number is None:  # the newest, but nobody can speak of one that has not begun
        latest = execution.latest(step_key)
        if latest is None or latest.status is not AttemptStatus.RETRYING:
            return latest
        number = latest.attempt - 1
    return next((each for each in execution.attempts if each.step_key == step_key and each.attempt == number), None)


_KEPT = {"\n", "\t"}


def clean(text: str) -> str:
    """What a machine sends, fit for a log: without the control characters that would take over a terminal."""
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char if char in _KEPT or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
