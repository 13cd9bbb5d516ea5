"""Links: what actions made elsewhere, recorded and asked for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.clock import new_id
from engine.core.events import SYSTEM, Kind, NewEvent
from engine.core.links import MAX_KEY, MAX_WORD, Link
from engine.core.page import EVERYTHING, Page
from engine.errors import Conflict, Invalid, Problem
from engine.services.context import Context
from engine.store import events, links
from engine.store.tx import Tx


class Links:
    """Links. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def record(
        self,
        system: str,
        kind: str,
        key: str,
        external_id: str,
        data: Mapping[str, Any] | None = None,
        *,
        execution_id: str | None = None,
        attempt_id: str | None = None,
        by: str = SYSTEM,
    ) -> Link:
        """Remember that something was made. What an attempt records again is the link it has; so is the same thing.

        Raises:
            Invalid: a name is empty or too long.
            Conflict: another attempt has made another thing under this name.
        """
        _check(system, kind, key, external_id)
        made = Link(
            id=new_id(),
            system=system,
            kind=kind,
            key=key,
            external_id=external_id,
            data=data or {},
            execution_id=execution_id,
            attempt_id=attempt_id,
            created_at=self._context.now(),
        )
        return await self._context.database.write(lambda tx: record_in(tx, made, by=by))

    async def known(self, system: str, kind: str, key: str) -> Link | None:
        """The link to a thing, if somebody has made it."""
        return await self._context.database.read(lambda tx: links.known(tx, system, kind, key))

    async def find(self, page: Page) -> tuple[list[Link], int]:
        """A page of the links, newest first.

        Filters: `system`, `kind`, `key`, `external_id`, `node_id`, `execution_id`, `attempt_id`.
        """
        return await self._context.database.read(lambda tx: links.find(tx, page))

    async def links_of(self, execution_id: str) -> list[Link]:
        """What an execution made, oldest first."""
        page = replace(EVERYTHING, sort="created_at,id", filters={"execution_id": (execution_id,)})
        found, _ = await self.find(page)
        return found


def record_in(tx: Tx, made: Link, *, by: str) -> Link:
    """As `Links.record`, inside a transaction; the link's node is that of its execution."""
    known = links.known(tx, made.system, made.kind, made.key)
    if known is not None:
        return _same(known, made)
    if made.execution_id is not None and made.node_id is None:
        made = replace(made, node_id=links.node_of(tx, made.execution_id))
    links.add(tx, made)
    fact = NewEvent(
        kind=Kind.LINK_RECORDED,
        at=made.created_at,
        principal=by,
        node_id=made.node_id,
        execution_id=made.execution_id,
        data={
            "link_id": made.id,
            "system": made.system,
            "kind": made.kind,
            "key": made.key,
            "external_id": made.external_id,
        },
    )
    events.append(tx, [fact])
    return made


def _same(known: Link, made: Link) -> Link:
    is_repeat = made.attempt_id is not None and made.attempt_id == known.attempt_id
    if is_repeat or made.external_id == known.external_id:
        return known
    by = f" by execution {known.execution_id}" if known.execution_id else ""
    raise Conflict(
        f"{known.kind} {known.key} was made in {known.system} before{by}, as {known.external_id}; "
        f"now there is {made.external_id} as well: remove one of the two there"
    )


def _check(system: str, kind: str, key: str, external_id: str) -> None:
    given = (("system", system, MAX_WORD), ("kind", kind, MAX_WORD), ("key", key, MAX_KEY))
    problems = [
        Problem(path=path, message=f"has {len(text)} characters; write 1 to {most}")
        for path, text, most in given
        if not 0 < len(text) <= most
    ]
    if not external_id:
        problems.append(Problem(path="external_id", message="is empty: what is the thing called there?"))
    if problems:
        raise Invalid(problems)
