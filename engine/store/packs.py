"""How packs are kept, and where documents came from."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, or_, select, update

from engine.core.documents import Document, DocumentKind
from engine.core.pack_plan import Kept
from engine.core.packs import Pack, PackSource, SourceKind
from engine.core.page import Page
from engine.errors import Conflict, NotFound
from engine.store import documents
from engine.store.query import filtered, page_of
from engine.store.schema import document, document_version, pack, pack_document
from engine.store.tx import Tx

_FILTERS = {name: pack.c[name] for name in ("ref", "label", "version", "source", "source_kind", "revision")}
_SORTABLE = {**_FILTERS, **{name: pack.c[name] for name in ("id", "synced_at", "created_at", "updated_at")}}
_AT_ONCE = 500  # ids in one question
_SOURCE_FIELDS = [field.name for field in fields(PackSource)]


def add(tx: Tx, value: Pack) -> None:
    """Keep a new pack.

    Raises:
        Conflict: there is one of its ref.
    """
    if tx.execute(select(pack.c.id).where(pack.c.ref == value.ref)).first() is not None:
        raise Conflict(f"there is a pack {value.ref} already")
    tx.execute(insert(pack).values(**_row(value)))


def save(tx: Tx, value: Pack) -> None:
    """Keep a changed pack."""
    tx.execute(update(pack).where(pack.c.id == value.id).values(**_row(value)))


def remove(tx: Tx, pack_id: str) -> None:
    """Forget a pack; its documents remember it."""
    tx.execute(delete(pack).where(pack.c.id == pack_id))


def get(tx: Tx, reference: str) -> Pack:
    """The pack with this ref or id.

    Raises:
        NotFound: there is none.
    """
    row = tx.row(select(pack).where(or_(pack.c.id == reference, pack.c.ref == reference)))
    if row is None:
        raise NotFound(f"there is no pack {reference}")
    return _pack(row)


def find(tx: Tx, page: Page) -> tuple[list[Pack], int]:
    """A page of the packs, by ref unless sorted otherwise."""
    rows, total = page_of(tx, filtered(select(pack), page, _FILTERS), page, _SORTABLE, "ref")
    return [_pack(row) for row in rows], total


def sources(tx: Tx, ref: str) -> list[tuple[Document, PackSource]]:
    """The documents that came from a pack, by name, each with its source."""
    query = select(pack_document).where(pack_document.c.pack_ref == ref)
    found = {row["document_id"]: PackSource(**row) for row in tx.rows(query)}
    of_pack = document.c.id.in_(select(pack_document.c.document_id).where(pack_document.c.pack_ref == ref))
    return [(each, found[each.id]) for each in documents.where(tx, of_pack)]


def source_of(tx: Tx, document_id: str) -> PackSource | None:
    """Where a document came from."""
    library = documents.known(tx)
    key = "source", document_id
    if key not in library:
        row = tx.row(select(pack_document).where(pack_document.c.document_id == document_id))
        library[key] = None if row is None else PackSource(**row)
    found: PackSource | None = library[key]
    return found


def template_for(tx: Tx, workflow_id: str, name: str) -> Document:
    """The template that a workflow means by a name: its own pack's before the site's.

    Raises:
        NotFound: there is none.
    """
    source = source_of(tx, workflow_id)
    if source is not None:
        with suppress(NotFound):
            return documents.get(tx, DocumentKind.TEMPLATE, f"{source.pack_ref}.{name}")
    return documents.get(tx, DocumentKind.TEMPLATE, name)


def keep_source(tx: Tx, value: PackSource) -> None:
    """Keep where a document came from."""
    documents.forget(tx)
    row = {name: getattr(value, name) for name in _SOURCE_FIELDS} | {"facts": _json(value.facts)}
    same: ColumnElement[bool] = pack_document.c.document_id == value.document_id
    if not tx.execute(update(pack_document).where(same).values(**row)).rowcount:
        tx.execute(insert(pack_document).values(**row))


def kept(tx: Tx, kind: DocumentKind, name: str) -> Kept | None:
    """The document of a name with its newest version and its source, if there is one."""
    try:
        found = documents.get(tx, kind, name)
    except NotFound:
        return None
    if found.name != name:
        return None  # a name that is another one's id
    return _kept(tx, found)


def _kept(tx: Tx, value: Document) -> Kept:
    source = source_of(tx, value.id)
    here = source is not None and tx.execute(select(pack.c.id).where(pack.c.ref == source.pack_ref)).first() is not None
    return Kept(document=value, newest=documents.newest(tx, value.id), source=source, owner_is_here=here)


def current_texts(tx: Tx, values: Iterable[Document]) -> dict[str, str]:
    """The contents of documents that are in use, or else the newest, by the document's id."""
    wanted = {each.id: each.current_version or each.latest_version for each in values}
    columns = document_version.c
    found = {}
    ids = list(wanted)
    for start in range(0, len(ids), _AT_ONCE):
        query = select(columns.document_id, columns.major, columns.minor, columns.content)
        for row in tx.execute(query.where(columns.document_id.in_(ids[start : start + _AT_ONCE]))):
            if wanted[row.document_id] == f"v{row.major}.{row.minor}":
                found[row.document_id] = row.content
    return found


def _json(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}


def _row(value: Pack) -> dict[str, Any]:
    row = {field.name: getattr(value, field.name) for field in fields(Pack)}
    return {**row, "source_kind": value.source_kind.value, "dependencies": dict(value.dependencies)}


def _pack(row: Mapping[str, Any]) -> Pack:
    return Pack(**{**row, "source_kind": SourceKind(row["source_kind"])})
