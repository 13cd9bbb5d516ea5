"""What can be done to nodes and executions from several screens: the questions asked first, and the calls after."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.screens.confirm import Confirm
from console.screens.menu import ResultScreen
from console.screens.move import Move, MoveScreen
from console.screens.run import RunScreen, Start
from console.view import forms, labels
from engine.core.executions import Execution
from engine.core.nodes import TRANSITIONS, Node, NodeState
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import PureBootApp
    from console.pureboot import PureBoot


# So many calls are under way at once: the writer takes them together, and others are not kept waiting.
AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one call for each of several nodes: names that went well, and of the others names and reasons."""

    done: Sequence[str]
    refused: Sequence[tuple[str, str]]


async def for_each(named: Mapping[str, str], call: Callable[[str], Awaitable[object]]) -> Outcome:
    """Call for each id, some at once; one that is refused does not stop the rest."""
    done: list[str] = []
    refused: list[tuple[str, str]] = []

    async def one(each: str, name: str) -> None:
        try:
            await call(each)
        except PureBootError as error:
            refused.append((name, str(error)))
        else:
            done.append(name)

    listed = list(named.items())
    for at in range(0, len(listed), AT_ONCE):
        await asyncio.gather(*(one(each, name) for each, name in listed[at : at + AT_ONCE]))
    return Outcome(done=done, refused=refused)


def tell(app: "PureBootApp", outcome: Outcome, did: str) -> None:
    """Say what became of it: of one that was refused why, of several in a list of their own; all stays in the log."""
    if outcome.done:
        app.tell(f"{did} {labels.names(outcome.done)}")
    if len(outcome.refused) == 1:
        app.complain(outcome.refused[0][1])
    elif outcome.refused:
        for _, why in outcome.refused:
            app.note(why, severity="error")
        all_ = len(outcome.done) + len(outcome.refused)
        title = f"{len(outcome.refused)} of {all_} were refused"
        app.push_screen(ResultScreen(title, outcome.refused))


def nodes_of(app: "PureBootApp", node_ids: Sequence[str]) -> list[Node]:
    """The nodes with these ids that are known."""
    return [app.model.nodes[each] for each in node_ids if each in app.model.nodes]


def executions_of(app: "PureBootApp", node_ids: Sequence[str]) -> list[Execution]:
    """What runs on these nodes."""
    found = (app.model.execution_of(each) for each in node_ids)
    return [each for each in found if each is not None and not each.ended]


def run_on(app: "PureBootApp", node_ids: Sequence[str], workflow: str | None = None) -> None:
    """Ask which workflow to run on these nodes, and start it."""
    nodes = nodes_of(app, node_ids)
    if not nodes:
        app.complain("there is no node here to run a workflow on; a machine that boots from the network appears here")
        return
    if (held := forms.none_free(nodes, newest_of(app, nodes))) is not None:
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

        app.perform(work, done=lambda outcome: tell(app, outcome, f"{chosen.name} was started on"))

    app.push_screen(RunScreen(nodes, preferred=workflow or _proposed(app, nodes)), start)


def newest_of(app: "PureBootApp", nodes: Sequence[Node]) -> dict[str, Execution]:
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
    nodes = nodes_of(app, node_ids)
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

        app.perform(work, done=lambda outcome: tell(app, outcome, f"now {labels.words(chosen.state)}:"))

    limit = app.pureboot.settings.install.max_attempts
    live = [each for each in newest_of(app, nodes).values() if not each.ended]
    app.push_screen(MoveScreen(nodes, ways, live=live, max_attempts=limit), go)


def next_states(nodes: Sequence[Node]) -> list[NodeState]:
    """The states that one of the nodes at least can be moved to, those that most can be first."""
    counted = Counter(state for node in nodes for state in TRANSITIONS[node.state])
    return [state for state, _ in counted.most_common()]


def _no_way(nodes: Sequence[Node]) -> str:
    return f"{labels.names([node.name for node in nodes])}: retired is the end, no other state follows it"


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

        app.perform(work, done=lambda outcome: tell(app, outcome, "cancelled:"))

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
