"""What can be done with groups."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.clock import new_id
from engine.core.documents import DocumentKind
from engine.core.events import Kind, NewEvent
from engine.core.groups import Group
from engine.core.names import parse_name
from engine.core.page import Page
from engine.errors import Conflict, Invalid, Problem
from engine.services.context import Context
from engine.store import documents, events, groups, nodes
from engine.store.tx import Tx

SETTABLE = frozenset({"name", "description", "workflow_id", "metadata"})


class Groups:
    """Groups: create, find, change, delete. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(self, values: Mapping[str, Any], *, by: str) -> Group:
        """Make a group.

        Raises:
            Invalid: its name or a value is wrong.
            Conflict: there is a group of this name.
            NotFound: its workflow does not exist.
        """
        now = self._context.now()

        def work(tx: Tx) -> Group:
            checked = _checked(tx, {"name": "", **values})
            group = Group(id=new_id(), created_at=now, updated_at=now, **checked)
            groups.add(tx, group)
            self._note(tx, Kind.GROUP_CREATED, by, {"group_id": group.id, **dict(values)})
            return group

        return await self._context.database.write(work)

    async def get(self, reference: str) -> Group:
        """The group with this id or name.

        Raises:
            NotFound: there is none.
        """
        return await self._context.database.read(lambda tx: groups.get(tx, reference))

    async def find(self, page: Page) -> tuple[list[Group], int]:
        """A page of the groups, and how many there are."""
        return await self._context.database.read(lambda tx: groups.find(tx, page))

    async def update(self, reference: str, values: Mapping[str, Any], *, by: str) -> Group:
        """Set fields of a group.

        Raises:
            NotFound: there is no such group or workflow.
            Invalid: a value is wrong.
            Conflict: another group has its name.
        """

        def work(tx: Tx) -> Group:
            before = groups.get(tx, reference)
            after = replace(before, **_checked(tx, values), updated_at=self._context.now())
            changes = {name: [getattr(before, name), getattr(after, name)] for name in values}
            groups.save(tx, after)
            self._note(tx, Kind.GROUP_UPDATED, by, {"group_id": after.id, "name": after.name, "changes": changes})
            return after

        return await self._context.database.write(work)

    async def delete(self, reference: str, *, by: str) -> Group:
        """Forget a group that has no nodes.

        Raises:
            NotFound: there is no such group.
            Conflict: it has nodes.
        """

        def work(tx: Tx) -> Group:
            group = groups.get(tx, reference)
            count = nodes.in_group(tx, group.id)
            if count:
                raise Conflict(f"group {group.name} has {count} nodes; move them to another group first")
            groups.remove(tx, group.id)
            self._note(tx, Kind.GROUP_DELETED, by, {"group_id": group.id, "name": group.name})
            return group

        return await self._context.database.write(work)

    def _note(self, tx: Tx, kind: Kind, by: str, data: Mapping[str, Any]) -> None:
        events.append(tx, [NewEvent(kind=kind, at=self._context.now(), principal=by, data=data)])


def _checked(tx: Tx, values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - SETTABLE)
    if unknown:
        raise Invalid([Problem(path=name, message="cannot be set on a group") for name in unknown])
    checked = dict(values)
    if "name" in checked:
        parse_name(checked["name"])
    if checked.get("workflow_id") is not None:
        checked["workflow_id"] = documents.get(tx, DocumentKind.WORKFLOW, checked["workflow_id"]).id
    return checked
