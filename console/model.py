"""What the console knows of the store: the newest value of each node, group and execution.

It starts from one snapshot and is brought up to date by what the one follower saw; only what changed is read again.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from console.view.execution_rows import ExecutionView
from console.view.rows import NodeView
from console.view.waiting import asking
from engine.core.events import Event, Kind
from engine.core.executions import LIVE, Execution, ExecutionStatus, Performer
from engine.core.groups import Group
from engine.core.nodes import Node, NodeState
from engine.core.page import EVERYTHING

if TYPE_CHECKING:
    from console.pureboot import PureBoot
    from engine.app import Snapshot

# Ended executions beyond this many are forgotten, oldest first; the store still has them.
MAX_ENDED = 2000
# A machine that was heard so lately does not hang; and so many of those that were not are looked at.
SILENCE = timedelta(seconds=30)
MOST_SILENT = 200
# So many events are kept for a screen that is not in front.
MOST_EVENTS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What the one follower saw in one go: events, and the nodes and executions they are about.

    Without events only columns have changed (a last-seen time, a sign of life).
    """

    cursor: int
    events: tuple[Event, ...] = ()
    nodes: frozenset[str] = frozenset()
    executions: frozenset[str] = frozenset()
    kinds: frozenset[Kind] = frozenset()

    def __or__(self, later: "Changes") -> "Changes":
        """Both, as one; of very many events the newest."""
        return Changes(
            cursor=later.cursor,
            events=(self.events + later.events)[-MOST_EVENTS:],
            nodes=self.nodes | later.nodes,
            executions=self.executions | later.executions,
            kinds=self.kinds | later.kinds,
        )

    def touches(self, subject: str) -> bool:
        """Whether there is an event about a subject: `node`, `group`, `template`, `workflow`, `execution` …"""
        return any(kind.startswith(f"{subject}.") for kind in self.kinds)


def changes_of(events: Iterable[Event], cursor: int) -> Changes:
    """What a batch of events is about."""
    listed = tuple(events)
    return Changes(
        cursor=listed[-1].id if listed else cursor,
        events=listed,
        nodes=frozenset(event.node_id for event in listed if event.node_id is not None),
        executions=frozenset(event.execution_id for event in listed if event.execution_id is not None),
        kinds=frozenset(event.kind for event in listed),
    )


class Model:
    """Nodes, groups and executions by id."""

    def __init__(self) -> None:
        self.cursor = 0
        self.nodes: dict[str, Node] = {}
        self.groups: dict[str, Group] = {}
        self.executions: dict[str, Execution] = {}
        self.states: Counter[NodeState] = Counter()
        self.statuses: Counter[ExecutionStatus] = Counter()
        self._newest: dict[str, str] = {}
        self._asking: set[str] = set()
        self.stuck: dict[str, str] = {}
        self.live: set[str] = set()
        self._by_mac: dict[str, str] = {}

    async def load(self, pureboot: "PureBoot") -> None:
        """Begin with everything of one moment.

        Raises:
            Unavailable: the store cannot be read.
        """
        self.take(await pureboot.snapshot())

    def take(self, snapshot: "Snapshot") -> None:
        """Begin with a snapshot."""
        self.cursor = snapshot.cursor
        self.groups = {group.id: group for group in snapshot.groups}
        self.put_nodes(snapshot.nodes)
        self.put_executions(snapshot.executions)

    async def follow(self, pureboot: "PureBoot", changes: Changes) -> None:
        """Read again what changed.

        Raises:
            Unavailable: the store cannot be read.
        """
        if changes.nodes:
            self.put_nodes(await pureboot.nodes_by_ids(set(changes.nodes)))
        if changes.executions:
            self.put_executions(await pureboot.executions_by_ids(set(changes.executions)))
        if changes.touches("group"):
            groups, _ = await pureboot.groups.find(EVERYTHING)
            self.groups = {group.id: group for group in groups}
        self.cursor = changes.cursor

    def put_nodes(self, nodes: Iterable[Node]) -> None:
        """Take newer values of nodes."""
        for node in nodes:
            before = self.nodes.get(node.id)
            if before is not None:
                self.states[before.state] -= 1
            self.states[node.state] += 1
            self.nodes[node.id] = node
            self._by_mac[node.mac_address] = node.id

    def put_executions(self, executions: Iterable[Execution]) -> None:
        """Take newer values of executions."""
        taken = list(executions)
        for execution in taken:
            before = self.executions.get(execution.id)
            if before is not None:
                self.statuses[before.status] -= 1
            self.statuses[execution.status] += 1
            self.executions[execution.id] = execution
            (self.live.discard if execution.ended else self.live.add)(execution.id)
            (self._asking.add if asking(execution) else self._asking.discard)(execution.id)
        for execution in taken:
            self._note_newest(execution)
        self._forget_old()

    def _note_newest(self, execution: Execution) -> None:
        """Note a node's newest; what that itself has started on the node is a part of it."""
        if execution.node_id is None or any(each.node_id == execution.node_id for each in self.above(execution)):
            return
        known = self.executions.get(self._newest.get(execution.node_id, ""))
        if known is None or execution.created_at >= known.created_at:
            self._newest[execution.node_id] = execution.id

    def _forget_old(self) -> None:
        surplus = len(self.executions) - MAX_ENDED - self.running
        if surplus < MAX_ENDED // 10:
            return
        ended = sorted((each for each in self.executions.values() if each.ended), key=lambda each: each.created_at)
        for each in ended[:surplus]:
            del self.executions[each.id]
            self.statuses[each.status] -= 1

    @property
    def running(self) -> int:
        """How many executions have not ended."""
        return sum(self.statuses[status] for status in LIVE)

    @property
    def asking(self) -> int:
        """How many executions wait for a person."""
        return len(self._asking)

    def above(self, execution: Execution) -> tuple[Execution, ...]:
        """What is known of the executions that led to this one being started, the first of all first."""
        found: list[Execution] = []
        above = self.executions.get(execution.parent_id or "")
        while above is not None:
            found.append(above)
            above = self.executions.get(above.parent_id or "")
        return tuple(reversed(found))

    def execution_of(self, node_id: str) -> Execution | None:
        """A node's newest execution, which is the live one if there is one."""
        return self.executions.get(self._newest.get(node_id, ""))

    def executions_of(self, node_id: str) -> list[Execution]:
        """What is known of a node's executions, newest first."""
        found = [each for each in self.executions.values() if each.node_id == node_id]
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    def nodes_of(self, execution_ids: Iterable[str]) -> set[str]:
        """The ids of the nodes that executions are for."""
        found = (self.executions.get(each) for each in execution_ids)
        return {each.node_id for each in found if each is not None and each.node_id is not None}

    def node_view(self, node_id: str) -> NodeView:
        """A node as its row tells it."""
        node = self.nodes[node_id]
        stuck = self.stuck.get(node_id, "")
        return NodeView(node=node, group=self.group_name(node), execution=self.execution_of(node_id), stuck=stuck)

    def silent(self, now: datetime) -> list[tuple[Node, Execution]]:
        """The nodes that may hang: something on the machine is awaited, and it was not heard lately."""
        found = []
        for each in self.live:
            execution = self.executions[each]
            node = self.node_of(execution)
            if node is None or self._newest.get(node.id) != each:
                continue
            if node.last_seen_at and now - node.last_seen_at < SILENCE:
                continue
            if any(each.is_open and each.performer is Performer.NODE for each in execution.attempts):
                found.append((node, execution))
        return found[:MOST_SILENT]

    def execution_view(self, execution_id: str) -> ExecutionView:
        """An execution as its row tells it."""
        execution = self.executions[execution_id]
        node = self.node_of(execution)
        name = node.name if node is not None else ""
        return ExecutionView(execution=execution, node=name, above=self.above(execution))

    def node_of(self, execution: Execution) -> Node | None:
        """The node an execution is for."""
        return self.nodes.get(execution.node_id or "")

    def node_at(self, mac_address: str | None) -> Node | None:
        """The node with a MAC address."""
        return self.nodes.get(self._by_mac.get(mac_address or "", ""))

    def group_of(self, node: Node) -> Group | None:
        """A node's group."""
        return self.groups.get(node.group_id or "")

    def group_name(self, node: Node) -> str:
        """The name of a node's group; empty if it has none."""
        group = self.group_of(node)
        return group.name if group is not None else ""
