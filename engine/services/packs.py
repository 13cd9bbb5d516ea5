"""What can be done with packs.

A pack is read and judged in a thread, and written file by file: each file is one transaction, so a bad one stops no
other. A pack as a whole is refused, and nothing of it is loaded, where its manifest is wrong, its files are not those
of its MANIFEST.sha256, or packs it needs are not there.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.clock import new_id
from engine.core import pack_export, pack_versions
from engine.core.documents import FILE_TYPES, Document, DocumentKind, DocumentStatus
from engine.core.events import Kind
from engine.core.pack_export import Exported
from engine.core.pack_reports import Preview, Removal, Report, Validation
from engine.core.packs import Pack, PackDocument, PackSource, SourceKind, guess_ref, parse_ref
from engine.core.page import EVERYTHING, Page
from engine.errors import Conflict, Invalid, NotFound, PureBootError, Unavailable
from engine.packs.places import Places
from engine.services.context import Context
from engine.services.pack_checks import PackChecks
from engine.services.pack_sources import PackSources, described, digest, needs, with_words
from engine.services.pack_sync import Writer
from engine.services.pack_syncing import EVERY_KIND, Syncing, note
from engine.services.workflows import Workflows
from engine.store import documents, executions, packs
from engine.store.tx import Tx


class Packs:
    """Packs: add, sync, check, compare, remove, export. `by` is the principal who asks.

    `local` is for who asks on this machine itself and may name any folder; others may name folders below `packs.dir`
    and repositories at https and ssh URLs.
    """

    def __init__(self, context: Context, workflows: Workflows) -> None:
        self._context = context
        self._sources = PackSources(context)
        self._syncing = Syncing(context, workflows.problems_of)
        self._checks = PackChecks(context, self._sources, self._syncing)
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def places(self) -> Places:
        """Where packs are."""
        return self._sources.places

    async def find(self, page: Page = EVERYTHING) -> tuple[list[Pack], int]:
        """A page of the packs, and how many there are."""
        return await self._context.database.read(lambda tx: packs.find(tx, page))

    async def get(self, reference: str) -> Pack:
        """The pack with this ref or id.

        Raises:
            NotFound: there is none.
        """
        return await self._context.database.read(lambda tx: packs.get(tx, reference))

    async def documents(self, reference: str) -> list[PackDocument]:
        """The documents that came from a pack, by name, those included whose file is gone.

        Raises:
            NotFound: there is no such pack.
        """
        rows = await self._context.database.read(lambda tx: packs.sources(tx, packs.get(tx, reference).ref))
        return [_listed(document, source) for document, source in rows]

    async def source_of(self, document_id: str) -> PackSource | None:
        """Which pack a document came from, if from any."""
        return await self._context.database.read(lambda tx: packs.source_of(tx, document_id))

    async def unknown(self) -> list[str]:
        """Folders below `packs.dir` that hold a pack nobody has added."""
        known, _ = await self.find()
        sources = {each.source for each in known}
        return await asyncio.to_thread(self.places.unknown, sources)

    async def add(
        self,
        source: str,
        *,
        by: str,
        ref: str | None = None,
        revision: str | None = None,
        manifest_sha256: str | None = None,
        fallback: Mapping[str, str] | None = None,
        local: bool = False,
        adopt: bool = False,
    ) -> tuple[Pack, Report]:
        """Add a pack and sync it. `fallback` is the label, version or description where the manifest says none.

        Raises:
            Invalid: the source may not be named, or the pack as a whole is wrong; nothing was added.
            NotFound: there is no such folder or revision.
            Conflict: there is a pack of this ref.
            Unavailable: the source cannot be read.
        """
        place = self.places.place(source, revision, local=local)
        now = self._context.now()
        blank = Pack(
            id=new_id(),
            ref=parse_ref(ref) if ref is not None else guess_ref(place.source),
            source=place.source,
            source_kind=place.kind,
            revision=place.revision,
            manifest_sha256=digest(manifest_sha256),
            created_at=now,
            updated_at=now,
        )
        pack, files = await self._sources.fetched(with_words(blank, fallback or {}))
        pack = described(pack, files, ref)
        async with self._lock(pack.ref):
            await self._sources.require_whole(pack, files)

            def work(tx: Tx) -> None:
                packs.add(tx, pack)
                note(self._context, tx, Kind.PACK_ADDED, by, pack, {"source": pack.source, "revision": pack.revision})

            await self._context.database.write(work)
            return await self._syncing.sync(pack, pack, files, by=by, adopt=adopt)

    async def update(
        self,
        reference: str,
        values: Mapping[str, Any] | None = None,
        *,
        by: str,
        local: bool = False,
        adopt: bool = False,
    ) -> tuple[Pack, Report]:
        """Change what is known of a pack, and sync it: of a repository, at the commit that its revision means now.

        Raises:
            NotFound, Invalid, Unavailable: as `add`; nothing was changed.
        """
        pack = await self.get(reference)
        async with self._lock(pack.ref):
            pack = await self.get(reference)
            after, files = await self._sources.fetched(
                self._sources.changed(pack, values or {}, local=local), (values or {}).get("commit_id")
            )
            after = described(after, files, pack.ref)
            await self._sources.require_whole(after, files)
            return await self._syncing.sync(pack, after, files, by=by, adopt=adopt)

    async def sync(
        self, reference: str, *, by: str, kinds: frozenset[DocumentKind] = EVERY_KIND, adopt: bool = False
    ) -> Report:
        """Let the documents be as the pack's files have them: of a repository, at the commit that was settled when it
        was added or last updated. A folder below `packs.dir` that nobody has added is added.

        Raises:
            NotFound: there is no such pack, or its source is gone.
            Invalid: the pack as a whole is wrong; nothing was changed.
            Unavailable: it cannot be read, or the store cannot be written.
        """
        try:
            pack = await self.get(reference)
        except NotFound:
            if not self._sources.lies_here(reference):
                raise
            return (await self.add(reference, by=by, ref=reference, adopt=adopt))[1]
        async with self._lock(pack.ref):
            pack = await self.get(pack.id)
            try:
                files = await asyncio.to_thread(self.places.read, pack)
                after = described(replace(pack, commit_id=files.commit_id), files, pack.ref)
                await self._sources.require_whole(after, files)
            except (Invalid, NotFound, Conflict) as error:
                await self._syncing.note_failure(pack, error, by)
                raise
            return (await self._syncing.sync(pack, after, files, by=by, kinds=kinds, adopt=adopt))[1]

    async def sync_all(self, *, by: str, refs: Iterable[str] | None = None) -> dict[str, Report | PureBootError]:
        """Sync several packs, or all, each after those it needs; gives what became of each.

        Raises:
            Unavailable: the store cannot be used.
        """
        known, _ = await self.find()
        wanted = {each.ref for each in known} if refs is None else set(refs)
        found: dict[str, Report | PureBootError] = {}
        for ref in pack_versions.ordered(needs(each) for each in known):
            if ref in wanted:
                try:
                    found[ref] = await self.sync(ref, by=by)
                except PureBootError as error:
                    found[ref] = error
        return found

    async def validate(self, reference: str, *, kinds: frozenset[DocumentKind] = EVERY_KIND) -> Validation:
        """Everything that is wrong with a pack as its files are now; changes nothing.

        Raises:
            NotFound: there is no such pack, or its source is gone.
            Unavailable: it cannot be read.
        """
        try:
            pack = await self.get(reference)
        except NotFound:
            if not self._sources.lies_here(reference):
                raise
            pack = self._sources.passing(reference, reference)
        return await self._checks.validate(pack, kinds)

    async def validate_source(self, source: str, *, revision: str | None = None) -> Validation:
        """As `validate`, for a folder or repository that need not be added; for who asks on this machine itself."""
        place = self.places.place(source, revision, local=True)
        passing = self._sources.passing(guess_ref(place.source), place.source)
        return await self._checks.validate(
            replace(passing, source_kind=place.kind, revision=place.revision), EVERY_KIND, None
        )

    async def preview(
        self, reference: str, values: Mapping[str, Any] | None = None, *, local: bool = False, adopt: bool = False
    ) -> Preview:
        """What `update` with these values would do; changes nothing.

        Raises:
            NotFound, Invalid, Unavailable: as `update`.
        """
        before = await self.get(reference)
        pack, files = await self._sources.fetched(self._sources.changed(before, values or {}, local=local))
        pack = described(pack, files, before.ref)
        await self._sources.require_whole(pack, files)
        return await self._checks.preview(before, pack, files, adopt=adopt)

    async def removal(self, reference: str) -> Removal:
        """What would go with a pack.

        Raises:
            NotFound: there is no such pack.
        """
        return await self._context.database.read(lambda tx: _removal(tx, packs.get(tx, reference)))

    async def remove(self, reference: str, *, by: str, force: bool = False) -> Pack:
        """Forget a pack and archive its documents, whose versions stay: all of it in one transaction.

        Raises:
            NotFound: there is no such pack.
            Conflict: executions run workflows of it, or other packs need it, and it is not forced.
        """

        def work(tx: Tx) -> Pack:
            pack = packs.get(tx, reference)
            going = _removal(tx, pack)
            if not force:
                _refuse_removal(pack, going)
            writer = Writer(context=self._context, pack=pack, by=by)
            for document, source in packs.sources(tx, pack.ref):
                if document.status is not DocumentStatus.ARCHIVED:
                    writer.archived(tx, document.id, source, "")
            packs.remove(tx, pack.id)
            data = {"archived": len(going.documents), "live_executions": sum(going.live.values())}
            note(self._context, tx, Kind.PACK_REMOVED, by, pack, data)
            return pack

        gone = await self._context.database.write(work)
        await self._forget(gone)
        return gone

    async def _forget(self, gone: Pack) -> None:
        """Remove what was fetched of a repository that no pack comes from any more."""
        known, _ = await self.find()
        if gone.source_kind is SourceKind.GIT and all(each.source != gone.source for each in known):
            with contextlib.suppress(Unavailable):
                await asyncio.to_thread(self.places.repository(gone.source).forget)

    async def export(
        self, ref: str, *, names: Sequence[str] = (), tags: Sequence[str] = (), label: str = "", description: str = ""
    ) -> dict[str, bytes]:
        """The library, or those documents of it that have one of the names or one of the tags, as the files of a pack:
        templates and workflows as they are in use now, and drafts of workflows that never were.

        Raises:
            Invalid: the ref is none.
            NotFound: a name is nobody's.
        """
        parse_ref(ref)

        def work(tx: Tx) -> list[Exported]:
            chosen = _chosen(tx, names, tags)
            texts = packs.current_texts(tx, chosen)
            return [Exported(document=each, content=texts[each.id]) for each in chosen if each.id in texts]

        found = await self._context.database.read(work)
        return await asyncio.to_thread(lambda: pack_export.export(found, ref=ref, label=label, description=description))

    async def not_exported(self) -> dict[str, str]:
        """The templates that an export of the whole library leaves out, by name, and why."""
        found, _ = await self._context.database.read(lambda tx: documents.find(tx, DocumentKind.TEMPLATE, EVERYTHING))
        return {each.name: why for each in found if (why := _not_exported(each)) is not None}

    def _lock(self, ref: str) -> asyncio.Lock:
        return self._locks.setdefault(ref, asyncio.Lock())


def _listed(document: Document, source: PackSource) -> PackDocument:
    return PackDocument(
        id=document.id,
        kind=document.kind,
        name=document.name,
        type=document.type,
        status=document.status.value,
        path=source.path,
        current_version=document.current_version,
        latest_version=document.latest_version,
        pack_version=source.pack_version,
        commit_id=source.commit_id,
    )


def _removal(tx: Tx, pack: Pack) -> Removal:
    rows = [document for document, _ in packs.sources(tx, pack.ref) if document.status is not DocumentStatus.ARCHIVED]
    live = {each.name: executions.count_live(tx, each.id) for each in rows if each.kind is DocumentKind.WORKFLOW}
    others, _ = packs.find(tx, EVERYTHING)
    return Removal(
        documents=tuple(each.name for each in rows),
        live={name: count for name, count in live.items() if count},
        needed_by=tuple(each.ref for each in others if pack.ref in each.dependencies),
    )


def _refuse_removal(pack: Pack, going: Removal) -> None:
    if going.live:
        running = ", ".join(f"{name} ({count})" for name, count in going.live.items())
        raise Conflict(f"executions run workflows of the pack {pack.ref}: {running}; wait for their end, or force it")
    if going.needed_by:
        raise Conflict(f"packs need the pack {pack.ref}: {', '.join(going.needed_by)}; remove them first, or force it")


def _chosen(tx: Tx, names: Sequence[str], tags: Sequence[str]) -> list[Document]:
    """The documents to export: templates in use, workflows in use or not yet."""
    found = [
        *documents.find(tx, DocumentKind.TEMPLATE, EVERYTHING)[0],
        *documents.find(tx, DocumentKind.WORKFLOW, EVERYTHING)[0],
    ]
    unknown = sorted(set(names) - {each.name for each in found})
    if unknown:
        raise NotFound(f"there is no template or workflow {', '.join(unknown)}")
    chosen = [each for each in found if _not_exported(each) is None]
    here = {each.name for each in chosen}
    if refused := [each for each in found if each.name in set(names) - here]:
        raise Invalid("; ".join(f"{each.name} cannot be exported: {_not_exported(each)}" for each in refused))
    if not names and not tags:
        return chosen
    return [each for each in chosen if each.name in names or set(tags) & set(each.tags)]


def _not_exported(document: Document) -> str | None:
    """Why a document is left out of an export, if it is: a draft of a template would be none where it is synced."""
    if document.type in FILE_TYPES:
        return f"a file ({document.type}); a pack holds texts"
    if document.kind is DocumentKind.TEMPLATE and document.current_version is None:
        return "no version of it is in use"
    return None
