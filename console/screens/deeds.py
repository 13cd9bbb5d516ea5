"""What can be done to nodes and executions from several screens: the questions asked first, and the calls after."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.screens.confirm import Confirm
from console.screens.move import Move, MoveScreen
from console.screens.run import RunScreen, Start
from console.view import forms, labels
from engine.core.executions import Execution
from engine.core.nodes import TRANSITIONS, Node, NodeState
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import PureBootApp
    from engine.app import PureBoot


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one call for each of several nodes: names that went well, and what was said of the others."""

    done: Sequence[str]
    refused: Sequence[str]


async def for_each(named: Mapping[str, str], call: Callable[[str], Awaitable[object]]) -> Outcome:
    """Call for each id, one after the other; one that is refused does not stop the rest."""
    done: list[str] = []
    refused: list[str] = []
    for each, name in named.items():
        try:
            await call(each)
        except PureBootError as error:
            refused.append(str(error))
        else:
            done.append(name)
    return Outcome(done=done, refused=refused)


def _report(app: "PureBootApp", did: str) -> Callable[[Outcome], str]:
    def text(outcome: Outcome) -> str:
        for refusal in outcome.refused:
            app.complain(refusal)
        return f"{did} {labels.names(outcome.done)}" if outcome.done else ""

    return text


def _nodes(app: "PureBootApp", node_ids: Sequence[str]) -> list[Node]:
    return [app.model.nodes[each] for each in node_ids if each in app.model.nodes]


def run_on(app: "PureBootApp", node_ids: Sequence[str], workflow: str | None = None) -> None:
    """Ask which workflow to run on these nodes, and start it."""
    nodes = _nodes(app, node_ids)
    if not nodes:
        app.complain("there is no node here to run a workflow on; a machine that boots from the network appears here")
        return
    if (held := forms.none_free(nodes, _newest(app, nodes))) is not None:
        app.complain(held)
        return

    def start(chosen: Start | None) -> None:
        if chosen is None:
            return

        async def work(pureboot: "PureBoot") -> Outcome:
            return await for_each(
                {node.id: node.name for node in nodes},
                lambda node_id: pureboot.executions.start(
                    chosen.workflow_id,
                    by=app.user,
                    node=node_id,
                    params=chosen.params,
                    request_id=f"{chosen.request_id}:{node_id}",
                ),
            )

        app.perform(work, done=_report(app, f"{chosen.name} was started on"))

    app.push_screen(RunScreen(nodes, preferred=workflow or _proposed(app, nodes)), start)


def _newest(app: "PureBootApp", nodes: Sequence[Node]) -> dict[str, Execution]:
    """The newest execution of each of these nodes that has one."""
    found = {node.id: app.model.execution_of(node.id) for node in nodes}
    return {node_id: execution for node_id, execution in found.items() if execution is not None}


def _proposed(app: "PureBootApp", nodes: Sequence[Node]) -> str | None:
    """The workflow the nodes are set to, or their group; None where they differ."""
    groups = {node.id: app.model.group_of(node) for node in nodes}
    wanted = {node.workflow_id or (group.workflow_id if (group := groups[node.id]) else None) for node in nodes}
    return wanted.pop() if len(wanted) == 1 else None


def move(app: "PureBootApp", node_ids: Sequence[str]) -> None:
    """Ask where to move these nodes, and move them."""
    nodes = _nodes(app, node_ids)
    ways = next_states(nodes)
    if not nodes:
        app.complain("there is no node here to move to another state")
        return
    if not ways:
        app.complain(_no_way(nodes))
        return

    def go(chosen: Move | None) -> None:
        if chosen is None:
            return

        async def work(pureboot: "PureBoot") -> Outcome:
            return await for_each(
                {node.id: node.name for node in nodes},
                lambda node_id: pureboot.nodes.move(
                    node_id, chosen.state, by=app.user, comment=chosen.comment or None, force=chosen.force
                ),
            )

        app.perform(work, done=_report(app, f"now {labels.words(chosen.state)}:"))

    limit = app.pureboot.settings.install.max_attempts
    live = [each for each in _newest(app, nodes).values() if not each.ended]
    app.push_screen(MoveScreen(nodes, ways, live=live, max_attempts=limit), go)


def next_states(nodes: Sequence[Node]) -> list[NodeState]:
    """The states that every one of the nodes can be moved to."""
    if not nodes:
        return []
    return [state for state in TRANSITIONS[nodes[0].state] if all(state in TRANSITIONS[node.state] for node in nodes)]


def _no_way(nodes: Sequence[Node]) -> str:
    states = sorted({labels.words(node.state) for node in nodes})
    if len(states) == 1:
        return f"{labels.names([node.name for node in nodes])}: {states[0]} is the end, no other state follows it"
    return f"the marked nodes are {' and '.join(states)}: there is no state that all of them can be moved to"


def cancel(app: "PureBootApp", executions: Sequence[Execution]) -> None:
    """Ask whether to cancel these executions, and cancel them."""
    live = [execution for execution in executions if not execution.ended]
    if not live:
        app.complain("nothing runs here that could be cancelled")
        return

    def go(sure: bool | None) -> None:
        if not sure:
            return

        async def work(pureboot: "PureBoot") -> Outcome:
            return await for_each(
                {each.id: label(app, each) for each in live},
                lambda execution_id: pureboot.executions.cancel(execution_id, by=app.user),
            )

        app.perform(work, done=_report(app, "cancelled:"))

    one = len(live) == 1
    question = Confirm(
        f"Cancel {label(app, live[0])}?" if one else f"Cancel {len(live)} executions?",
        [
            *([] if one else [*listed([label(app, each) for each in live]), ""]),
            *([_progress(live[0])] if one else []),
            "It stops at once. What the machine has done is not undone."
            if one
            else "They stop at once. What the machines have done is not undone.",
        ],
        yes="cancel it" if one else "cancel them",
        no="let it run" if one else "let them run",
    )
    app.push_screen(question, go)


MOST_LISTED = 10


def listed(names: Sequence[str]) -> list[str]:
    """Names one below the other; of very many, how many more there are."""
    shown = [f"  {name}" for name in names[:MOST_LISTED]]
    return shown if len(names) <= MOST_LISTED else [*shown, f"  and {len(names) - MOST_LISTED} more"]


def label(app: "PureBootApp", execution: Execution) -> str:
    """What people call an execution: its workflow, and its node."""
    node = app.model.node_of(execution)
    return f"{execution.workflow_name} on {labels.safe(node.name)}" if node else execution.workflow_name


def _progress(execution: Execution) -> str:
    steps = labels.names([attempt.step_name for attempt in execution.attempts if attempt.is_open])
    return f"It is at {labels.safe(steps) or 'its beginning'}, {execution.progress_percent}% done."
