"""What should happen next to an execution.

`plan` looks at the workflow, the execution and the clock, never at what has just happened. So planning again after a
crash gives the same commands, and planning a settled execution gives none: whoever carries commands out plans until
there are none.

Edges: a step is ready when its incoming branches have arrived (`join: all` waits for those that still can, `any`
for the first, a number for so many). A branch that can no longer arrive does not block: a step to which not enough
branches can arrive is skipped, and so on behind it (dead-path elimination).

Loops: an edge that leads back begins a new round (`rounds`). Before it does, all that its target leads to comes to its
end, so that what runs does not depend on who is faster. What a step that goes back does not lead to is open until
then: its next round may still lead there.
"""

from datetime import datetime, timedelta
from sys import maxsize

from engine.core.commands import (
    Begin,
    Command,
    Complete,
    Expire,
    Fail,
    Finish,
    Launch,
    Settle,
    Skip,
    Withdraw,
    again,
)
from engine.core.executions import FAILURES, Attempt, AttemptStatus, Execution, ExecutionStatus, Failure
from engine.core.grace import NO_GRACE, Grace
from engine.core.graph import Graph
from engine.core.rollback import given_up, roll_back
from engine.core.rounds import Survey, is_final, standing, survey, visits
from engine.core.workflows import MAX_VISITS, Join, Step, Workflow

__all__ = [
    "Begin",
    "Command",
    "Complete",
    "Expire",
    "Fail",
    "Finish",
    "Launch",
    "Settle",
    "Skip",
    "Withdraw",
    "next_due",
    "plan",
    "progress",
    "silence",
    "standing",
]


def plan(workflow: Workflow, execution: Execution, now: datetime, grace: Grace = NO_GRACE) -> tuple[Command, ...]:
    """The commands that are due, in the order in which to carry them out; none when the execution has to wait or has
    ended. A paused execution only lets what runs come to its end.
    """
    status = execution.status
    if status is not ExecutionStatus.RUNNING and status is not ExecutionStatus.PAUSED:
        return ()
    seen = survey(workflow, execution)
    if status is ExecutionStatus.PAUSED:
        ended = _completed(seen, now) or _expired(workflow, seen, now, grace)
        return ended if ended or execution.failing else _unsettled(workflow, execution, seen)
    if execution.failing:
        return _give_up(workflow, execution, seen)
    if execution.deadline_at is not None and now >= grace.held(execution.deadline_at):
        return (Fail(error="the execution took longer than its timeout"),)
    onward = roll_back if execution.rolling_back else _onward
    return (
        _completed(seen, now)
        or _expired(workflow, seen, now, grace)
        or _unsettled(workflow, execution, seen)
        or onward(workflow, execution, seen, now)
    )


def _give_up(workflow: Workflow, execution: Execution, seen: Survey) -> tuple[Command, ...]:
    still_open = tuple(Withdraw(attempt=attempt) for attempt in (*seen.running, *seen.waiting))
    if still_open:
        return still_open
    return (given_up(workflow, execution) if execution.rolling_back else Finish(status=ExecutionStatus.FAILED),)


def _completed(seen: Survey, now: datetime) -> tuple[Command, ...]:
    return tuple([Complete(attempt=each) for each in seen.running if each.ends_at is not None and each.ends_at <= now])


def _expired(workflow: Workflow, seen: Survey, now: datetime, grace: Grace) -> tuple[Command, ...]:
    found: list[Command] = []
    for attempt in seen.running:
        silent_at = silence(workflow.by_key[attempt.step_key], attempt, grace)
        if attempt.deadline_at is not None and now >= grace.held(attempt.deadline_at):
            error = "took longer than its timeout"
            found.append(Expire(attempt=attempt, error=error, failure=Failure.TIMEOUT))
        elif silent_at is not None and now >= silent_at:
            error = "nothing was heard for longer than its heartbeat"
            found.append(Expire(attempt=attempt, error=error, failure=Failure.LOST))
    return tuple(found)


def silence(step: Step, attempt: Attempt, grace: Grace = NO_GRACE) -> datetime | None:
    """When an attempt that is not heard of again counts as lost. The clock starts with the first sign of life."""
    if step.heartbeat_seconds is None or attempt.heard_at is None:
        return None
    return grace.held(grace.heard(attempt.heard_at) + timedelta(seconds=step.heartbeat_seconds))


def _unsettled(workflow: Workflow, execution: Execution, seen: Survey) -> tuple[Command, ...]:
    ended = [each for each in seen.standing.values() if each.routes is None and not each.is_open]
    if execution.rolling_back:  # an undo leads nowhere, but it may move the node
        undos = [each for each in execution.attempts if each.undoes and each.status is AttemptStatus.SUCCEEDED]
        ended += [each for each in undos if each.routes is None]
    if not ended:
        return ()
    steps = workflow.by_key
    settled = [each for each in ended if is_final(steps[each.step_key], each)]
    return tuple([Settle(attempt=each, step=steps[each.step_key]) for each in settled])


def _onward(workflow: Workflow, execution: Execution, seen: Survey, now: datetime) -> tuple[Command, ...]:
    if seen.dropped:
        return tuple(Withdraw(attempt=attempt) for attempt in seen.dropped)
    commands = _moves(workflow, execution, seen, now)
    if workflow.max_parallel is not None:
        room = _room(workflow, len(seen.running))
        if room <= 0 or commands:
            return _fitting(commands, room)
    return tuple(commands) or _back(workflow, execution, seen)


def _moves(workflow: Workflow, execution: Execution, seen: Survey, now: datetime) -> list[Command]:
    """What is due at the steps, in their order."""
    graph = workflow.graph
    standing = seen.standing
    ahead = set(graph.order[:1])  # to what branches may have arrived: all else cannot be decided yet
    skipped: set[str] = set()
    commands: list[Command] = []
    for key in graph.order:
        attempt = standing.get(key)
        command: Command | None = None
        if attempt is None:
            if key in ahead:
                command = _first(workflow, execution, seen, workflow.by_key[key], skipped)
        elif attempt.routes is None:
            command = _further(seen, workflow.by_key[key], attempt, now)
        else:
            ahead.update(graph.forward[key])
        if command is None:
            continue
        if isinstance(command, Fail):
            return [command]
        if isinstance(command, Skip):
            skipped.add(key)
            ahead.update(graph.forward[key])
        commands.append(command)
    return commands


def _fitting(commands: list[Command], room: int) -> tuple[Command, ...]:
    """Those of the commands that need no room, and as many of the others as there is room for."""
    fitting: list[Command] = []
    for command in commands:
        if _begins(command):
            room -= 1
            if room < 0:
                continue
        fitting.append(command)
    return tuple(fitting)


def _begins(command: Command) -> bool:
    """Whether an attempt runs from then on."""
    return isinstance(command, Launch) or (isinstance(command, Begin) and command.due is None)


def _room(workflow: Workflow, running: int) -> int:
    """How many attempts may begin beside those that run."""
    return maxsize if workflow.max_parallel is None else workflow.max_parallel - running


def _further(seen: Survey, step: Step, attempt: Attempt, now: datetime) -> Command | None:
    if attempt.status is AttemptStatus.RETRYING:
        return Launch(attempt=attempt, step=step) if attempt.due_at is None or attempt.due_at <= now else None
    if attempt.status in FAILURES:
        return again(step, attempt, seen.number(step.key), now)
    if attempt.status is AttemptStatus.CANCELLED:  # withdrawn when the execution ended, which was reopened since
        return Begin(step=step, number=seen.number(step.key), visit=attempt.visit, tries=attempt.tries)
    return None


def _first(
    workflow: Workflow, execution: Execution, seen: Survey, step: Step, skipped: set[str]
) -> Begin | Skip | Fail | None:
    arrived, possible = _branches(workflow.graph, seen, step, skipped)
    if step.key == workflow.graph.order[0] or _is_ready(step.join, arrived, possible):
        return _visit(execution, seen, step)
    if possible < (step.join if isinstance(step.join, int) else 1):
        return Skip(step=step, number=seen.number(step.key), visit=visits(execution, step.key) + 1)
    return None


def _branches(graph: Graph, seen: Survey, step: Step, skipped: set[str]) -> tuple[int, int]:
    """How many branches have arrived at a step, and how many have or still can."""
    arrived = undecided = 0
    for source in graph.incoming[step.key]:
        attempt = seen.standing.get(source)
        if attempt is None:
            undecided += source not in skipped
        elif attempt.routes is None or (step.key not in attempt.routes and _goes_back(graph, attempt)):
            undecided += 1
        else:
            arrived += step.key in attempt.routes
    return arrived, arrived + undecided


def _goes_back(graph: Graph, attempt: Attempt) -> bool:
    back = graph.back.get(attempt.step_key)
    return back is not None and any(to in back for to in attempt.routes or ())


def _is_ready(join: Join | int, arrived: int, possible: int) -> bool:
    if join is Join.ALL:
        return 0 < arrived == possible
    return arrived >= (1 if join is Join.ANY else int(join))


def _visit(execution: Execution, seen: Survey, step: Step, *, entry: bool = False) -> Begin | Fail:
    number = seen.number(step.key)
    run = visits(execution, step.key) if number > 1 else 0
    if run >= (step.max_visits or MAX_VISITS):
        return Fail(error=f"step {step.name} was run {run} times, which is its max_visits: the loop does not end")
    return Begin(step=step, number=number, visit=run + 1, entry=entry)


def _back(workflow: Workflow, execution: Execution, seen: Survey) -> tuple[Command, ...]:
    """Begin the next round of a loop; without any, and with nothing open, the execution has succeeded.

    The outermost loop goes first: an inner one would wipe out the attempt that asks for it, and is run anew anyway.
    """
    if not workflow.graph.back:
        return () if seen.running or seen.waiting else (Finish(status=ExecutionStatus.SUCCEEDED),)
    graph = workflow.graph
    wanted = sorted(
        (graph.index[to], source)
        for source, targets in graph.back.items()
        for to in targets
        if source in seen.standing and to in (seen.standing[source].routes or ())
    )
    busy = {attempt.step_key for attempt in (*seen.running, *seen.waiting)}
    for place, _source in wanted:
        reach = graph.reach(graph.order[place])
        outer = (other for above, other in wanted if above < place)
        if busy.isdisjoint(reach) and reach.isdisjoint(outer):
            return (_visit(execution, seen, workflow.by_key[graph.order[place]], entry=True),)
    return () if busy or wanted else (Finish(status=ExecutionStatus.SUCCEEDED),)


def next_due(workflow: Workflow, execution: Execution, grace: Grace = NO_GRACE) -> datetime | None:
    """When an execution has to be planned again although nothing happens; None if only a report can move it."""
    is_paused = execution.status is ExecutionStatus.PAUSED
    if execution.status is not ExecutionStatus.RUNNING and not is_paused:
        return None
    moments: list[datetime | None] = []
    waiting: list[datetime | None] = []
    running = 0
    for attempt in execution.attempts:
        if attempt.status is AttemptStatus.RETRYING:
            waiting.append(attempt.due_at)
        elif attempt.status is AttemptStatus.RUNNING:
            running += 1
            deadline = attempt.deadline_at and grace.held(attempt.deadline_at)
            moments += [attempt.ends_at, deadline, silence(workflow.by_key[attempt.step_key], attempt, grace)]
    if not is_paused:
        moments.append(execution.deadline_at and grace.held(execution.deadline_at))
        if _room(workflow, running) > 0:  # without room a retry waits for an attempt to end, not for a time
            moments += waiting
    return min((moment for moment in moments if moment is not None), default=None)


def progress(workflow: Workflow, execution: Execution) -> int:
    """How far an execution is, in whole percent of its steps; 100 only when it has ended well. A loop or a person who
    lets steps run anew takes it back, and a rollback leaves it where it was.
    """
    if execution.status is ExecutionStatus.SUCCEEDED:
        return 100
    steps = workflow.reachable
    done = 0.0
    for key, attempt in survey(workflow, execution).standing.items():
        if attempt.routes is not None or is_final(workflow.by_key[key], attempt):
            done += 1
        elif attempt.progress_percent:
            done += attempt.progress_percent / 100
    return min(99, int(100 * done / len(steps))) if steps else 0
