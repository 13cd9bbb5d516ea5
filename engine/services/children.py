"""Executions that a step of another execution starts (`core.workflow`): their beginning and their end.

The start is part of the transaction that begins the parent's attempt, so it happens once; the end is reported to the
parent in the transaction in which the child ends. A parent that no longer wants its attempt cancels the child.
"""

from collections.abc import Sequence

from engine.core.executions import Attempt, AttemptStatus, Execution, ExecutionStatus, Performer
from engine.errors import Conflict, PureBootError
from engine.services.resolving import resolved
from engine.services.runs import Run
from engine.store import executions
from engine.store.tx import Tx


def start(run: Run, attempt: Attempt) -> None:
    """Start the workflow that a parent's attempt names; what forbids it lets the attempt fail."""
    from engine.services import starts  # it stands on the module of runs, as this one does

    try:
        parameters = run.context.actions[attempt.action].complete(resolved(run.tx, run, attempt))
        deepest = run.context.settings.engine.max_depth
        if run.execution.depth + 1 > deepest:
            raise Conflict(
                f"workflows start workflows more than {deepest} deep (engine.max_depth); do they start each other?"
            )
        child = starts.start(
            run.context,
            run.tx,
            starts.Start(
                workflow=parameters.workflow,
                node=parameters.node or run.execution.node_id,
                params=parameters.params,
                trigger="workflow",
                request_id=f"attempt:{attempt.idempotency_key}",
                parent=run.execution,
                parent_attempt=attempt if parameters.wait else None,
            ),
            by=run.execution.principal,
        )
    except PureBootError as error:
        run.finish(attempt, AttemptStatus.FAILED, error=f"the workflow cannot be started: {error}")
        return
    if not parameters.wait:
        output = {"execution_id": child.id, "status": child.status.value}
        message = f"started {child.workflow_name} {child.workflow_version}"
        run.finish(attempt, AttemptStatus.SUCCEEDED, output=output, message=message)
    elif child.ended:
        _report(run, attempt, child)


def _report(run: Run, attempt: Attempt, child: Execution) -> None:
    output = {**child.output, "execution_id": child.id, "status": child.status.value}
    if child.status is ExecutionStatus.SUCCEEDED:
        run.finish(attempt, AttemptStatus.SUCCEEDED, output=output, message=f"{child.workflow_name} succeeded")
    else:
        error = f"{child.workflow_name} {child.status}: {child.error or 'no reason is known'}"
        run.finish(attempt, AttemptStatus.FAILED, output=output, error=error)


def follow(run: Run, dropped: Sequence[Attempt], *, is_over: bool) -> None:
    """After a run was saved: cancel what was started for attempts that are no longer wanted, and tell the parent."""
    for attempt in dropped:
        if attempt.performer is Performer.WORKFLOW:
            _cancel(run, attempt)
    if is_over and run.execution.parent_id is not None and run.execution.parent_attempt_id is not None:
        _tell_parent(run, run.execution.parent_id, run.execution.parent_attempt_id)


def _cancel(run: Run, attempt: Attempt) -> None:
    for child in executions.children(run.tx, run.execution.id):
        if child.parent_attempt_id == attempt.id and not child.ended:
            below = Run.load(run.context, run.tx, child, principal=run.principal)
            below.cancel(f"the step {attempt.step_name} of {run.execution.workflow_name} that started it is over")
            below.save()


def _tell_parent(run: Run, parent_id: str, attempt_id: str) -> None:
    known = run.tx.open_runs.get(parent_id)
    if known is not None:
        return  # it is just starting this child, and looks itself
    parent = executions.get(run.tx, parent_id)
    attempt = next((each for each in parent.attempts if each.id == attempt_id), None)
    if parent.ended or attempt is None or attempt.status is not AttemptStatus.RUNNING:
        return
    above = Run.load(run.context, run.tx, parent, principal=run.principal)
    _report(above, attempt, run.execution)
    above.advance()
    above.save()


def live_on(tx: Tx, node_id: str) -> Execution | None:
    """The execution that a node is to be told of: the live one on it, or of those that it waits for the one that has
    something for the node.
    """
    found = executions.live_on(tx, node_id)
    return None if found is None else for_node(tx, found)


def for_node(tx: Tx, execution: Execution) -> Execution:
    """Of an execution and those it waits for the one with something for its node; else itself."""
    awaited = {each.id for each in execution.attempts if each.performer is Performer.WORKFLOW and each.is_open}
    if not awaited:
        return execution
    for child in executions.children(tx, execution.id):
        if child.parent_attempt_id in awaited and not child.ended and child.node_id == execution.node_id:
            below = for_node(tx, child)
            if any(each.is_open and each.performer is Performer.NODE for each in below.attempts):
                return below
    return execution
