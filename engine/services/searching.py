"""Looking for a text in all documents, and reading many of their texts.

A library may hold hundreds of megabytes: texts are read in pieces, each in a transaction of its own (a version never
changes), and looked at in a thread.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace

from engine.core.documents import Document, DocumentKind
from engine.core.page import Page
from engine.core.search import Found, Match, check_needle, holds, in_facts, search
from engine.services.context import Context
from engine.store import documents, library
from engine.store.library import Entry
from engine.store.tx import Tx

PIECE_BYTES = 2 * 1024 * 1024


async def texts_of(context: Context, entries: Iterable[Entry]) -> AsyncIterator[tuple[list[Entry], Mapping[str, str]]]:
    """The texts of versions by id, in pieces of some megabytes."""
    piece: list[Entry] = []
    size = 0
    for entry in entries:
        if piece and (size + entry.size_bytes > PIECE_BYTES or len(piece) >= library.PIECE):
            yield piece, await _contents(context, piece)
            piece, size = [], 0
        piece.append(entry)
        size += entry.size_bytes
    if piece:
        yield piece, await _contents(context, piece)


async def _contents(context: Context, entries: Sequence[Entry]) -> Mapping[str, str]:
    ids = [entry.version_id for entry in entries]
    return await context.database.read(lambda tx: library.contents(tx, ids))


class Searching:
    """Finds texts in documents."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def search(
        self, kind: DocumentKind, text: str, page: Page, *, every_version: bool = False
    ) -> tuple[list[Found], int]:
        """A page of the documents that have a text in their name, description, tags or content; and how many do.

        It is looked for literally, whatever its case is, in the version that a document shows (the current one), or in
        every one: then each version in which it is stands for itself, newest first.

        Raises:
            Invalid: there is nothing to look for, or the page cannot be.
        """
        check_needle(text)

        def work(tx: Tx) -> tuple[list[Document], list[Entry]]:
            found, _ = documents.find(tx, kind, replace(page, limit=None, offset=0))
            return found, library.entries(tx, kind, every_version=every_version)

        listed, entries = await self._context.database.read(work)
        of: dict[str, list[Entry]] = {each.id: [] for each in listed}
        for entry in entries:
            if entry.document_id in of:
                of[entry.document_id].append(entry)
        wanted = [entry for document in listed for entry in of[document.id]]
        holding = [entry.version_id async for entry in self._holding(wanted, text)]
        pairs = list(_hits(listed, of, set(holding), text))
        shown = pairs if page.limit is None else pairs[page.offset : page.offset + page.limit]
        return await self._located(shown, set(holding), text), len(pairs)

    async def _holding(self, entries: Sequence[Entry], text: str) -> AsyncIterator[Entry]:
        async for piece, texts in texts_of(self._context, entries):
            held = await asyncio.to_thread(lambda t=texts: {key for key, content in t.items() if holds(content, text)})  # type: ignore[misc]
            for entry in piece:
                if entry.version_id in held:
                    yield entry

    async def _located(
        self, pairs: Sequence[tuple[Document, Entry | None, bool]], holding: set[str], text: str
    ) -> list[Found]:
        entries = [entry for _, entry, _ in pairs if entry is not None and entry.version_id in holding]
        places: dict[str, tuple[tuple[Match, ...], int]] = {}
        async for _, texts in texts_of(self._context, entries):
            places |= await asyncio.to_thread(
                lambda t=texts: {key: search(content, text) for key, content in t.items()}  # type: ignore[misc]
            )
        found = []
        for document, entry, names_it in pairs:
            matches, count = in_facts(document, text) if names_it else ((), 0)
            if entry is not None and entry.version_id in places:
                more, often = places[entry.version_id]
                matches, count = matches + more, count + often
            version = entry.version if entry is not None else None
            found.append(Found(document=document, version=version, matches=matches, count=count))
        return found


def _hits(
    listed: Sequence[Document], of: Mapping[str, Sequence[Entry]], holding: set[str], text: str
) -> Iterable[tuple[Document, Entry | None, bool]]:
    """Each document and version in which the text is, and whether it is in the document's own facts."""
    for document in listed:
        names_it = bool(in_facts(document, text)[1])
        for entry in of[document.id]:
            is_named = names_it and entry.is_shown
            if is_named or entry.version_id in holding:
                yield document, entry, is_named
        if names_it and not any(entry.is_shown for entry in of[document.id]):
            yield document, None, True
