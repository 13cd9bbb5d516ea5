"""The catalogue of a store's library, put together with little reading: what a text names is remembered."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from engine.core import sources, workflow_file
from engine.core.documents import Document, DocumentKind, DocumentStatus
from engine.core.page import Page
from engine.core.usage import Catalogue, Key, Number, Volume
from engine.core.uses import Use, of_template, of_workflow
from engine.errors import Invalid
from engine.services.context import Context
from engine.services.searching import texts_of
from engine.store import documents, library
from engine.store.library import Entry
from engine.store.tx import Tx

_EVERYTHING = Page(limit=None, filters={"status": tuple(status.value for status in DocumentStatus)})
_KEPT = 50_000  # texts whose uses are remembered: most name nothing, and cost a hundred bytes


class Catalogues:
    """Makes catalogues; `uses` of texts are remembered by their hash."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._uses: dict[tuple[DocumentKind, str], tuple[Use, ...]] = {}

    async def read(self, also: Iterable[Use] = ()) -> Catalogue:
        """The catalogue as it is now; complete also for some uses from outside, such as those of executions."""
        made = await self._context.database.read(_volumes)
        found = await asyncio.to_thread(_catalogue, *made)
        return await self.complete(found, also)

    async def complete(self, catalogue: Catalogue, also: Iterable[Use] = ()) -> Catalogue:
        """The catalogue with the uses of every version that is shown or named."""
        also, absent = list(also), set[Key]()
        while wanted := [key for key in catalogue.missing(also) if key not in absent]:
            found = await self._uses_of(catalogue, wanted)
            absent |= {key for key in wanted if key not in found}
            catalogue = replace(catalogue, uses={**catalogue.uses, **found})
        return catalogue

    async def _uses_of(self, catalogue: Catalogue, keys: Sequence[Key]) -> dict[Key, tuple[Use, ...]]:
        entries = await self.entries(catalogue, keys)
        unknown = {
            entry.version_id: entry
            for key, entry in entries.items()
            if (key.kind, entry.content_hash) not in self._uses
        }
        kinds = {entry.version_id: key.kind for key, entry in entries.items()}
        if len(self._uses) > _KEPT:
            self._uses.clear()
            unknown = {entry.version_id: entry for entry in entries.values()}
        async for piece, texts in texts_of(self._context, unknown.values()):
            named = await asyncio.to_thread(_named, kinds, texts)
            for entry in piece:
                self._uses[kinds[entry.version_id], entry.content_hash] = named.get(entry.version_id, ())
        return {key: self._uses[key.kind, entry.content_hash] for key, entry in entries.items()}

    async def entries(self, catalogue: Catalogue, keys: Iterable[Key]) -> dict[Key, Entry]:
        """Where the texts of versions are."""
        wanted = set(keys)
        found: dict[Key, Entry] = {}
        for kind in DocumentKind:
            mine = [key for key in wanted if key.kind is kind]
            older = [key for key in mine if key.version != catalogue.volumes[kind, key.name].shown]
            ids = [catalogue.volumes[kind, key.name].id for key in older]
            names = {volume.id: volume.name for volume in catalogue.volumes.values() if volume.kind is kind}
            listed = await self._context.database.read(lambda tx, kind=kind: library.entries(tx, kind)) if mine else []  # type: ignore[misc]
            for at in range(0, len(ids), library.PIECE):
                some = ids[at : at + library.PIECE]
                listed += await self._context.database.read(
                    lambda tx, kind=kind, some=some: library.entries(tx, kind, every_version=True, ids=some)  # type: ignore[misc]
                )
            for entry in listed:
                key = Key(kind, names.get(entry.document_id, ""), entry.version)
                if key in wanted:
                    found[key] = entry
        return found

    async def texts(self, catalogue: Catalogue, keys: Iterable[Key]) -> dict[Key, str]:
        """The texts of versions."""
        entries = await self.entries(catalogue, keys)
        at = {entry.version_id: key for key, entry in entries.items()}
        found: dict[Key, str] = {}
        async for _, texts in texts_of(self._context, entries.values()):
            found |= {at[version_id]: content for version_id, content in texts.items()}
        return found


def _volumes(tx: Tx) -> tuple[list[Document], list[tuple[str, int, int, bool]]]:
    found = [each for kind in DocumentKind for each in documents.find(tx, kind, _EVERYTHING)[0]]
    return found, library.numbers(tx)


def _catalogue(listed: Sequence[Document], versions: Sequence[tuple[str, int, int, bool]]) -> Catalogue:
    numbers: dict[str, list[Number]] = {each.id: [] for each in listed}
    drafts: dict[str, list[Number]] = {each.id: [] for each in listed}
    for document_id, major, minor, draft in versions:
        if document_id in numbers:
            numbers[document_id].append((major, minor))
            if draft:
                drafts[document_id].append((major, minor))
    return Catalogue(
        volumes={
            (each.kind, each.name): Volume(
                id=each.id,
                kind=each.kind,
                name=each.name,
                type=each.type,
                status=each.status,
                current=each.current_version,
                shown=each.current_version or each.latest_version,
                numbers=tuple(numbers[each.id]),
                drafts=frozenset(drafts[each.id]),
            )
            for each in listed
        }
    )


def _named(kinds: Mapping[str, DocumentKind], texts: Mapping[str, str]) -> dict[str, tuple[Use, ...]]:
    return {key: uses_of(kinds[key], text) for key, text in texts.items()}


def uses_of(kind: DocumentKind, text: str) -> tuple[Use, ...]:
    """What a text names; a workflow that does not read any more names nothing."""
    if kind is DocumentKind.TEMPLATE:
        return of_template(text)
    try:
        found = of_workflow(workflow_file.parse(sources.read_one(text)))
    except Invalid:
        return ()
    return tuple(use for uses in found.values() for use in uses)
