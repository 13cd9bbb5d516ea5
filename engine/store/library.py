"""What is read of many documents at once: which version each shows, and the texts of versions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import String, cast, func, literal, select

from engine.core.documents import DocumentKind
from engine.core.executions import LIVE
from engine.store.schema import document, document_version, execution
from engine.store.tx import Tx

PIECE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A version without its text. `is_shown`: it is the current one, or the newest where none is."""

    document_id: str
    version_id: str
    version: str
    content_hash: str
    size_bytes: int
    is_shown: bool
    draft: bool


_NUMBER = literal("v") + cast(document_version.c.major, String) + "." + cast(document_version.c.minor, String)
_SHOWN = func.coalesce(document.c.current_version, document.c.latest_version)


def entries(
    tx: Tx, kind: DocumentKind, *, every_version: bool = False, ids: Sequence[str] | None = None
) -> list[Entry]:
    """The versions that the documents of a kind show, or all of them, newest first; of these documents, if named."""
    columns = document_version.c
    query = (
        select(
            columns.document_id,
            columns.id.label("version_id"),
            _NUMBER.label("version"),
            columns.content_hash,
            columns.size_bytes,
            (_NUMBER == _SHOWN).label("is_shown"),
            columns.draft,
        )
        .join(document, document.c.id == columns.document_id)
        .where(document.c.kind == kind.value)
        .order_by(document.c.name, columns.major.desc(), columns.minor.desc())
    )
    if not every_version:
        query = query.where(_NUMBER == _SHOWN)
    if ids is not None:
        query = query.where(columns.document_id.in_(ids))
    return [Entry(**{**row, "is_shown": bool(row["is_shown"])}) for row in tx.rows(query)]


def contents(tx: Tx, version_ids: Iterable[str]) -> dict[str, str]:
    """The texts of versions by id."""
    wanted = list(version_ids)
    found: dict[str, str] = {}
    for at in range(0, len(wanted), PIECE):
        query = select(document_version.c.id, document_version.c.content)
        for row in tx.execute(query.where(document_version.c.id.in_(wanted[at : at + PIECE]))):
            found[row.id] = row.content or ""
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveVersion:
    """An execution that has not ended: which version of which workflow it runs."""

    execution_id: str
    workflow_id: str
    version_id: str


def live(tx: Tx) -> list[LiveVersion]:
    """Every execution that has not ended, longest first."""
    query = (
        select(execution.c.id, execution.c.workflow_id, execution.c.version_id)
        .where(execution.c.status.in_([status.value for status in LIVE]))
        .order_by(execution.c.created_at, execution.c.id)
    )
    return [
        LiveVersion(execution_id=row.id, workflow_id=row.workflow_id, version_id=row.version_id)
        for row in tx.execute(query)
    ]


def numbers(tx: Tx) -> list[tuple[str, int, int, bool]]:
    """Every version there is: document, major, minor, whether it is a draft."""
    columns = document_version.c
    query = select(columns.document_id, columns.major, columns.minor, columns.draft)
    return [tuple(row) for row in tx.execute(query)]
