"""How blobs are known to the store, and uploads on their way to one."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, or_, select, update

from engine.core.blobs import Blob, BlobState, StoredFile, Upload
from engine.core.documents import Bump, DocumentKind
from engine.core.page import Page
from engine.errors import NotFound
from engine.store.query import filtered, page_of
from engine.store.schema import blob, document, document_version, upload
from engine.store.tx import Tx

_FILTERS = {"state": blob.c.state, "sha256": blob.c.sha256}
_SORTABLE = {name: blob.c[name] for name in ("sha256", "size", "state", "verified_at", "created_at")}
_PIECE = 500  # values in one statement


def get(tx: Tx, digest: str) -> Blob | None:
    """The blob of a digest, if it is known."""
    row = tx.row(select(blob).where(blob.c.sha256 == digest))
    return None if row is None else _blob(row)


def keep(tx: Tx, digest: str, size: int, now: datetime) -> tuple[Blob, BlobState | None]:
    """Know that the bytes of a digest are there and right; gives the blob, and what was known of it before."""
    before = get(tx, digest)
    if before is None:
        tx.execute(
            insert(blob).values(sha256=digest, size=size, state=BlobState.OK.value, verified_at=now, created_at=now)
        )
        return Blob(sha256=digest, size=size, verified_at=now, created_at=now), None
    mark(tx, digest, BlobState.OK, now)
    return Blob(sha256=digest, size=size, verified_at=now, created_at=before.created_at), before.state


def mark(tx: Tx, digest: str, state: BlobState, verified_at: datetime | None) -> None:
    """Say how a blob was found, and when it was found to be right; None leaves that as it was."""
    values: dict[str, Any] = {"state": state.value}
    if verified_at is not None:
        values["verified_at"] = verified_at
    tx.execute(update(blob).where(blob.c.sha256 == digest).values(**values))


def find(tx: Tx, page: Page) -> tuple[list[Blob], int]:
    """A page of the blobs, newest first."""
    rows, total = page_of(tx, filtered(select(blob), page, _FILTERS), page, _SORTABLE, "-created_at,sha256")
    return [_blob(row) for row in rows], total


def due(tx: Tx, before: datetime, limit: int) -> list[Blob]:
    """Blobs that were not verified since a moment, those first that waited longest."""
    query = select(blob).where(or_(blob.c.verified_at.is_(None), blob.c.verified_at < before))
    return [_blob(row) for row in tx.rows(query.order_by(blob.c.verified_at.asc().nulls_first()).limit(limit))]


def of_document(tx: Tx, document_id: str) -> list[Blob]:
    """The blobs that a template's versions point at."""
    wanted = select(document_version.c.blob).where(document_version.c.document_id == document_id)
    return [_blob(row) for row in tx.rows(select(blob).where(blob.c.sha256.in_(wanted)).order_by(blob.c.sha256))]


def in_use(tx: Tx) -> frozenset[str]:
    """The digests that versions point at."""
    query = select(document_version.c.blob).where(document_version.c.blob.is_not(None)).distinct()
    return frozenset(tx.execute(query).scalars())


def forget(tx: Tx, digests: Sequence[str]) -> None:
    """Know these blobs no more."""
    for at in range(0, len(digests), _PIECE):
        tx.execute(delete(blob).where(blob.c.sha256.in_(digests[at : at + _PIECE])))


def files(tx: Tx, template_id: str | None = None) -> list[StoredFile]:
    """Every version that is a file, by template and newest first."""
    query = _files() if template_id is None else _files().where(document.c.id == template_id)
    return [_file(row) for row in tx.rows(query)]


def users(tx: Tx, digest: str) -> list[StoredFile]:
    """The versions that point at a blob."""
    return [_file(row) for row in tx.rows(_files().where(blob.c.sha256 == digest))]


def _files() -> Select[Any]:
    versions = document_version.c
    return (
        select(
            document.c.name.label("template"),
            document.c.type,
            document.c.current_version,
            versions.major,
            versions.minor,
            versions.filename,
            versions.created_at,
            blob.c.size,
            blob.c.sha256,
            blob.c.state,
            blob.c.verified_at,
        )
        .select_from(document_version.join(document, document.c.id == versions.document_id))
        .join(blob, blob.c.sha256 == versions.blob)
        .where(document.c.kind == DocumentKind.TEMPLATE.value)
        .order_by(document.c.name, versions.major.desc(), versions.minor.desc())
    )


def add_upload(tx: Tx, value: Upload) -> None:
    """Keep a new upload."""
    row = {field.name: getattr(value, field.name) for field in fields(Upload) if field.name != "offset"}
    tx.execute(insert(upload).values(document_id=row.pop("template_id"), **{**row, "bump": value.bump.value}))


def get_upload(tx: Tx, document_id: str, upload_id: str) -> Upload:
    """An upload of a template.

    Raises:
        NotFound: there is none; it may have ended or expired.
    """
    row = tx.row(select(upload).where(upload.c.id == upload_id, upload.c.document_id == document_id))
    if row is None:
        raise NotFound(f"there is no upload {upload_id} for this template: it ended, or it expired")
    return _upload(row)


def uploads(tx: Tx, document_id: str | None = None) -> list[Upload]:
    """The uploads there are, oldest first."""
    query = select(upload).order_by(upload.c.created_at, upload.c.id)
    return [_upload(row) for row in tx.rows(query if document_id is None else query.where(_of(document_id)))]


def _of(document_id: str) -> Any:
    return upload.c.document_id == document_id


def prolong(tx: Tx, upload_id: str, expires_at: datetime) -> None:
    """Let an upload live longer."""
    tx.execute(update(upload).where(upload.c.id == upload_id).values(expires_at=expires_at))


def end_uploads(tx: Tx, ids: Iterable[str]) -> None:
    """Forget uploads."""
    tx.execute(delete(upload).where(upload.c.id.in_(list(ids))))


def expired(tx: Tx, now: datetime) -> list[str]:
    """The ids of uploads whose time is over."""
    return list(tx.execute(select(upload.c.id).where(upload.c.expires_at <= now)).scalars())


def counts(tx: Tx) -> dict[str, int]:
    """How many blobs there are in each state."""
    rows = tx.rows(select(blob.c.state, func.count().label("count")).group_by(blob.c.state))
    return {row["state"]: row["count"] for row in rows}


def _blob(row: dict[str, Any]) -> Blob:
    return Blob(**{**row, "state": BlobState(row["state"])})


def _upload(row: dict[str, Any]) -> Upload:
    row["template_id"] = row.pop("document_id")
    return Upload(**{**row, "bump": Bump(row["bump"])})


def _file(row: dict[str, Any]) -> StoredFile:
    version = f"v{row.pop('major')}.{row.pop('minor')}"
    current = row.pop("current_version")
    return StoredFile(**{**row, "version": version, "is_current": version == current, "state": BlobState(row["state"])})
