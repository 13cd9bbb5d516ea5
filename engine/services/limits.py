"""How many may run at once, and how many may begin within a minute; and whose turn it is.

Three limits, each said to whom it lets wait: a workflow's `concurrency` (so many with the same key at once, whatever
workflow they are of), `engine.max_running`, and `engine.starts_per_minute` (two hundred machines that power on together
trip the breaker of their rack). Only executions that nobody waits for are counted and held: one that another waits for
runs in its parent's place, so that a parent never waits for a place that it holds itself.

The order is fair: of those that wait, each workflow in turn has the one that has waited longest.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.executions import Execution
from engine.core.workflows import Workflow
from engine.services.context import Context
from engine.store import executions
from engine.store.tx import Tx

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why an execution has to wait, and under which key."""

    reason: str
    key: str | None = None


def wait(context: Context, tx: Tx, execution: Execution, workflow: Workflow, key: str | None) -> Wait | None:
    """Why an execution has to wait; None if it may begin now."""
    if execution.parent_id is not None:
        return None
    if workflow.concurrency is not None and key is not None:
        limit = int(workflow.concurrency["limit"])
        taken = executions.count_at_work(tx, key)
        if taken >= limit:
            return Wait(reason=f"a place: {taken} of {limit} run with the key {key!r}", key=key)
        ahead = executions.count_waiting(tx, key, execution.created_at, execution.id)
        if ahead >= limit - taken:
            return Wait(reason=f"its turn: {ahead} wait before it for the key {key!r}", key=key)
    most = context.settings.engine.max_running
    if most:
        running = executions.count_at_work(tx)
        if running >= most:
            return Wait(reason=f"a place: {running} of {most} executions run (engine.max_running)", key=key)
    return _too_fast(context, tx, key)


def _too_fast(context: Context, tx: Tx, key: str | None) -> Wait | None:
    most = context.settings.engine.starts_per_minute
    if not most or executions.count_begun(tx, context.now() - MINUTE) < most:
        return None
    return Wait(reason=f"its turn: {most} begin within a minute (engine.starts_per_minute)", key=key)


def next_turn(context: Context, tx: Tx) -> datetime | None:
    """When those that wait only for `engine.starts_per_minute` may be looked at again; None if nobody does."""
    if not context.settings.engine.starts_per_minute or not executions.is_anyone_waiting(tx):
        return None
    first = executions.first_begun(tx, context.now() - MINUTE)
    return None if first is None else first + MINUTE


def waiting(tx: Tx) -> Iterator[Execution]:
    """Those that wait, in the order in which they are to have their turns."""
    seen: Counter[str] = Counter()
    ranked = []
    for at, (execution_id, workflow_id) in enumerate(executions.waiting(tx)):
        ranked.append((seen[workflow_id], at, execution_id))
        seen[workflow_id] += 1
    for _, _, execution_id in sorted(ranked):
        yield executions.get(tx, execution_id)
