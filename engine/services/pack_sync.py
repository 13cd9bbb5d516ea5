"""One file of a pack into the store: each is one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.clock import new_id
from engine.core import documents as core
from engine.core.documents import Document, DocumentKind, DocumentStatus
from engine.core.events import Kind, NewEvent
from engine.core.pack_files import Entry
from engine.core.pack_plan import Action, Decision, Kept, decide
from engine.core.pack_reports import Done
from engine.core.packs import Pack, PackSource
from engine.errors import Conflict
from engine.services.context import Context
from engine.store import documents, events, packs
from engine.store.tx import Tx

_KINDS: Mapping[DocumentKind, Mapping[str, Kind]] = {
    DocumentKind.TEMPLATE: {
        "created": Kind.TEMPLATE_CREATED,
        "version": Kind.TEMPLATE_VERSION_CREATED,
        "updated": Kind.TEMPLATE_UPDATED,
        "current": Kind.TEMPLATE_CURRENT_CHANGED,
        "archived": Kind.TEMPLATE_ARCHIVED,
    },
    DocumentKind.WORKFLOW: {
        "created": Kind.WORKFLOW_CREATED,
        "version": Kind.WORKFLOW_VERSION_CREATED,
        "current": Kind.WORKFLOW_PUBLISHED,
        "archived": Kind.WORKFLOW_ARCHIVED,
    },
}
_FACTS = ("type", "description", "os_family", "tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes documents of one pack. `adopt` takes over documents that are not the pack's."""

    context: Context
    pack: Pack
    by: str
    adopt: bool = False

    async def write(self, entry: Entry, warnings: tuple[str, ...] = ()) -> Done:
        """Let a document be as a file has it.

        Raises:
            Conflict: it is not the pack's to change.
            Unavailable: the store cannot be written.
        """
        document_id, version_id = new_id(), new_id()

        def work(tx: Tx) -> Done:
            kept = packs.kept(tx, entry.kind, entry.name)
            decision = decide(
                entry,
                kept,
                ref=self.pack.ref,
                document_id=document_id,
                now=self.context.now(),
                adopt=self.adopt,
            )
            if decision.action is Action.REFUSED or decision.after is None:
                raise Conflict("; ".join(decision.warnings))
            self._apply(tx, entry, kept, decision, decision.after, version_id)
            return Done(
                kind=entry.kind,
                name=entry.name,
                path=entry.path,
                action=decision.action,
                document_id=decision.after.id,
                version=decision.after.latest_version or "",
                warnings=(*decision.warnings, *warnings),
            )

        return await self.context.database.write(work)

    def _apply(
        self, tx: Tx, entry: Entry, kept: Kept | None, decision: Decision, after: Document, version_id: str
    ) -> None:
        if kept is None:
            documents.add(tx, after)
            self._note(tx, "created", after, {"type": after.type} if after.type else {})
        elif decision.action is Action.CHANGED:
            documents.save(tx, after)
        if decision.number is not None:
            version = core.make_version(
                after,
                decision.number,
                entry.content or "",
                version_id=version_id,
                author=self.by,
                commit_message=self._message(entry),
                now=self.context.now(),
            )
            documents.add_version(tx, version)
            data = {"version": version.version_string, "commit_message": version.commit_message}
            self._note(tx, "version", after, data)
        self._note_rest(tx, kept, after, decision)
        source = self._source(entry, after)
        if kept is None or kept.source != source:
            packs.keep_source(tx, source)

    def _note_rest(self, tx: Tx, kept: Kept | None, after: Document, decision: Decision) -> None:
        """What changed beside the content."""
        before = (
            kept.document if kept is not None else replace(after, current_version=None, status=DocumentStatus.DRAFT)
        )
        is_template = after.kind is DocumentKind.TEMPLATE
        moved = (before.current_version, before.status) != (after.current_version, after.status)
        if moved and after.status is DocumentStatus.ACTIVE and not (is_template and decision.number):
            data = {"version": after.current_version}
            versions = {"from_version": before.current_version, "to_version": after.current_version}
            self._note(tx, "current", after, data if not is_template else versions)
        changes = {
            name: [getattr(before, name), getattr(after, name)]
            for name in _FACTS
            if getattr(before, name) != getattr(after, name)
        }
        if changes and is_template and kept is not None:
            self._note(tx, "updated", after, {"changes": changes})

    def _message(self, entry: Entry) -> str:
        at = f" at {self.pack.commit_id[:12]}" if self.pack.commit_id else ""
        return f"pack {self.pack.ref} {self.pack.version}{at}: {entry.path}"

    def _source(self, entry: Entry, after: Document) -> PackSource:
        facts = {name: list(value) if isinstance(value, tuple) else value for name, value in entry.facts.items()}
        return PackSource(
            document_id=after.id,
            pack_ref=self.pack.ref,
            path=entry.path,
            pack_version=self.pack.version,
            commit_id=self.pack.commit_id,
            digest=entry.digest,
            version=after.latest_version or "",
            facts=facts,
        )

    async def archive(self, document: Document, source: PackSource, why: str) -> Done:
        """End the use of a document whose file is gone; its versions stay."""
        return await self.context.database.write(lambda tx: self.archived(tx, document.id, source, why))

    def archived(self, tx: Tx, document_id: str, source: PackSource, why: str) -> Done:
        """As `archive`, within a transaction."""
        document = documents.by_id(tx, document_id)
        after = document
        if document.status is not DocumentStatus.ARCHIVED:
            after = replace(document, status=DocumentStatus.ARCHIVED, updated_at=self.context.now())
            documents.save(tx, after)
            self._note(tx, "archived", after, {})
        packs.keep_source(tx, replace(source, digest=""))
        return Done(
            kind=after.kind,
            name=after.name,
            path=source.path,
            action=Action.ARCHIVED,
            document_id=after.id,
            version=after.latest_version or "",
            warnings=(why,),
        )

    def _note(self, tx: Tx, what: str, document: Document, data: Mapping[str, Any]) -> None:
        source = {"pack": self.pack.ref, "pack_version": self.pack.version, "commit": self.pack.commit_id}
        facts = {f"{document.kind}_id": document.id, "name": document.name, **data, "source": source}
        kind = _KINDS[document.kind][what]
        events.append(tx, [NewEvent(kind=kind, at=self.context.now(), principal=self.by, data=facts)])
