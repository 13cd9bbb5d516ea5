"""How documents and their versions are kept."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, cast

from sqlalchemy import ColumnElement, String, insert, literal, or_, select, update
from sqlalchemy import cast as sql_cast

from engine.clock import new_id
from engine.core.documents import Document, DocumentKind, DocumentStatus, Reference, Version, parse_reference, resolve
from engine.core.page import Page
from engine.errors import Conflict, NotFound
from engine.store.query import filtered, page_of
from engine.store.schema import document, document_version, library_mark
from engine.store.tx import Tx

_NOUN = "document"
_FILTERS = {
    name: document.c[name]
    for name in ("name", "type", "os_family", "architecture", "boot_mode", "status", "current_version")
}
_SORTABLE = _FILTERS | {name: document.c[name] for name in ("id", "created_at", "updated_at")}
_MARK = select(library_mark.c.rev)
_VERSION_FIELDS = [field.name for field in fields(Version)]


def add(tx: Tx, value: Document) -> None:
    """Keep a new document.

    Raises:
        Conflict: another of its kind has its name.
    """
    _refuse_name(tx, value)
    forget(tx)
    tx.execute(insert(document).values(**_row(value)))


def save(tx: Tx, value: Document) -> None:
    """Keep a changed document.

    Raises:
        Conflict: another of its kind has its name.
    """
    _refuse_name(tx, value)
    forget(tx)
    tx.execute(update(document).where(document.c.id == value.id).values(**_row(value)))


def get(tx: Tx, kind: DocumentKind, reference: str) -> Document:
    """The document of a kind with this id or name.

    Raises:
        NotFound: there is none.
    """
    library = known(tx)
    found = library.get((kind, reference))
    if found is not None:
        return cast(Document, found)
    query = select(document).where(
        document.c.kind == kind.value, or_(document.c.id == reference, document.c.name == reference)
    )
    row = tx.row(query)
    if row is None:
        raise NotFound(f"there is no {kind} {reference}")
    value = library[kind, reference] = _document(row)
    return value


def known(tx: Tx) -> dict[Any, Any]:
    """What this process knows of the library as a transaction sees it, by key; to be read and written."""
    memory = tx.memory(_NOUN)
    if memory is not None:
        return memory
    if tx.library is None:
        tx.library = tx.marked.at(tx.execute(_MARK).scalar())
    return tx.library


def forget(tx: Tx) -> None:
    """Note that the library changes: what anybody knows of it is true no more."""
    known(tx).clear()
    rev = {"rev": new_id()}
    if not tx.execute(update(library_mark).values(**rev)).rowcount:
        tx.execute(insert(library_mark).values(id=1, **rev))


def names(tx: Tx, kind: DocumentKind) -> set[str]:
    """The names of all documents of a kind that are not archived."""
    query = select(document.c.name).where(
        document.c.kind == kind.value, document.c.status != DocumentStatus.ARCHIVED.value
    )
    return set(tx.execute(query).scalars())


def find(tx: Tx, kind: DocumentKind, page: Page) -> tuple[list[Document], int]:
    """A page of the documents of a kind, by name unless sorted otherwise; archived ones only if asked for by status."""
    query = filtered(select(document).where(document.c.kind == kind.value), page, _FILTERS)
    if page.filters.get("tag"):
        query = query.where(document.c.id.in_(_tagged(tx, kind, page.filters["tag"])))
    if "status" not in page.filters:
        query = query.where(document.c.status != DocumentStatus.ARCHIVED.value)
    rows, total = page_of(tx, query, page, _SORTABLE, "name")
    return [_document(row) for row in rows], total


def by_id(tx: Tx, document_id: str) -> Document:
    """The document with this id."""
    return where(tx, document.c.id == document_id)[0]


def where(tx: Tx, condition: ColumnElement[bool]) -> list[Document]:
    """The documents of which something holds, by name."""
    return [_document(row) for row in tx.rows(select(document).where(condition).order_by(document.c.name))]


def _tagged(tx: Tx, kind: DocumentKind, tags: Sequence[str]) -> list[str]:
    """The ids of the documents with one of these tags; JSON is looked at here, not in the database."""
    rows = tx.execute(select(document.c.id, document.c.tags).where(document.c.kind == kind.value))
    return [row.id for row in rows if not set(tags).isdisjoint(row.tags)]


def add_version(tx: Tx, value: Version) -> None:
    """Keep a new version."""
    forget(tx)
    row = {name: getattr(value, name) for name in _VERSION_FIELDS if name != "template_id"}
    tx.execute(insert(document_version).values(document_id=value.template_id, **row))


def publish_version(tx: Tx, value: Version) -> None:
    """Note that a version is no draft any more."""
    forget(tx)
    tx.execute(update(document_version).where(document_version.c.id == value.id).values(draft=False))


def versions(tx: Tx, document_id: str, page: Page) -> tuple[list[Version], int]:
    """A page of a document's versions, newest first."""
    query = select(document_version).where(document_version.c.document_id == document_id)
    columns = document_version.c
    sortable = {"created_at": columns.created_at, "major": columns.major, "minor": columns.minor}
    rows, total = page_of(tx, query, page, sortable, "-major,-minor")
    return [_version(row) for row in rows], total


def version(tx: Tx, value: Document, reference: Reference) -> Version:
    """The version of a document that a reference means.

    Raises:
        NotFound: there is none; the message names the newest.
    """
    library = known(tx)
    key = value.id, value.current_version, reference
    meant = library.get(key)
    if meant is None:  # which it is is known by its id: the texts of all would be too much to know
        meant = library[key] = _meant(tx, value, reference)
    version_id, draft = meant
    found = version_by_id(tx, version_id)
    return found if found.draft == draft else replace(found, draft=draft)


def _meant(tx: Tx, value: Document, reference: Reference) -> tuple[str, bool]:
    """The id of the version that a reference means, and whether it is a draft."""
    columns = document_version.c
    current = parse_reference(value.current_version) if value.current_version else None
    wanted = None if current is None else (current.major or 0, current.minor or 0)
    query = select(columns.id, columns.major, columns.minor, columns.draft).where(columns.document_id == value.id)
    if reference.major is None and wanted is not None:
        query = query.where(columns.major == wanted[0], columns.minor == wanted[1])
    rows = {(row["major"], row["minor"]): row for row in tx.rows(query)}
    # what `v1` of a workflow is asked for is always shown to a person; what runs is pinned
    drafts = [number for number, row in rows.items() if row["draft"] and value.kind is DocumentKind.TEMPLATE]
    try:
        number = resolve(reference, list(rows), wanted, drafts)
    except NotFound as error:
        raise NotFound(f"{value.kind} {value.name}: {error}") from None
    return rows[number]["id"], rows[number]["draft"]


def current_holding(tx: Tx, kind: DocumentKind, text: str) -> list[tuple[Document, str]]:
    """The documents of a kind that are in use and whose current version holds a text (upper and lower case may be
    taken for the same), each with that version's whole text; by name.
    """
    columns = document_version.c
    number = literal("v") + sql_cast(columns.major, String) + "." + sql_cast(columns.minor, String)
    query = (
        select(document, columns.content)
        .join(document_version, columns.document_id == document.c.id)
        .where(
            document.c.kind == kind.value,
            document.c.status != DocumentStatus.ARCHIVED.value,
            document.c.current_version == number,
            columns.content.contains(text, autoescape=True),
        )
        .order_by(document.c.name)
    )
    found = []
    for row in tx.rows(query):
        content = str(row.pop("content"))
        found.append((_document(row), content))
    return found


def version_by_id(tx: Tx, version_id: str) -> Version:
    """The version with this id.

    A version never changes (but that a draft is one no more) and its id is never used again: so what was read once is
    known. Which one is meant is asked anew each time, since another process may have moved that.
    """
    known: Version | None = tx.shelf.get(version_id)
    if known is None:
        known = _version(tx.rows(select(document_version).where(document_version.c.id == version_id))[0])
        tx.shelf.put(version_id, known)
    return known


def newest(tx: Tx, document_id: str) -> Version | None:
    """The newest version of a document."""
    columns = document_version.c
    query = select(document_version).where(columns.document_id == document_id)
    row = tx.row(query.order_by(columns.major.desc(), columns.minor.desc()).limit(1))
    return None if row is None else _version(row)


def _refuse_name(tx: Tx, value: Document) -> None:
    query = select(document.c.id).where(
        document.c.kind == value.kind.value, document.c.name == value.name, document.c.id != value.id
    )
    if tx.execute(query).first() is not None:
        raise Conflict(f"there is a {value.kind} {value.name} already")


def _row(value: Document) -> dict[str, Any]:
    row = {field.name: getattr(value, field.name) for field in fields(Document)}
    return {**row, "kind": value.kind.value, "status": value.status.value, "tags": list(value.tags)}


def _document(row: dict[str, Any]) -> Document:
    kind, status = DocumentKind(row["kind"]), DocumentStatus(row["status"])
    return Document(**{**row, "kind": kind, "status": status, "tags": tuple(row["tags"])})


def _version(row: dict[str, Any]) -> Version:
    row["template_id"] = row.pop("document_id")
    return Version(**row)
