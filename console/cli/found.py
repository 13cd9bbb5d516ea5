"""Executions by their id, which may be cut short."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.app import PureBoot
    from engine.core.executions import Execution

_ID_LENGTH = 36
_RECENT = 1000


async def execution(pureboot: "PureBoot", reference: str) -> "Execution":
    """The execution with this id, or the one whose id begins so among the newest.

    Raises:
        NotFound: there is none.
        Conflict: several begin so.
    """
    from engine.core.page import Page
    from engine.errors import Conflict

    if len(reference) < _ID_LENGTH:
        recent, _ = await pureboot.executions.find(Page(limit=_RECENT))
        fitting = [each for each in recent if each.id.startswith(reference.lower())]
        if len(fitting) > 1:
            raise Conflict(f"{len(fitting)} executions begin with {reference}; write more of the id")
        if fitting:
            return fitting[0]
    return await pureboot.executions.get(reference)
