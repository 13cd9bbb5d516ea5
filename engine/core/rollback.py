"""How an execution that cannot succeed takes back what it has done.

What runs is let come to its end, what waits is withdrawn. Then every step that succeeded and says what undoes it is
undone, one at a time, the one that finished last first, each run of it anew where a loop ran it several times. An undo
is retried as its own step says; one that fails for good stops the rollback, for what lies before may rest on it.
"""

from datetime import datetime

from engine.core.commands import Begin, Command, Finish, Launch, Withdraw, again
from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus
from engine.core.rounds import Survey, is_retried
from engine.core.workflows import Step, Workflow

_UNDONE = (AttemptStatus.SUCCEEDED, AttemptStatus.SKIPPED)


def roll_back(workflow: Workflow, execution: Execution, survey: Survey, now: datetime) -> tuple[Command, ...]:
    """The commands that are due in a rollback."""
    withdrawn = tuple(Withdraw(attempt=attempt) for attempt in survey.waiting if attempt.undoes is None)
    if withdrawn:
        return withdrawn
    if any(attempt.undoes is None for attempt in survey.running):
        return ()
    undone, left = _split(workflow, execution)
    if not left:
        done = f"rolled back: {_names(undone)}" if undone else "there was nothing to undo"
        return (_finish(execution, done),)
    attempt = left[0]
    step = _undoing(workflow, attempt)
    last = _undos(execution).get(attempt.id)
    if last is None or last.status is AttemptStatus.CANCELLED:
        return (_begin(survey, step, attempt),)
    if last.status is AttemptStatus.RUNNING:
        return ()
    if last.status is AttemptStatus.RETRYING:
        return (Launch(attempt=last, step=step),) if last.due_at is None or last.due_at <= now else ()
    if is_retried(step, last):
        return (again(step, last, survey.number(step.key), now),)
    stopped = f"the rollback stopped: undoing {attempt.step_name} failed: {last.error or last.status}"
    return (_finish(execution, stopped, *_account(undone, left)),)


def given_up(workflow: Workflow, execution: Execution) -> Finish:
    """The end of an execution that has to stop in the midst of a rollback."""
    return _finish(execution, "the rollback was given up", *_account(*_split(workflow, execution)))


def _begin(survey: Survey, step: Step, attempt: Attempt) -> Begin:
    last = survey.newest.get(step.key)
    visit = 1 if last is None else last.visit + 1
    return Begin(step=step, number=survey.number(step.key), visit=visit, undoes=attempt.id)


def _finish(execution: Execution, *words: str) -> Finish:
    error = "; ".join(text for text in (execution.error, *words) if text)
    return Finish(status=ExecutionStatus.FAILED, error=error)


def _account(undone: list[Attempt], left: list[Attempt]) -> tuple[str, str]:
    return f"undone: {_names(undone)}" if undone else "", f"not undone: {_names(left)}" if left else ""


def _names(attempts: list[Attempt]) -> str:
    return ", ".join(attempt.step_name for attempt in attempts)


def _undos(execution: Execution) -> dict[str, Attempt]:
    """The newest attempt to undo each attempt, by the id of the latter."""
    return {attempt.undoes: attempt for attempt in execution.attempts if attempt.undoes is not None}


def _split(workflow: Workflow, execution: Execution) -> tuple[list[Attempt], list[Attempt]]:
    """The attempts that are undone and those that are still to be, in the order of undoing."""
    undos = _undos(execution)
    undone: list[Attempt] = []
    left: list[Attempt] = []
    for attempt in _done(workflow, execution):
        undo = undos.get(attempt.id)
        (undone if undo is not None and undo.status in _UNDONE else left).append(attempt)
    return undone, left


def _done(workflow: Workflow, execution: Execution) -> list[Attempt]:
    """What succeeded and can be undone, newest first; of what finished at the same moment, what was begun last."""
    done = [
        (attempt.completed_at or attempt.created_at, at)
        for at, attempt in enumerate(execution.attempts)
        if attempt.status is AttemptStatus.SUCCEEDED
        and attempt.undoes is None
        and workflow.by_key[attempt.step_key].rollback in workflow.by_key
    ]
    return [execution.attempts[at] for _, at in sorted(done, reverse=True)]


def _undoing(workflow: Workflow, attempt: Attempt) -> Step:
    return workflow.by_key[str(workflow.by_key[attempt.step_key].rollback)]
