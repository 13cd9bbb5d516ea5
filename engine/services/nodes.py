"""What can be done with nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.clock import new_id
from engine.core import edits
from engine.core.documents import DocumentKind
from engine.core.edits import Edit, Edited
from engine.core.events import Kind, NewEvent
from engine.core.nodes import Node, NodeState, StateChange, TriggeredBy, names_another, parse_mac
from engine.core.page import Page
from engine.errors import Conflict, Invalid, Problem
from engine.services.context import Context
from engine.services.moves import Move
from engine.store import documents, events, executions, groups, nodes
from engine.store.tx import Tx

# What a person may set on a node; everything else follows from what happens to it.
SETTABLE = frozenset(
    {
        "hostname",
        "ip_address",
        "vendor",
        "model",
        "serial_number",
        "system_uuid",
        "arch",
        "boot_mode",
        "group_id",
        "metadata",
        "tags",
        "locked",
        "workflow_id",
        "identity_conflict",
    }
)
MAX_TAG = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The hardware that a machine reported, as it reported it, and when."""

    at: datetime
    values: Mapping[str, Any]


class Nodes:
    """Nodes: create, find, change, move, tag. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, mac_address: str, values: Mapping[str, Any] | None = None, *, by: str) -> Node:
        """Make a node known before it has ever asked; it begins as `discovered`.

        Raises:
            Invalid: the MAC address or a value is wrong.
            Conflict: there is a node with this MAC address.
        """
        now = self._context.now()
        blank = Node(
            id=new_id(), mac_address=parse_mac(mac_address), state_changed_at=now, created_at=now, updated_at=now
        )

        def work(tx: Tx) -> Node:
            node = replace(blank, **_checked(tx, blank, values or {}))
            nodes.add(tx, node)
            self._note(tx, Kind.NODE_CREATED, node, by, {"mac_address": node.mac_address, **dict(values or {})})
            return node

        return await self._context.database.write(work)

    async def get(self, reference: str) -> Node:
        """The node with this id, MAC address or hostname.

        Raises:
            NotFound: there is none.
            Conflict: several have this hostname.
        """
        return await self._context.database.read(lambda tx: nodes.get(tx, reference))

    async def find(self, page: Page) -> tuple[list[Node], int]:
        """A page of the nodes, and how many there are. Filters are the node's fields, `tag` and `group` (a name)."""
        return await self._context.database.read(lambda tx: nodes.find(tx, _with_group(tx, page)))

    async def counts(self) -> dict[NodeState, int]:
        """How many nodes stand in each state."""
        return await self._context.database.read(nodes.count_by_state)

    async def update(self, reference: str, values: Mapping[str, Any], *, by: str) -> Node:
        """Set fields of a node (those in `SETTABLE`).

        Raises:
            NotFound: there is no such node, group or workflow.
            Invalid: a field cannot be set, or its value is wrong.
        """

        return await self._context.database.write(lambda tx: self._update(tx, nodes.get(tx, reference), values, by))

    def _update(self, tx: Tx, before: Node, values: Mapping[str, Any], by: str) -> Node:
        wanted = _settled(before, values)
        after = replace(before, **_checked(tx, before, wanted), updated_at=self._context.now())
        changes = _changes(before, after, wanted)
        if changes:
            nodes.save(tx, after)
            nodes.save_tags(tx, after)
            self._note(tx, Kind.NODE_UPDATED, after, by, {"changes": changes})
        return after

    async def edit(self, reference: str, edit: Edit, *, by: str) -> Edited:
        """Change tags, keys of the metadata and fields of a node at once; gives it before and after.

        Raises:
            NotFound: there is no such node, group or workflow.
            Invalid: a field cannot be set, or its value is wrong.
            Conflict: somebody else has changed meanwhile what is changed here (`Edit.seen`).
        """

        def work(tx: Tx) -> Edited:
            before = nodes.get(tx, reference)
            added = replace(edit, add_tags=tuple(_tags(edit.add_tags)), remove_tags=tuple(_tags(edit.remove_tags)))
            return Edited(before=before, after=self._update(tx, before, edits.values_of(before, added), by))

        return await self._context.database.write(work)

    async def inventory(self, reference: str) -> Inventory | None:
        """The hardware that a node reported last, and when; None if it has not, or if that was long ago.

        Raises:
            NotFound: there is no such node.
        """
        kinds = (Kind.NODE_REPORTED, Kind.NODE_DISCOVERED)

        def work(tx: Tx) -> Inventory | None:
            found = events.newest_with(tx, nodes.get(tx, reference).id, kinds, "inventory")
            return Inventory(at=found.at, values=found.data["inventory"]) if found is not None else None

        return await self._context.database.read(work)

    async def retire(self, reference: str, *, by: str, comment: str | None = None) -> Node:
        """Take a node out of service for good: from `active` over `deprovisioning`, or from there.

        Raises:
            NotFound: there is no such node.
            Conflict: it is locked, busy, or in a state from which no way leads there.
        """

        def work(tx: Tx) -> Node:
            node = nodes.get(tx, reference)
            require_unlocked(node)
            live = executions.live_on(tx, node.id)
            if live is not None:
                raise Conflict(f"node {node.name} is busy with {live.workflow_name}; wait for it to end, or cancel it")
            move = Move(
                now=self._context.now(),
                max_attempts=self._context.settings.install.max_attempts,
                triggered_by=TriggeredBy.ADMIN,
                principal=by,
                comment=comment,
            )
            rows: list[NewEvent] = []
            if node.state is NodeState.ACTIVE:
                node, rows = move.to(node, NodeState.DEPROVISIONING)
            node, more = move.to(node, NodeState.RETIRED)
            nodes.save(tx, node)
            events.append(tx, [*rows, *more])
            return node

        return await self._context.database.write(work)

    async def tag(self, reference: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), by: str) -> Node:
        """Add and remove tags; a tag that is there already, or is not, is no error.

        Raises:
            NotFound: there is no such node.
            Invalid: a tag is empty or too long.
        """

        def work(tx: Tx) -> Node:
            before = nodes.get(tx, reference)
            tags = [tag for tag in (*before.tags, *_tags(add)) if tag not in _tags(remove)]
            after = replace(before, tags=tuple(sorted(set(tags))), updated_at=self._context.now())
            if after.tags != before.tags:
                nodes.save(tx, after)
                nodes.save_tags(tx, after)
                self._note(tx, Kind.NODE_UPDATED, after, by, {"changes": {"tags": [before.tags, after.tags]}})
            return after

        return await self._context.database.write(work)

    async def move(
        self,
        reference: str,
        state: NodeState,
        *,
        by: str,
        comment: str | None = None,
        force: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> Node:
        """Move a node to another state, with its row in the state log.

        Raises:
            NotFound: there is no such node.
            Conflict: the state cannot be reached from where it is; the message names those that can.
        """

        def work(tx: Tx) -> Node:
            move = Move(
                now=self._context.now(),
                max_attempts=self._context.settings.install.max_attempts,
                triggered_by=TriggeredBy.ADMIN,
                principal=by,
                comment=comment,
                metadata=metadata,
            )
            moved, rows = move.to(nodes.get(tx, reference), state, force=force)
            nodes.save(tx, moved)
            events.append(tx, rows)
            return moved

        return await self._context.database.write(work)

    async def history(self, reference: str, page: Page) -> tuple[list[StateChange], int]:
        """A page of a node's state log, newest first.

        Raises:
            NotFound: there is no such node.
        """
        return await self._context.database.read(lambda tx: events.history(tx, nodes.get(tx, reference).id, page))

    def _note(self, tx: Tx, kind: Kind, node: Node, by: str, data: Mapping[str, Any]) -> None:
        fact = NewEvent(kind=kind, at=self._context.now(), principal=by, node_id=node.id, data=data)
        events.append(tx, [fact])


def _with_group(tx: Tx, page: Page) -> Page:
    """Turn the filter `group`, which is by name or id, into one by id."""
    wanted = page.filters.get("group")
    if not wanted:
        return page
    ids = tuple(groups.get(tx, reference).id for reference in wanted)
    others = {name: values for name, values in page.filters.items() if name != "group"}
    return replace(page, filters={**others, "group_id": ids})


def _checked(tx: Tx, node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - SETTABLE)
    if unknown:
        raise Invalid([Problem(path=name, message="cannot be set on a node") for name in unknown])
    checked: dict[str, Any] = {name: None if value == "" else value for name, value in values.items()}
    hostname = checked.get("hostname")
    if hostname is not None and names_another(hostname, node.mac_address):
        message = f"{hostname!r} reads as the id or MAC address of another node; choose another name"
        raise Invalid([Problem(path="hostname", message=message)])
    if checked.get("identity_conflict") is not None:
        raise Invalid(
            [Problem(path="identity_conflict", message="can only be emptied: PureBoot itself finds conflicts")]
        )
    if "tags" in checked:
        checked["tags"] = tuple(sorted(set(_tags(checked["tags"] or ()))))
    if checked.get("group_id") is not None:
        checked["group_id"] = groups.get(tx, checked["group_id"]).id
    if checked.get("workflow_id") is not None:
        checked["workflow_id"] = documents.get(tx, DocumentKind.WORKFLOW, checked["workflow_id"]).id
    return checked


def _settled(before: Node, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values, and that a doubt about which machine it is is over: who sets what names it has looked."""
    if before.identity_conflict is None or not {"system_uuid", "serial_number"} & set(values):
        return values
    return {**values, "identity_conflict": None}


def _tags(tags: Sequence[str]) -> list[str]:
    cleaned = [tag.strip().lower() for tag in tags]
    for tag in cleaned:
        if not tag or len(tag) > MAX_TAG or not tag.isprintable():
            raise Invalid([Problem(path="tags", message=f"{tag!r} is no tag: 1 to {MAX_TAG} printable characters")])
    return cleaned


def _changes(before: Node, after: Node, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {
        name: [getattr(before, name), getattr(after, name)]
        for name in values
        if getattr(before, name) != getattr(after, name)
    }


def require_unlocked(node: Node) -> None:
    """Refuse to touch a locked node.

    Raises:
        Conflict: the node is locked.
    """
    if node.locked:
        raise Conflict(f"node {node.name} is locked; unlock it first if you mean it")
