"""Which attempts of an execution count now.

A step may be tried several times, and it may be run again: by a loop, or because a person wants it. The attempt that
begins such a round is an `entry`: whatever the workflow leads to from its step, and that step itself, is to run anew,
so the older attempts there do not count any more. The newest attempt of a step that counts is its *standing* one.
Attempts that undo another belong to a rollback and are no part of this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, Failure
from engine.core.workflows import Step, Workflow


@dataclass(slots=True, kw_only=True)
class Survey:
    """An execution's attempts, looked through once.

    `newest` is the last attempt of each step, of whatever kind, and `standing` the one that counts. `running` and
    `waiting` are those that are open, `dropped` those of them that count no more because a newer round has begun.
    """

    newest: Mapping[str, Attempt]
    standing: Mapping[str, Attempt]
    running: Sequence[Attempt]
    waiting: Sequence[Attempt]
    dropped: Sequence[Attempt]

    def number(self, step_key: str) -> int:
        """Which number the next attempt of a step has."""
        last = self.newest.get(step_key)
        return 1 if last is None else last.attempt + 1


_last: tuple[Workflow, Sequence[Attempt], Survey] | None = None


def survey(workflow: Workflow, execution: Execution) -> Survey:
    """Look through the attempts, which stand in the order of their creation.

    Planning, counting progress and looking for the next deadline follow each other on the same attempts: the last
    result is kept for that.
    """
    global _last  # noqa: PLW0603 - one value that is replaced whole
    known = _last
    if known is not None and known[0] is workflow and known[1] is execution.attempts:
        return known[2]
    found = _look(workflow, execution)
    _last = (workflow, execution.attempts, found)
    return found


def _look(workflow: Workflow, execution: Execution) -> Survey:
    newest: dict[str, Attempt] = {}
    standing: dict[str, Attempt] = {}
    running: list[Attempt] = []
    waiting: list[Attempt] = []
    dropped: list[Attempt] = []
    for attempt in execution.attempts:
        newest[attempt.step_key] = attempt
        if attempt.status is AttemptStatus.RUNNING:
            running.append(attempt)
        elif attempt.status is AttemptStatus.RETRYING:
            waiting.append(attempt)
        if attempt.undoes is None:
            if attempt.entry:
                reach = workflow.graph.reach(attempt.step_key)
                dropped += [old for key in reach if (old := standing.pop(key, None)) is not None and old.is_open]
            standing[attempt.step_key] = attempt
    return Survey(newest=newest, standing=standing, running=running, waiting=waiting, dropped=dropped)


def standing(workflow: Workflow, execution: Execution) -> dict[str, Attempt]:
    """The attempt of each step that counts now, by the step's key; none for a step that is still to run (again)."""
    return dict(survey(workflow, execution).standing)


def visits(execution: Execution, step_key: str) -> int:
    """How often a step has been run so far, tries of the same run counted once. A step that is skipped is not run."""
    for attempt in reversed(execution.attempts):
        if attempt.step_key == step_key and attempt.undoes is None and attempt.status is not AttemptStatus.SKIPPED:
            return attempt.visit
    return 0


def is_retried(step: Step, attempt: Attempt) -> bool:
    """Whether an attempt that failed is tried again."""
    if attempt.status not in FAILURES or attempt.tries >= step.retry.max_attempts:
        return False
    failure = attempt.failure
    if failure is None:  # from before failures had kinds
        failure = Failure.TIMEOUT if attempt.status is AttemptStatus.TIMED_OUT else Failure.FAILED
    return failure is not Failure.REJECTED and failure in step.retry.retry_on


def is_final(step: Step, attempt: Attempt) -> bool:
    """Whether an attempt has the outcome of its step: nothing is tried again."""
    if attempt.status in FAILURES:
        return not is_retried(step, attempt)
    return attempt.status is AttemptStatus.SUCCEEDED or attempt.status is AttemptStatus.SKIPPED
