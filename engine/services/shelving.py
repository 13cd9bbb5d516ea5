"""Making a file that has arrived a version of a template: the blob first, then the rows that point at it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.blobs.depot import Depot
from engine.blobs.incoming import Incoming
from engine.blobs.threads import held, in_thread
from engine.clock import new_id
from engine.core import documents as core
from engine.core.blobs import Blob, BlobState, file_version, parse_digest, parse_filename
from engine.core.documents import FILE_TYPES, Bump, Document, DocumentKind, DocumentStatus, TemplateType, Version
from engine.core.events import Kind, NewEvent
from engine.core.names import parse_name
from engine.errors import Conflict, Invalid, NotFound, Problem
from engine.services.context import Context
from engine.store import blobs, documents, events
from engine.store.tx import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """What is to become of a file. Without `type` the template must be there; `sha256` is what it must have."""

    name: str
    filename: str
    type: str | None = None
    sha256: str | None = None
    description: str = ""
    os_family: str = ""
    tags: Sequence[str] = ()
    commit_message: str = ""
    bump: Bump = Bump.MINOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """What became of a file. `repaired` says that no version was made, but the blob of one is whole again."""

    template: Document
    version: Version
    repaired: bool = False


class SameFile(Conflict):
    """A template has exactly this file already, and has it whole."""


def depot_of(context: Context) -> Depot:
    """The blobs of a store; those of another one with the same folder are told apart by its key."""
    tag = hashlib.sha256(b"pureboot blobs " + context.key).hexdigest()[:16]
    files = context.settings.files
    return Depot(files.dir, owner=tag, reserve=files.min_free)


def checked(new: NewFile) -> NewFile:
    """What can be said to be wrong before a byte is read.

    Raises:
        Invalid: a name, type or checksum is wrong.
    """
    parse_name(new.name)
    parse_filename(new.filename)
    if new.type is not None and new.type not in FILE_TYPES:
        kinds = ", ".join(kind for kind in TemplateType if kind in FILE_TYPES)
        raise Invalid([Problem(path="type", message=f"{new.type!r} is no type of file; one of {kinds}")])
    return new if new.sha256 is None else replace(new, sha256=parse_digest(new.sha256))


def require_digest(found: str, wanted: str | None, what: str) -> None:
    """Refuse a file that is not what it should be.

    Raises:
        Invalid: its checksum is another.
    """
    if wanted is not None and found != wanted:
        message = f"{what} has the SHA-256 {found}, not {wanted}: it was changed or broken on the way"
        raise Invalid([Problem(path="sha256", message=message)])


async def shelve(context: Context, depot: Depot, incoming: Incoming, new: NewFile, by: str) -> Shelved:
    """Let a file that has arrived whole be the next version of a template; the file is gone from where it was.

    Raises:
        Invalid: its checksum is not what it should be.
        NotFound: there is no such template, and no type to make it of.
        Conflict: the template is no file, or of another type, or has this file already.
        Unavailable: the disk does not take it.
    """
    digest = await in_thread(incoming.digest)
    require_digest(digest, new.sha256, new.filename)
    await context.database.read(lambda tx: _target(tx, new, digest))
    await in_thread(incoming.complete)
    async with held(depot, exclusive=False):
        await in_thread(depot.publish, incoming, digest)
        size = incoming.offset
        return await context.database.write(lambda tx: _shelved(context, tx, new, digest, size, by))


async def shelve_known(context: Context, depot: Depot, new: NewFile, by: str) -> Shelved | None:
    """As `shelve`, of a file whose checksum is that of a blob that is here and whole; None if there is none."""
    digest = new.sha256
    if digest is None or not await in_thread(lambda: depot.is_there):
        return None
    async with held(depot, exclusive=False):
        blob = await context.database.read(lambda tx: blobs.get(tx, digest))
        if blob is None or blob.state is not BlobState.OK or not await in_thread(depot.touch, digest):
            return None
        size = blob.size
        return await context.database.write(lambda tx: _shelved(context, tx, new, digest, size, by, seen=False))


def _target(tx: Tx, new: NewFile, digest: str) -> tuple[Document | None, Version | None]:
    """The template a file is for, and its version that has exactly this file but lost it."""
    try:
        document = documents.get(tx, DocumentKind.TEMPLATE, new.name)
    except NotFound:
        if new.type is None:
            raise
        return None, None
    if document.type not in FILE_TYPES:
        raise Conflict(f"template {document.name} is a text ({document.type}); a file cannot be its next version")
    if new.type is not None and new.type != document.type:
        raise Conflict(f"template {document.name} is of type {document.type}, not {new.type}")
    newest = documents.newest(tx, document.id)
    if newest is None:
        return document, None
    for version in (documents.version(tx, document, core.LATEST), newest):
        if version.blob == digest:
            blob = blobs.get(tx, digest)
            if blob is None or blob.state is not BlobState.OK:
                return document, version
            raise SameFile(f"template {document.name} has exactly this file already, in {version.version_string}")
    return document, None


def _shelved(context: Context, tx: Tx, new: NewFile, digest: str, size: int, by: str, *, seen: bool = True) -> Shelved:
    document, lost = _target(tx, new, digest)
    now = context.now()
    blob, before = (blobs.keep(tx, digest, size, now)) if seen else (_known(tx, digest), BlobState.OK)
    if before not in (None, BlobState.OK):
        fact = {"sha256": digest, "size": size, "was": before.value, "name": new.name}
        events.append(tx, [NewEvent(kind=Kind.BLOB_REPAIRED, at=now, principal=by, data=fact)])
    if document is not None and lost is not None:
        return Shelved(template=document, version=lost, repaired=True)
    if document is None:
        document = _created(context, tx, new, by)
    newest = documents.newest(tx, document.id)
    number = core.next_number((newest.major, newest.minor) if newest else None, new.bump)
    version = file_version(
        document,
        number,
        blob,
        new.filename,
        version_id=new_id(),
        author=by,
        commit_message=new.commit_message,
        now=now,
    )
    documents.add_version(tx, version)
    name = version.version_string
    document = replace(
        document, status=DocumentStatus.ACTIVE, current_version=name, latest_version=name, updated_at=now
    )
    documents.save(tx, document)
    told = {"version": name, "commit_message": new.commit_message, "filename": new.filename}
    _note(tx, Kind.TEMPLATE_VERSION_CREATED, document, version, by, {**told, "sha256": digest, "size": size})
    return Shelved(template=document, version=version)


def _known(tx: Tx, digest: str) -> Blob:
    blob = blobs.get(tx, digest)
    assert blob is not None  # noqa: S101 - it was there, and who collects blobs waits for us
    return blob


def _created(context: Context, tx: Tx, new: NewFile, by: str) -> Document:
    now = context.now()
    document = Document(
        id=new_id(),
        kind=DocumentKind.TEMPLATE,
        name=new.name,
        type=new.type or TemplateType.FILE.value,
        description=new.description,
        os_family=new.os_family,
        status=DocumentStatus.ACTIVE,
        tags=tuple(new.tags),
        created_at=now,
        updated_at=now,
    )
    documents.add(tx, document)
    data = {"template_id": document.id, "name": document.name, "type": document.type}
    events.append(tx, [NewEvent(kind=Kind.TEMPLATE_CREATED, at=now, principal=by, data=data)])
    return document


def _note(tx: Tx, kind: Kind, document: Document, version: Version, by: str, data: dict[str, object]) -> None:
    facts = {"template_id": document.id, "name": document.name, **data}
    events.append(tx, [NewEvent(kind=kind, at=version.created_at, principal=by, data=facts)])
