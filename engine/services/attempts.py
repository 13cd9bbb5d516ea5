"""Attempts of a run: how one begins, is handed to who performs it, and what a timer's gives when its time has come."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from engine.clock import growing_id
from engine.core import deferred, scopes
from engine.core.changing import changed
from engine.core.commands import Begin, Skip, blank
from engine.core.executions import Attempt, AttemptStatus, Failure, Performer
from engine.core.facts import AttemptAdded, AttemptStarted
from engine.core.workflows import Step
from engine.errors import Invalid, PureBootError
from engine.services.notices import Task
from engine.services.resolving import completed, resolved
from engine.store import hosts

if TYPE_CHECKING:
    from engine.services.runs import Run


def begin(run: "Run", command: Begin) -> None:
    """Make an attempt, and let it run or wait for its delay."""
    step = command.step
    kept = command.after.config if command.after is not None and not step.retry.rerender else None
    if command.due is not None:
        waiting = _blank(run, step, command.number, command.visit, AttemptStatus.RETRYING)
        run.apply(AttemptAdded(attempt=_placed(waiting, command, config=kept or {}, due_at=command.due)))
        return
    made = _blank(run, step, command.number, command.visit, AttemptStatus.RUNNING)
    made = _placed(made, command, started_at=run.now)
    try:
        config = _config(run, step) if kept is None else kept
        attempt = _ready(run, made, step, config)
    except Invalid as error:
        failed = changed(
            made,
            status=AttemptStatus.FAILED,
            failure=Failure.FAILED,
            error=str(error),
            started_at=run.now,
            completed_at=run.now,
        )
        run.apply(AttemptAdded(attempt=failed))
        return
    run.apply(AttemptAdded(attempt=attempt))
    _hand_out(run, attempt)


def launch(run: "Run", attempt: Attempt, step: Step) -> None:
    """Start an attempt whose delay has passed."""
    try:
        config = _config(run, step) if step.retry.rerender or not attempt.config else attempt.config
        ready = _ready(run, attempt, step, config)
    except Invalid as error:
        run.finish(attempt, AttemptStatus.FAILED, error=str(error))
        return
    run.apply(
        AttemptStarted(
            attempt_id=attempt.id,
            at=run.now,
            deadline_at=ready.deadline_at,
            config=config,
            ends_at=ready.ends_at,
            taken_by=ready.taken_by,
        )
    )
    _hand_out(run, run.execution.find(attempt.id))


def skip(run: "Run", command: Skip) -> None:
    """Note that a step does not run."""
    skipped = _blank(run, command.step, command.number, command.visit, AttemptStatus.SKIPPED)
    run.apply(AttemptAdded(attempt=changed(skipped, completed_at=run.now, routes=())))


def complete(run: "Run", attempt: Attempt) -> None:
    """End a timer's attempt: its time has come."""
    action = run.context.actions.get(attempt.action)
    output = dict(attempt.config)
    message = None
    if action is not None and action.wait is not None:
        try:
            outcome = action.waited(action.complete(resolved(run.tx, run, attempt)))
        except Invalid as error:  # what was there when it began is there no more
            run.finish(attempt, AttemptStatus.FAILED, error=str(error))
            return
        output, message = dict(outcome.output), outcome.message
    run.finish(attempt, AttemptStatus.SUCCEEDED, output=output, message=message)


def task(run: "Run", attempt: Attempt) -> Task:
    """An attempt with everything an engine needs to perform it."""
    step = run.workflow.by_key[attempt.step_key]
    if step.is_plain and attempt.config is step.with_:
        known = run.context.parameters_of(step)
        if known is not None:
            return Task(attempt=attempt, config=step.with_, parameters=known)
    try:
        config, parameters = completed(run.tx, run, attempt)
    except PureBootError as error:
        return Task(attempt=attempt, error=str(error))
    return Task(attempt=attempt, config=config, parameters=parameters)


def _blank(run: "Run", step: Step, number: int, visit: int, status: AttemptStatus) -> Attempt:
    action = run.context.actions.get(step.action)
    performer = action.performer if action else Performer.ENGINE
    return blank(step, growing_id(), run.execution.id, number, visit, status, performer, run.now)


def _placed(attempt: Attempt, command: Begin, **more: Any) -> Attempt:
    return changed(attempt, tries=command.tries, entry=command.entry, undoes=command.undoes, **more)


def _config(run: "Run", step: Step) -> Mapping[str, Any]:
    if not step.has_expressions:
        return step.with_
    return deferred.begin(step, scopes.names(run.around()))


def _ready(run: "Run", attempt: Attempt, step: Step, config: Mapping[str, Any]) -> Attempt:
    """An attempt as it begins: with its deadline, and taken where this process performs it.

    Raises:
        Invalid: a timer's parameters do not fit.
    """
    owner = run.context.host_id if attempt.performer is Performer.ENGINE else None
    if owner is not None and not hosts.is_living(run.tx, owner):
        owner = None  # this process slept past its lease and does not know it yet: somebody else performs it
    ready = changed(
        attempt,
        config=config,
        deadline_at=run.after(step.timeout_seconds),
        taken_by=owner,
        heard_at=None if owner is None else run.now,
    )
    return changed(ready, ends_at=_end(run, ready)) if ready.performer is Performer.TIMER else ready


def _end(run: "Run", attempt: Attempt) -> datetime:
    action = run.context.actions[attempt.action]
    seconds = action.wait(action.complete(resolved(run.tx, run, attempt))) if action.wait else 0.0
    return run.now + timedelta(seconds=seconds)


def _hand_out(run: "Run", attempt: Attempt) -> None:
    """Give an attempt that runs now to whoever of this process performs it."""
    if attempt.performer is Performer.WORKFLOW:
        from engine.services import children  # it stands on the module of runs, which stands on this one

        children.start(run, attempt)
    elif attempt.performer is Performer.ENGINE and attempt.taken_by is not None:
        run.tx.tell(task(run, attempt))
