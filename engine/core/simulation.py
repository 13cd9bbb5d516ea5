"""An execution that nobody performs: the planner's commands carried out in memory, with a clock of its own.

What a service does with the planner's commands in the store is done here with values, so that one can look ahead (a dry
run) or rehearse (a workflow's test) without any store. Steps end as their outcomes say, in no time unless these say
otherwise; a step without one succeeds, or does what its action always does. The clock jumps to whatever is due next.

`strict` is as in earnest: what is wrong lets steps fail. Otherwise it is only noted and the walk goes on as if it had
been put right, so that everything wrong is found at once; and what a step would give is taken as not known
(`engine.core.unknown`). An edge whose condition nobody can know yet is taken, and what it leads to is doubtful.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core import admission, expressions, filling, foresight, judging, nodes, planner, rendering, scene
from engine.core.commands import blank
from engine.core.dependence import Dependence
from engine.core.executions import (
    FAILURES,
    Attempt,
    AttemptStatus,
    Execution,
    ExecutionStatus,
    Failure,
    Performer,
)
from engine.core.facts import (
    AttemptAdded,
    AttemptFinished,
    AttemptHeard,
    AttemptSettled,
    AttemptStarted,
    ExecutionFailing,
    ExecutionFinished,
    ExecutionStarted,
    Fact,
    RollbackBegun,
    evolve,
)
from engine.core.filling import Filled
from engine.core.nodes import Node, NodeState
from engine.core.outcomes import Ending, Outcome
from engine.core.scene import ID, Scene
from engine.core.trace import Begun, Decided, Moved
from engine.core.unknown import Asked
from engine.core.workflows import ROLLBACK, Step
from engine.errors import Conflict, Invalid, PureBootError

START = datetime(2000, 1, 1, tzinfo=UTC)
MAX_TRIES = 1000
"""So many tries of all steps together and no more: what is only looked at must come to an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    at: datetime | None
    outcome: Outcome


class Simulation:
    """One walk through a workflow. Everything that happened is in `execution`, `node`, `begun`, `decided`, `moved`;
    `stuck` says why it did not come to an end.
    """

    def __init__(self, stage: Scene) -> None:
        self.stage = stage
        self.workflow = stage.workflow
        self.node = stage.node
        self.now = START
        self.begun: list[Begun] = []
        self.decided: list[Decided] = []
        self.moved: list[Moved] = []
        self.stuck: str | None = None
        self.asked = Asked()
        self._round = 0
        self._endings: dict[str, _Ending] = {}
        self._timed: dict[str, Outcome] = {}
        self._filled: dict[str, Filled] = {}
        self._open: set[str] = set()
        self._dependence = Dependence(stage.workflow)
        self.execution = Execution(
            id=ID,
            workflow_id=stage.workflow_id,
            workflow_name=stage.workflow.name,
            workflow_version=stage.workflow_version,
            version_id=ID,
            node_id=stage.node.id if stage.node else None,
            params=dict(stage.params),
            created_at=START,
        )

    def run(self) -> "Simulation":
        """Walk until the execution ends, or nothing can happen any more."""
        try:
            self._start()
        except Conflict as error:
            self.stuck = str(error)
            return self
        self._advance()
        while not self.execution.ended:
            due = self._next()
            if due is None:
                self.stuck = self._reason()
                break
            if len(self.execution.attempts) > MAX_TRIES:
                self.stuck = f"more than {MAX_TRIES} tries were made: does a loop end?"
                break
            self.now = max(self.now, due)
            self._end_due()
            self._advance()
        return self

    @property
    def seconds(self) -> float:
        """How long it has taken, by its own clock."""
        return (self.now - START).total_seconds()

    def _start(self) -> None:
        refusal = admission.refusal(self.workflow, self.stage.actions, self.node)
        if refusal is not None and self.stage.strict:
            raise Conflict(refusal)
        goal = admission.first_state(self.workflow, self.node)
        if goal is not None:
            error = self._move(goal, None)
            if error is not None and self.stage.strict:
                raise Conflict(error)
        self._apply(ExecutionStarted(at=self.now, deadline_at=self._after(self.workflow.timeout_seconds)))

    def _next(self) -> datetime | None:
        moments = [ending.at for ending in self._endings.values()]
        moments.append(planner.next_due(self.workflow, self.execution))
        return min((moment for moment in moments if moment is not None), default=None)

    def _reason(self) -> str:
        keys = ", ".join(self.execution.current_steps)
        return f"{keys} would never end: there is no timeout" if keys else "nothing is left to do"

    def _end_due(self) -> None:
        for attempt in self.execution.attempts:
            ending = self._endings.get(attempt.id)
            if ending is None or ending.at is None or ending.at > self.now:
                continue
            del self._endings[attempt.id]
            if attempt.status is AttemptStatus.RUNNING:
                self._end(attempt, ending.outcome)

    def _apply(self, fact: Fact) -> None:
        self.execution = evolve(self.execution, fact)

    def _after(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else self.now + timedelta(seconds=seconds)

    def _advance(self) -> None:
        self._round += 1
        while commands := planner.plan(self.workflow, self.execution, self.now):
            for command in commands:
                self._carry_out(command)

    def _carry_out(self, command: planner.Command) -> None:
        match command:
            case planner.Begin():
                self._begin(command)
            case planner.Launch():
                self._launch(command)
            case planner.Settle():
                self._settle(command.attempt, command.step)
            case planner.Skip():
                skipped = self._blank(command.step, command.number, command.visit, AttemptStatus.SKIPPED)
                self._apply(AttemptAdded(attempt=replace(skipped, completed_at=self.now, routes=())))
            case planner.Complete():
                self._end(command.attempt, self._timed[command.attempt.id])
            case planner.Expire():
                self._finish(command.attempt, AttemptStatus.TIMED_OUT, error=command.error, failure=command.failure)
            case planner.Withdraw():
                error = "withdrawn: the execution cannot succeed any more"
                self._finish(command.attempt, AttemptStatus.CANCELLED, error=error)
            case planner.Fail():
                self._apply(ExecutionFailing(error=command.error))
            case planner.Finish():
                self._finish_all(command.status, command.error)

    def _blank(self, step: Step, number: int, visit: int, status: AttemptStatus) -> Attempt:
        action = self.stage.actions.get(step.action)
        performer = action.performer if action else Performer.ENGINE
        return blank(step, f"{step.key}/{number}", self.execution.id, number, visit, status, performer, self.now)

    def _begin(self, command: planner.Begin) -> None:
        status = AttemptStatus.RUNNING if command.due is None else AttemptStatus.RETRYING
        attempt = replace(
            self._blank(command.step, command.number, command.visit, status),
            tries=command.tries,
            entry=command.entry,
            undoes=command.undoes,
            due_at=command.due,
        )
        self._dependence.begin(attempt.id, command, self.execution)
        if command.after is not None and not command.step.retry.rerender and command.after.id in self._filled:
            self._filled[attempt.id] = self._filled[command.after.id]
        if command.due is not None:
            self._apply(AttemptAdded(attempt=attempt))
            return
        deadline = self._after(command.step.timeout_seconds)
        ready = self._ready(attempt, command.step)
        self._apply(AttemptAdded(attempt=replace(ready, started_at=self.now, deadline_at=deadline)))
        self._hear_if_lost(ready)

    def _launch(self, command: planner.Launch) -> None:
        ready = self._ready(command.attempt, command.step)
        self._apply(
            AttemptStarted(
                attempt_id=ready.id,
                at=self.now,
                deadline_at=self._after(command.step.timeout_seconds),
                config=ready.config,
                ends_at=ready.ends_at,
            )
        )
        self._hear_if_lost(ready)

    def _ready(self, attempt: Attempt, step: Step) -> Attempt:
        """An attempt that begins now: its parameters filled in, and how and when it will end."""
        filled = self._filled.get(attempt.id) or self._fill(attempt, step)
        self._filled[attempt.id] = filled
        attempt = replace(attempt, config=filled.config)
        seen = foresight.foresee(self.stage, step, attempt, filled)
        if seen.is_open:
            self._open.add(attempt.id)
        self.begun.append(
            Begun(
                attempt_id=attempt.id,
                step=step,
                round=self._round,
                at=self.seconds,
                filled=filled,
                problems=seen.problems,
                depends_on=self._dependence.of(attempt.id),
                awaited=self._dependence.arrived(step, self.execution),
                names=self._names(attempt),
                variables=self._variables(attempt),
            )
        )
        if attempt.performer is Performer.TIMER and seen.outcome.succeeds:
            self._timed[attempt.id] = seen.outcome
            return replace(attempt, ends_at=self.now + timedelta(seconds=seen.seconds))
        hangs = seen.outcome.ending in (Ending.TIMEOUT, Ending.LOST)
        at = None if hangs else self.now + timedelta(seconds=seen.seconds)
        self._endings[attempt.id] = _Ending(at=at, outcome=seen.outcome)
        return attempt

    def _fill(self, attempt: Attempt, step: Step) -> Filled:
        names = self._names(None)() if step.has_expressions else {}
        return filling.fill(step, names, self._variables(attempt)(), include=self.stage.include, asked=self.asked)

    def _hear_if_lost(self, attempt: Attempt) -> None:
        ending = self._endings.get(attempt.id)
        if ending is not None and ending.outcome.ending is Ending.LOST:
            self._apply(AttemptHeard(attempt_id=attempt.id, at=self.now))

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        match outcome.ending:
            case Ending.SUCCESS | Ending.APPROVED:
                self._succeed(attempt, outcome)
            case Ending.REJECTED:
                error = outcome.error or "rejected"
                self._finish(attempt, AttemptStatus.FAILED, failure=Failure.REJECTED, error=error)
            case Ending.SKIP:
                self._finish(attempt, AttemptStatus.SKIPPED)
            case _:
                self._fail(attempt, outcome.error or "it is taken to fail", outcome)

    def _succeed(self, attempt: Attempt, outcome: Outcome) -> None:
        if attempt.action == "node.state":
            error = self._move_to_named(attempt)
            if error is not None and self.stage.strict:
                self._fail(attempt, error, outcome)
                return
        self._finish(attempt, AttemptStatus.SUCCEEDED, output=outcome.output, exit_code=outcome.exit_code)

    def _move_to_named(self, attempt: Attempt) -> str | None:
        state = self._filled[attempt.id].complete.get("state")
        return self._move(NodeState(state), attempt.id) if state in set(NodeState) else None

    def _fail(self, attempt: Attempt, error: str, outcome: Outcome) -> None:
        self._finish(
            attempt,
            AttemptStatus.FAILED,
            failure=Failure.FAILED,
            error=error,
            output=outcome.output,
            exit_code=outcome.exit_code,
        )

    def _finish(self, attempt: Attempt, status: AttemptStatus, **details: Any) -> None:
        self._endings.pop(attempt.id, None)
        self._apply(AttemptFinished(attempt_id=attempt.id, at=self.now, status=status, **details))

    def _settle(self, attempt: Attempt, step: Step) -> None:
        routes: tuple[str, ...] | None = ()
        try:
            if attempt.status not in FAILURES and step.next_state is not None:
                error = self._move(step.next_state, attempt.id)
                if error is not None and self.stage.strict:
                    raise Conflict(error)
            routes = self._decide(attempt, step)
            if routes is None:
                self._give_up(attempt, step)
        except PureBootError as error:
            self._apply(ExecutionFailing(error=f"after step {step.name}: {error}"))
        self._apply(AttemptSettled(attempt_id=attempt.id, routes=routes or ()))

    def _give_up(self, attempt: Attempt, step: Step) -> None:
        error = f"step {step.name} failed: {attempt.error or attempt.status}"
        if self.execution.rolling_back:
            return
        self._apply(RollbackBegun(error=error) if step.on_failure == ROLLBACK else ExecutionFailing(error=error))

    def _decide(self, attempt: Attempt, step: Step) -> tuple[str, ...] | None:
        """The steps that follow, and what was decided by. An edge that nobody can judge yet counts as one that holds.

        Raises:
            Invalid: a condition has no value, in earnest.
        """
        names = self._names(attempt)() if step.has_conditions else {}
        back = None if self.stage.strict else self.workflow.graph.back.get(step.key, ())
        routes, choices = judging.decide(step, attempt, names, self.asked, back)
        self._dependence.doubt(attempt.id, choices)
        self.decided.append(Decided(attempt_id=attempt.id, choices=choices))
        return routes

    def _move(self, goal: NodeState, attempt_id: str | None) -> str | None:
        """Move the node, over the states of an installation that lie between; gives what forbids it."""
        if self.node is None:
            return None if self.stage.unknown_node else f"the execution has no node that could become {goal}"
        before = self.node
        try:
            self.node = _moved(before, goal, self.now, self.stage.max_attempts)
        except Conflict as refusal:
            self.moved.append(Moved(attempt_id=attempt_id, goal=goal, states=(before.state,), error=str(refusal)))
            return str(refusal)
        states = (before.state, *(nodes.way(before.state, goal) or ()))
        self.moved.append(Moved(attempt_id=attempt_id, goal=goal, states=states))
        return None

    def _finish_all(self, status: ExecutionStatus, error: str | None) -> None:
        output: Mapping[str, Any] = {}
        if status is ExecutionStatus.SUCCEEDED and self.workflow.output:
            self.asked.take()
            try:
                output = expressions.values(self.workflow.output, self._names(None)(), "output")
            except Invalid as wrong:
                if not self.asked.take():
                    status, error = ExecutionStatus.FAILED, f"the output cannot be made: {wrong}"
        self._apply(ExecutionFinished(at=self.now, status=status, error=error, output=output))
        installs = status is ExecutionStatus.FAILED and self.workflow.installs
        if installs and self.node is not None and self.node.state is NodeState.INSTALLING:
            reason = self.execution.error or "the execution failed"
            self.node = nodes.fail_install(self.node, reason, now=self.now, max_attempts=self.stage.max_attempts)

    def _names(self, attempt: Attempt | None) -> Callable[[], dict[str, object]]:
        """What gives the names of expressions as they are now."""
        now = (self.stage, self.execution, self.node, attempt)
        return lambda: scene.names(*now, still_open=self._open, asked=self.asked)

    def _variables(self, attempt: Attempt) -> Callable[[], rendering.Scopes]:
        """What gives the namespaces of `${…}` as they are now."""
        now = (self.stage, self.execution, self.node, attempt)
        return lambda: scene.variables(*now, asked=self.asked)


def _moved(node: Node, goal: NodeState, now: datetime, max_attempts: int) -> Node:
    for hop in nodes.hops(node, goal):
        node = nodes.transition(node, hop, now=now, max_attempts=max_attempts)
    return node
