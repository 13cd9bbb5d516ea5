"""Drafts of workflows inside a transaction: a text is taken up as the newest version of the workflow it names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.clock import new_id
from engine.core import documents as core
from engine.core.documents import Bump, Document, DocumentKind, DocumentStatus
from engine.core.editing import Seen
from engine.core.events import Kind, NewEvent
from engine.core.page import Page
from engine.core.workflows import Workflow
from engine.errors import Conflict, Stale
from engine.services.context import Context
from engine.store import documents, events
from engine.store.tx import Tx


def take_up(context: Context, tx: Tx, workflow: Workflow, text: str, *, by: str, message: str) -> tuple[Document, bool]:
    """Let a text, which reads as this workflow, be its newest version; gives the workflow and whether it changed."""
    now = context.now()
    known = {found.name: found for found in documents.find(tx, DocumentKind.WORKFLOW, _named(workflow.name))[0]}
    document = known.get(workflow.name)
    newest = documents.newest(tx, document.id) if document else None
    if document is None:
        document = Document(
            id=new_id(),
            kind=DocumentKind.WORKFLOW,
            name=workflow.name,
            created_at=now,
            updated_at=now,
            **facts(workflow),
        )
        documents.add(tx, document)
        note(context, tx, Kind.WORKFLOW_CREATED, document, by, {})
    elif newest is not None and newest.content_hash == core.content_hash(text):
        if document.status is DocumentStatus.ARCHIVED:
            document = _unarchived(context, tx, document)
            note(context, tx, Kind.WORKFLOW_CREATED, document, by, {})
        return document, False
    number = core.next_number((newest.major, newest.minor) if newest else None, Bump.MINOR)
    version = core.make_version(
        document, number, text, version_id=new_id(), author=by, commit_message=message, now=now, draft=True
    )
    documents.add_version(tx, version)
    document = replace(document, latest_version=version.version_string, updated_at=now)
    documents.save(tx, document)
    document = _unarchived(context, tx, document)
    data = {"version": version.version_string, "commit_message": message}
    note(context, tx, Kind.WORKFLOW_VERSION_CREATED, document, by, data)
    return document, True


def require_free(tx: Tx, name: str) -> None:
    """Refuse a name that a workflow has.

    Raises:
        Conflict: there is a workflow of this name.
    """
    if name in documents.names(tx, DocumentKind.WORKFLOW):
        raise Conflict(f"there is a workflow {name} already")


def refuse_unseen(document: Document, seen: Seen | None) -> None:
    """Refuse a text whose author has not seen what has become of the document since: its change would be undone.

    Raises:
        Stale: there is another current version by now, or a newer version; it is named.
    """
    if seen is None or (document.current_version, document.latest_version) == (seen.current, seen.latest):
        return
    is_newer = document.latest_version != seen.latest
    theirs = document.latest_version if is_newer else document.current_version
    what = f"has {theirs} by now" if is_newer else f"has {theirs or 'none'} as its current version by now"
    began = f"{seen.latest or 'none'} was its newest" if is_newer else f"{seen.current or 'none'} was that"
    raise Stale(f"{document.kind} {document.name} {what}; when this text was begun, {began}", theirs or "")


def facts(workflow: Workflow) -> dict[str, Any]:
    """What a workflow's document has from its text."""
    return {
        "description": workflow.description,
        "os_family": workflow.os_family,
        "architecture": workflow.architecture,
        "boot_mode": workflow.boot_mode,
    }


def note(context: Context, tx: Tx, kind: Kind, document: Document, by: str, data: Mapping[str, Any]) -> None:
    """Write an event of a workflow."""
    told = {"workflow_id": document.id, "name": document.name, **data}
    events.append(tx, [NewEvent(kind=kind, at=context.now(), principal=by, data=told)])


def _unarchived(context: Context, tx: Tx, document: Document) -> Document:
    """An archived workflow that is taken up again is a draft, as it was at first."""
    if document.status is not DocumentStatus.ARCHIVED:
        return document
    draft = replace(document, status=DocumentStatus.DRAFT, current_version=None, updated_at=context.now())
    documents.save(tx, draft)
    return draft


def _named(name: str) -> Page:
    every_status = tuple(status.value for status in DocumentStatus)
    return Page(limit=None, filters={"name": (name,), "status": every_status})
