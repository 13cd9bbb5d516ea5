"""A pack's files into the store: read and judged in a thread, then written, each file in a transaction of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.core import pack_files
from engine.core.documents import Document, DocumentKind
from engine.core.events import Kind, NewEvent
from engine.core.pack_files import Entry, Reading
from engine.core.pack_plan import Action, as_left
from engine.core.pack_reports import Done, Report, report
from engine.core.packs import MANIFEST, Pack, PackFiles, PackSource
from engine.errors import Problem, PureBootError, Unavailable
from engine.packs.checks import Checks, CheckWorkflow, Findings
from engine.services.context import Context
from engine.services.pack_sync import Writer
from engine.services.pack_texts import PackTexts
from engine.store import documents, events, packs
from engine.store.tx import Tx

EVERY_KIND = frozenset(DocumentKind)
_AT_ONCE = 64  # files that are on their way to the store, which commits them together

Rows = Sequence[tuple[Document, PackSource]]


class Syncing:
    """Syncs packs whose files were read."""

    def __init__(self, context: Context, check_workflow: CheckWorkflow) -> None:
        self._context = context
        self._check_workflow = check_workflow

    async def sync(
        self,
        before: Pack,
        pack: Pack,
        files: PackFiles,
        *,
        by: str,
        kinds: frozenset[DocumentKind] = EVERY_KIND,
        adopt: bool = False,
    ) -> tuple[Pack, Report]:
        """Let documents be as the files have them; `before` is the pack as it is kept now.

        Raises:
            Invalid: the manifest is wrong; nothing was changed.
            Unavailable: the store cannot be written.
        """
        rows = await self._context.database.read(lambda tx: packs.sources(tx, pack.ref))
        reading = await asyncio.to_thread(pack_files.read, files, ref=pack.ref, known=settled(rows))
        writer = Writer(context=self._context, pack=pack, by=by, adopt=adopt)
        by_path = {source.path: (document, source) for document, source in rows}
        done = [
            _unchanged(*by_path[each.path]) for each in reading.entries if each.content is None and each.kind in kinds
        ]
        errors = {path: list(found) for path, found in reading.problems.items() if is_of(path, kinds)}
        for kind in DocumentKind:  # templates first, as their order is
            if kind in kinds:
                fresh = [each for each in reading.entries if each.kind is kind and each.content is not None]
                done += await self._write(writer, fresh, reading, errors)
        for document, source in gone(rows, reading, kinds):
            done.append(await writer.archive(document, source, f"archived: its file {source.path} is gone"))
        loaded = sum(each.kind in kinds and each.path not in errors for each in reading.entries)
        listed = [each for path in sorted(errors) for each in errors[path]]
        told = report(pack.ref, done, loaded, listed, pack.commit_id)
        return await self._finish(before, pack, told, by), told

    async def _write(
        self, writer: Writer, entries: Sequence[Entry], reading: Reading, errors: dict[str, list[Problem]]
    ) -> list[Done]:
        """Write files of one kind; what is wrong with one is kept in `errors`."""
        if not entries:
            return []
        names = await self._context.database.read(templates)
        own = {each.name for each in entries if each.kind is DocumentKind.TEMPLATE}
        findings = await self.findings(entries, reading, names | own)
        errors.update({path: list(found.errors) for path, found in findings.items() if found.errors})
        good = [entry for entry in entries if not findings[entry.path].errors]
        done: list[Done] = []
        for start in range(0, len(good), _AT_ONCE):
            some = good[start : start + _AT_ONCE]
            results = await asyncio.gather(
                *(writer.write(each, findings[each.path].warnings) for each in some), return_exceptions=True
            )
            for entry, result in zip(some, results, strict=True):
                if isinstance(result, Done):
                    done.append(result)
                elif isinstance(result, Unavailable) or not isinstance(result, PureBootError):
                    raise result
                else:
                    errors[entry.path] = [Problem(file=entry.path, message=result.message)]
        return done

    async def findings(self, entries: Sequence[Entry], reading: Reading, templates: set[str]) -> dict[str, Findings]:
        """What is wrong with files, by their paths, beside templates of these names."""
        fresh = [each for each in entries if each.content is not None]
        texts = await PackTexts.read(self._context, [each for each in fresh if each.kind is DocumentKind.TEMPLATE])
        checks = Checks(self._check_workflow, texts.check, templates, dict(reading.templates))
        return await asyncio.to_thread(
            lambda: {each.path: Findings() if each.content is None else checks.findings(each) for each in entries}
        )

    async def _finish(self, before: Pack, pack: Pack, told: Report, by: str) -> Pack:
        """Keep what is known of the pack now; nothing is written where nothing has changed."""
        error = _summary(told.errors)
        after = replace(pack, last_error=error, synced_at=before.synced_at, updated_at=before.updated_at)
        if after == before and not told.is_change:
            return before
        now = self._context.now()
        after = replace(after, synced_at=now, updated_at=now)

        def work(tx: Tx) -> None:
            packs.get(tx, after.id)  # it may have been removed meanwhile
            packs.save(tx, after)
            data = {**told.counts, "pack_version": after.version, "commit": after.commit_id, "error": error}
            note(self._context, tx, Kind.PACK_SYNCED, by, after, data)

        await self._context.database.write(work)
        return after

    async def note_failure(self, pack: Pack, error: PureBootError, by: str) -> None:
        """Keep why a pack as a whole could not be synced; the same once."""
        after = replace(pack, last_error=error.message[:2000], updated_at=self._context.now())
        if after.last_error == pack.last_error:
            return

        def work(tx: Tx) -> None:
            packs.save(tx, after)
            note(self._context, tx, Kind.PACK_FAILED, by, after, {"error": after.last_error})

        await self._context.database.write(work)


def note(context: Context, tx: Tx, kind: Kind, by: str, pack: Pack, data: Mapping[str, object]) -> None:
    """Write an event of a pack."""
    facts = {"pack_id": pack.id, "name": pack.ref, **data}
    events.append(tx, [NewEvent(kind=kind, at=context.now(), principal=by, data=facts)])


def templates(tx: Tx) -> set[str]:
    """The names of the templates there are."""
    return documents.names(tx, DocumentKind.TEMPLATE)


def settled(rows: Rows) -> dict[str, tuple[str, str]]:
    """The files whose documents are as the pack left them."""
    return {source.path: (source.digest, document.name) for document, source in rows if as_left(document, source)}


def gone(rows: Rows, reading: Reading, kinds: frozenset[DocumentKind]) -> list[tuple[Document, PackSource]]:
    """The documents whose files are not there any more; a bad file is, though nothing is known of it."""
    there = {(each.kind, each.name) for each in reading.entries}
    return [
        (document, source)
        for document, source in rows
        if document.kind in kinds
        and source.digest
        and source.path not in reading.problems
        and (document.kind, document.name) not in there
    ]


def is_of(path: str, kinds: frozenset[DocumentKind]) -> bool:
    """Whether a file can be a document of one of these kinds; what is said of the manifest concerns all."""
    folder = path.partition("/")[0]
    return kinds == EVERY_KIND or any(folder == f"{kind}s" for kind in kinds) or folder == MANIFEST


def _unchanged(document: Document, source: PackSource) -> Done:
    return Done(
        kind=document.kind,
        name=document.name,
        path=source.path,
        action=Action.UNCHANGED,
        document_id=document.id,
        version=source.version,
    )


def _summary(errors: Sequence[Problem]) -> str | None:
    if not errors:
        return None
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{errors[0]}{more}"[:2000]
