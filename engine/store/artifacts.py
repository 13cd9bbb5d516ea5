"""How the artifacts of executions are kept."""

from dataclasses import fields
from typing import Any

from sqlalchemy import delete, func, insert, select

from engine.core.artifacts import Artifact
from engine.errors import NotFound
from engine.store.schema import artifact
from engine.store.tx import Tx

_FIELDS = [field.name for field in fields(Artifact)]
_LISTED = [column for column in artifact.columns if column.name != "content"]


def put(tx: Tx, value: Artifact) -> None:
    """Keep an artifact, in the place of the one of its name that the execution has."""
    tx.flush()
    same = (artifact.c.execution_id == value.execution_id) & (artifact.c.name == value.name)
    tx.execute(delete(artifact).where(same))
    tx.execute(insert(artifact).values(**{name: getattr(value, name) for name in _FIELDS}))


def of_attempt(tx: Tx, attempt_id: str) -> Artifact | None:
    """What an attempt has made already, without its content."""
    row = tx.row(select(*_LISTED).where(artifact.c.attempt_id == attempt_id))
    return None if row is None else Artifact(**row)


def count(tx: Tx, execution_id: str, *, but: str) -> int:
    """How many artifacts an execution has of other names than `but`."""
    others = (artifact.c.execution_id == execution_id) & (artifact.c.name != but)
    return tx.number(select(func.count()).select_from(artifact).where(others))


def find(tx: Tx, execution_id: str) -> list[Artifact]:
    """The artifacts of an execution, oldest first, without their content."""
    mine = select(*_LISTED).where(artifact.c.execution_id == execution_id)
    return [Artifact(**row) for row in tx.rows(mine.order_by(artifact.c.created_at, artifact.c.name))]


def get(tx: Tx, execution_id: str, name: str) -> Artifact:
    """An artifact of an execution by its name.

    Raises:
        NotFound: the execution has none of this name; the message says which there are.
    """
    query = select(artifact).where(artifact.c.execution_id == execution_id, artifact.c.name == name)
    row = tx.row(query)
    if row is None:
        known = ", ".join(each.name for each in find(tx, execution_id)) or "none"
        raise NotFound(f"execution {execution_id} has no artifact {name}; there are: {known}")
    values: dict[str, Any] = row
    return Artifact(**values)
