"""What a sync does to one document: decided from the pack's file, the document there is, and where that came from.

The pack wins over what was changed by hand since its last sync, and says so: nothing is lost, for versions stay. A
document that is not this pack's is left alone. A file that is gone archives its document; one that comes back brings it
back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.core import documents as core
from engine.core.documents import Bump, Document, DocumentKind, DocumentStatus, Version
from engine.core.pack_files import Entry
from engine.core.packs import PackSource
from engine.core.workflows import Workflow

_FACTS = ("type", "description", "os_family", "tags")


class Action(StrEnum):
    """What becomes of a document."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    ARCHIVED = "archived"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A document as the store has it. `owner_is_here` tells whether the pack it came from is still known."""

    document: Document
    newest: Version | None
    source: PackSource | None = None
    owner_is_here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do. `after` is the document then, `number` that of the version to be added with the entry's content, if
    one is; `warnings` tell of what is overruled, or why it is refused.
    """

    action: Action
    after: Document | None = None
    number: tuple[int, int] | None = None
    warnings: tuple[str, ...] = ()


def decide(
    entry: Entry, kept: Kept | None, *, ref: str, document_id: str, now: datetime, adopt: bool = False
) -> Decision:
    """What a sync of the pack `ref` does with a file that has content. `adopt` takes over what is not the pack's."""
    if kept is None:
        blank = Document(id=document_id, kind=entry.kind, name=entry.name, created_at=now, updated_at=now)
        after = _written(entry, replace(blank, **_facts(entry)), (1, 0))
        return Decision(action=Action.CREATED, after=after, number=(1, 0))
    stranger = _stranger(kept, ref)
    if stranger is not None and not adopt:
        return Decision(action=Action.REFUSED, warnings=(stranger,))
    warnings = _overruled(entry, kept) if stranger is None else (f"is taken over: {stranger.partition(';')[0]}",)
    newest = kept.newest
    number = None
    if newest is None or newest.content_hash != core.content_hash(entry.content or ""):
        number = core.next_number((newest.major, newest.minor) if newest else None, Bump.MINOR)
    at = number or (newest and (newest.major, newest.minor)) or (1, 0)
    after = _written(entry, replace(kept.document, **_facts(entry)), at)
    if after == kept.document and number is None:
        return Decision(action=Action.UNCHANGED, after=after, warnings=warnings)
    return Decision(action=Action.CHANGED, after=replace(after, updated_at=now), number=number, warnings=warnings)


def _stranger(kept: Kept, ref: str) -> str | None:
    """Why a document is not the pack's to change."""
    document, source = kept.document, kept.source
    if source is None:
        return (
            f"there is a {document.kind} {document.name} that no pack made; rename one of them, "
            "or let the pack take it over (--adopt)"
        )
    if source.pack_ref == ref or (document.status is DocumentStatus.ARCHIVED and not kept.owner_is_here):
        return None
    return (
        f"the {document.kind} {document.name} is of the pack {source.pack_ref}; rename one of them, "
        "or let this pack take it over (--adopt)"
    )


def _written(entry: Entry, document: Document, number: tuple[int, int]) -> Document:
    """The document with a version of the pack, in use unless it is a draft."""
    name = f"v{number[0]}.{number[1]}"
    if entry.is_draft:
        status = DocumentStatus.DRAFT if document.status is DocumentStatus.ARCHIVED else document.status
        current = None if document.status is DocumentStatus.ARCHIVED else document.current_version
        return replace(document, status=status, current_version=current, latest_version=name)
    return replace(document, status=DocumentStatus.ACTIVE, current_version=name, latest_version=name)


def _facts(entry: Entry) -> dict[str, Any]:
    facts = {name: entry.facts[name] for name in _FACTS if name in entry.facts}
    return {**facts, **workflow_facts(entry.workflow)}


def workflow_facts(workflow: Workflow | None) -> dict[str, str]:
    """What of a workflow stands in its document as well."""
    if workflow is None:
        return {}
    return {name: getattr(workflow, name) for name in ("description", "os_family", "architecture", "boot_mode")}


def as_left(document: Document, source: PackSource) -> bool:
    """Whether a document is just as its pack left it."""
    if not source.digest or document.latest_version != source.version:
        return False
    if document.status is DocumentStatus.ARCHIVED or _changed_facts(document, source.facts):
        return False
    return bool(source.facts.get("draft")) or (
        document.status is DocumentStatus.ACTIVE and document.current_version == source.version
    )


def _changed_facts(document: Document, facts: Mapping[str, Any]) -> list[str]:
    return [name for name in _FACTS if name in facts and _plain(getattr(document, name)) != _plain(facts[name])]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _overruled(entry: Entry, kept: Kept) -> tuple[str, ...]:
    """What was done by hand since the last sync and does not stay."""
    document, source, newest = kept.document, kept.source, kept.newest
    if source is None or not source.digest:
        return ()
    found = []
    if document.status is DocumentStatus.ARCHIVED:
        found.append("it was archived by hand; its file is here, so it is in use again")
    if newest is not None and newest.version_string != source.version:
        found.append(
            f"it was changed by hand since the last sync: {newest.version_string} by {newest.author} is overwritten by "
            "what the pack has; it stays among the versions"
        )
    elif not source.facts.get("draft") and document.current_version not in (source.version, None):
        found.append(f"{document.current_version} was made current by hand; what the pack has is current again")
    names = _changed_facts(document, source.facts)
    if names and entry.kind is DocumentKind.TEMPLATE:
        found.append(f"changed by hand and set back: {', '.join(names)}")
    return tuple(found)
