"""What a sync of a pack would do, and what is wrong with a pack: nothing here changes anything."""

import asyncio
from collections.abc import Mapping

from engine.core import pack_files
from engine.core.documents import Document, DocumentKind
from engine.core.pack_files import Entry, Reading
from engine.core.pack_plan import Action, Decision, Kept, decide
from engine.core.pack_reports import Planned, Preview, Validation
from engine.core.packs import MANIFEST, Pack, PackFiles, PackSource
from engine.errors import Invalid, Problem
from engine.packs.checks import Findings
from engine.services.context import Context
from engine.services.pack_sources import PackSources, described
from engine.services.pack_syncing import EVERY_KIND, Syncing, gone, is_of, settled, templates
from engine.store import packs
from engine.store.tx import Tx


class PackChecks:
    """Checks and previews of packs."""

    def __init__(self, context: Context, sources: PackSources, syncing: Syncing) -> None:
        self._context = context
        self._sources = sources
        self._syncing = syncing

    async def preview(self, before: Pack, pack: Pack, files: PackFiles, *, adopt: bool) -> Preview:
        """What a sync of the pack with these files would do."""
        rows, names = await self._context.database.read(lambda tx: (packs.sources(tx, pack.ref), templates(tx)))
        reading = await asyncio.to_thread(pack_files.read, files, ref=pack.ref, known=settled(rows))
        findings = await self._syncing.findings(reading.entries, reading, names | _names(reading))
        good = [entry for entry in reading.entries if not findings[entry.path].errors]

        def work(tx: Tx) -> tuple[Planned, ...]:
            planned = [self._planned(tx, pack, entry, adopt) for entry in good]
            going = gone(rows, reading, EVERY_KIND)
            texts = packs.current_texts(tx, [document for document, _ in going])
            return (
                *planned,
                *(_to_go(document, source, texts[document.id]) for document, source in going if document.id in texts),
            )

        planned = await self._context.database.read(work)
        return Preview(pack=pack, before=before, planned=planned, errors=_errors(reading, findings))

    async def validate(self, pack: Pack, kinds: frozenset[DocumentKind], ref: str | None = "") -> Validation:
        """Everything that is wrong with a pack; `ref` None takes the ref that the manifest says."""
        wanted = pack.ref if ref == "" else ref
        try:
            files = await asyncio.to_thread(self._sources.places.read, pack)
            pack = described(pack, files, wanted)
            await self._sources.require_whole(pack, files)
            reading = await asyncio.to_thread(pack_files.read, files, ref=pack.ref)
        except Invalid as error:
            messages = tuple(str(each) for each in error.problems)
            return Validation(pack_ref=pack.ref, validated_count=0, error_count=1, errors={pack.ref: messages})
        names, refused = await self._context.database.read(lambda tx: (templates(tx), self._refused(tx, pack, reading)))
        findings = await self._syncing.findings(reading.entries, reading, names | _names(reading))
        problems = {path: list(found) for path, found in reading.problems.items()}
        for entry in reading.entries:
            problems.setdefault(entry.path, []).extend([*findings[entry.path].errors, *refused.get(entry.path, ())])
        by_path = {entry.path: entry.name for entry in reading.entries}
        errors = {
            by_path.get(path, path): tuple(str(each) for each in found)
            for path, found in sorted(problems.items())
            if found and is_of(path, kinds)
        }
        count = len({path for path in problems if path != MANIFEST and is_of(path, kinds)})
        return Validation(pack_ref=pack.ref, validated_count=count, error_count=len(errors), errors=errors)

    def _refused(self, tx: Tx, pack: Pack, reading: Reading) -> dict[str, list[Problem]]:
        """Files whose documents are not the pack's."""
        found = {}
        for entry in reading.entries:
            decision = self._decision(tx, pack, entry, packs.kept(tx, entry.kind, entry.name), adopt=False)
            if decision.action is Action.REFUSED:
                found[entry.path] = [Problem(file=entry.path, message=each) for each in decision.warnings]
        return found

    def _decision(self, tx: Tx, pack: Pack, entry: Entry, kept: Kept | None, *, adopt: bool) -> Decision:
        return decide(entry, kept, ref=pack.ref, document_id="", now=self._context.now(), adopt=adopt)

    def _planned(self, tx: Tx, pack: Pack, entry: Entry, adopt: bool) -> Planned:
        if entry.content is None:
            return Planned(kind=entry.kind, name=entry.name, path=entry.path, action=Action.UNCHANGED)
        kept = packs.kept(tx, entry.kind, entry.name)
        decision = self._decision(tx, pack, entry, kept, adopt=adopt)
        before = packs.current_texts(tx, [kept.document]) if kept is not None else {}
        text = next(iter(before.values()), None)
        return Planned(
            kind=entry.kind,
            name=entry.name,
            path=entry.path,
            action=decision.action,
            before=text,
            after=entry.content,
            facts=_facts_changed(kept, decision.after),
            warnings=decision.warnings,
        )


def _names(reading: Reading) -> set[str]:
    return {each.name for each in reading.entries if each.kind is DocumentKind.TEMPLATE}


def _errors(reading: Reading, findings: Mapping[str, Findings]) -> tuple[Problem, ...]:
    found = {**reading.problems, **{path: each.errors for path, each in findings.items() if each.errors}}
    return tuple(each for path in sorted(found) for each in found[path])


def _to_go(document: Document, source: PackSource, content: str) -> Planned:
    return Planned(
        kind=document.kind, name=document.name, path=source.path, action=Action.ARCHIVED, before=content, after=None
    )


def _facts_changed(kept: Kept | None, after: Document | None) -> dict[str, tuple[object, object]]:
    if kept is None or after is None:
        return {}
    pairs = {
        name: (getattr(kept.document, name), getattr(after, name))
        for name in ("type", "description", "os_family", "tags")
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
