"""Which execution lives on a node, as the writer remembers it."""

from sqlalchemy import bindparam, select

from engine.core.executions import LIVE, Execution
from engine.store.schema import execution
from engine.store.tx import Tx

_NOUN = "id of the live execution on a node"  # empty where there is none
_ON_NODE = (
    select(execution.c.id)
    .where(execution.c.node_id == bindparam("its_node"))
    .where(execution.c.status.in_([status.value for status in LIVE]), execution.c.parent_id.is_(None))
    .limit(1)
)


def id_on(tx: Tx, node_id: str) -> str:
    """The id of the execution that has not ended yet on a node, from the writer's memory if it is there; empty if there
    is none.
    """
    known = tx.memory(_NOUN)
    found: str | None = known.get(node_id) if known is not None else None
    if found is None:
        tx.flush()
        found = tx.execute(_ON_NODE, {"its_node": node_id}).scalar() or ""
        if known is not None:
            known[node_id] = found
    return found


def forget(tx: Tx, before: Execution | None, after: Execution) -> None:
    """Ask anew which execution lives on a node, where one begins, ends, or goes on after its end."""
    known = tx.memory(_NOUN)
    if known is not None and (before is None or before.ended or after.ended):
        known.pop(after.node_id, None)
