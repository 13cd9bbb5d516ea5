"""Moving nodes: the one place where a node's state and its row in the state log are made together."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core import nodes as core
from engine.core.events import Kind, NewEvent
from engine.core.nodes import Node, NodeState, TriggeredBy


class Move:
    """Who moves a node, why and when; each move gives the changed node and its rows."""

    def __init__(
        self,
        *,
        now: datetime,
        max_attempts: int,
        triggered_by: TriggeredBy,
        principal: str,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        execution_id: str | None = None,
        step_key: str | None = None,
    ) -> None:
        self._now = now
        self._max_attempts = max_attempts
        self._triggered_by = triggered_by
        self._principal = principal
        self._comment = comment
        self._metadata = dict(metadata or {})
        self._execution_id = execution_id
        self._step_key = step_key

    def to(self, node: Node, state: NodeState, *, force: bool = False) -> tuple[Node, list[NewEvent]]:
        """Move a node one step.

        Raises:
            Conflict: there is no such way.
        """
        moved = core.transition(node, state, now=self._now, max_attempts=self._max_attempts, force=force)
        return moved, [self._row(node, moved)]

    def along(self, node: Node, goal: NodeState) -> tuple[Node, list[NewEvent]]:
        """Move a node to a state, over those of an installation that lie between; nothing if it is there.

        Raises:
            Conflict: no way leads there.
        """
        rows: list[NewEvent] = []
        for hop in core.hops(node, goal):
            node, more = self.to(node, hop)
            rows += more
        return node, rows

    def fail_install(self, node: Node, error: str) -> tuple[Node, list[NewEvent]]:
        """Count a failed install; the last one allowed moves the node.

        Raises:
            Conflict: the node is not installing.
        """
        counted = core.fail_install(node, error, now=self._now, max_attempts=self._max_attempts)
        data = {"error": error, "install_attempts": counted.install_attempts, "max_attempts": self._max_attempts}
        rows = [self._event(Kind.NODE_INSTALL_COUNTED, node, data)]
        if counted.state is not node.state:
            self._metadata |= {"error": error}
            rows.append(self._row(node, counted))
        return counted, rows

    def _row(self, before: Node, after: Node) -> NewEvent:
        data = {
            "from_state": before.state,
            "to_state": after.state,
            "triggered_by": self._triggered_by,
            "comment": self._comment,
            "metadata": self._metadata,
        }
        return self._event(Kind.NODE_STATE_CHANGED, before, data)

    def _event(self, kind: Kind, node: Node, data: Mapping[str, Any]) -> NewEvent:
        return NewEvent(
            kind=kind,
            at=self._now,
            principal=self._principal,
            node_id=node.id,
            execution_id=self._execution_id,
            step_key=self._step_key,
            data=data,
        )
