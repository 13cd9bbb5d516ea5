"""Looking after blobs: reading them again to see that they are still right, and taking away what nobody needs."""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from engine.blobs.depot import Depot, Leftover
from engine.blobs.threads import held, in_thread
from engine.clock import Clock
from engine.core.blobs import Blob, BlobState, Checked, Collected, to_collect
from engine.core.documents import DocumentKind
from engine.core.events import SYSTEM, Kind, NewEvent
from engine.core.page import EVERYTHING
from engine.errors import Conflict, NotFound, PureBootError, Unavailable
from engine.services.context import Context
from engine.services.files import judged
from engine.services.shelving import depot_of
from engine.sizes import shown_size
from engine.store import blobs, documents, events
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

_READ = 4 * 1024 * 1024  # at once, in a thread
_DUE = 20  # blobs that are looked up at once
_NAMED = 20  # digests in an event
_YOUNGEST_LEFTOVER = 60.0  # seconds: who has just made a file may not have locked it yet
_LOOK_SECONDS = 3600.0

Progress = Callable[[int, int], None]
"""Is told how many bytes were read, and of how many."""


class BlobCare:
    """Verification and garbage collection. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._depot = depot_of(context)

    async def verify(
        self,
        reference: str | None = None,
        *,
        by: str = SYSTEM,
        rate: float | None = None,
        progress: Progress | None = None,
    ) -> Checked:
        """Read all blobs, or those of a template, and compare them with their names; `rate` in bytes a second.

        What is damaged or gone, or whole again, is kept and told of by an event.

        Raises:
            NotFound: there is no such template.
            Unavailable: the folder of the blobs is not there at all.
        """

        def work(tx: Tx) -> list[Blob]:
            if reference is None:
                return blobs.find(tx, EVERYTHING)[0]
            return blobs.of_document(tx, documents.get(tx, DocumentKind.TEMPLATE, reference).id)

        return await self._verify(await self._context.database.read(work), by, rate, progress)

    async def _verify(self, chosen: Sequence[Blob], by: str, rate: float | None, progress: Progress | None) -> Checked:
        if chosen:
            await in_thread(require_depot, self._depot)
        found: dict[BlobState, list[str]] = {state: [] for state in BlobState}
        repaired, done, total = [], 0, sum(blob.size for blob in chosen)
        for blob in chosen:
            state = await self._look(blob, rate, done, total, progress)
            done += blob.size
            is_news = await self._context.database.write(
                lambda tx, blob=blob, state=state: judged(self._context, tx, blob, state, by=by)  # type: ignore[misc]
            )
            found[state].append(blob.sha256)
            if is_news and state is BlobState.OK:
                repaired.append(blob.sha256)
        return Checked(
            seen=len(chosen),
            bytes_read=done,
            damaged=tuple(found[BlobState.DAMAGED]),
            missing=tuple(found[BlobState.MISSING]),
            repaired=tuple(repaired),
        )

    async def _look(
        self, blob: Blob, rate: float | None, before: int, total: int, progress: Progress | None
    ) -> BlobState:
        """Read a blob and say how it is."""
        try:
            file = await in_thread(self._depot.open, blob.sha256)
        except NotFound:
            return BlobState.MISSING
        except Unavailable:
            return BlobState.DAMAGED
        hasher, read = hashlib.sha256(), 0
        with file:
            while True:
                begun = time.monotonic()
                try:
                    count = await in_thread(_sum_some, file.fileno(), read, hasher)
                except OSError:  # a sector that cannot be read
                    return BlobState.DAMAGED
                if not count:
                    break
                read += count
                if progress is not None:
                    progress(before + min(read, blob.size), total)
                if rate is not None:
                    await asyncio.sleep(max(0.0, count / rate - (time.monotonic() - begun)))
        return BlobState.OK if hasher.hexdigest() == blob.sha256 else BlobState.DAMAGED

    async def verify_due(self) -> Checked:
        """Verify what was not for `files.verify_interval`, slowly; nothing if that is 0.

        Raises:
            Unavailable: the folder of the blobs is not there at all.
        """
        files = self._context.settings.files
        if not files.verify_interval:
            return Checked()
        before = self._context.now() - timedelta(seconds=files.verify_interval)
        tried: set[str] = set()
        sums = Checked()
        while True:
            due = await self._context.database.read(lambda tx: blobs.due(tx, before, _DUE + len(tried)))
            fresh = [blob for blob in due if blob.sha256 not in tried]
            if not fresh:
                return sums
            tried.update(blob.sha256 for blob in fresh)  # what is damaged stays due: once a round is enough
            sums = _sum(sums, await self._verify(fresh, SYSTEM, files.verify_rate, None))

    async def collect(self, *, dry_run: bool = False, by: str = SYSTEM, grace: float | None = None) -> Collected:
        """Take away blobs that no version points at, and what is left of uploads and of imports that were killed.

        Only what is older than `grace` seconds (if not given, `files.gc_grace`). A file that is being taken in is never
        lost: who makes a blob known holds a lock until a version points at it.

        Raises:
            Conflict: another store keeps its blobs in the same folder, or files are being added without end.
        """
        if not await in_thread(self._depot.root.is_dir):
            return Collected(dry_run=dry_run)
        await in_thread(self._refuse_shared)
        kept = self._context.settings.files.gc_grace if grace is None else grace
        loose = await self._loose(kept)
        if dry_run:
            chosen = await self._unused(kept)
            return _collected(chosen, *loose, dry_run=True)
        async with held(self._depot, exclusive=True):
            chosen = await self._unused(kept)
            if chosen:
                await self._context.database.write(lambda tx: self._forget(tx, chosen, by))
                await in_thread(self._remove, list(chosen))
        await in_thread(_unlink, [each for group in loose for each in group])
        return _collected(chosen, *loose, dry_run=False)

    def _refuse_shared(self) -> None:
        others = self._depot.others()
        if others:
            raise Conflict(
                f"{self._depot.root} also holds the blobs of another store ({', '.join(others)}), which this one does "
                f"not know: give each store a files.dir of its own; or, if that store is gone for good, "
                f"remove {self._depot.root / 'owners' / others[0]}"
            )

    async def _unused(self, grace: float) -> dict[str, int]:
        """The blobs that may go, with their sizes."""
        there = await in_thread(self._depot.blobs)
        used = await self._context.database.read(blobs.in_use)
        came = {digest: at for digest, (at, _) in there.items()}
        return {digest: there[digest][1] for digest in to_collect(came, used, time.time() - grace)}

    async def _loose(self, grace: float) -> tuple[list[Leftover], list[Leftover]]:
        """What is left of uploads that ended, and of files that were on their way."""
        parts = await in_thread(self._depot.parts)
        known = {upload.id for upload in await self._context.database.read(blobs.uploads)}
        leftovers = await in_thread(lambda: list(self._depot.leftovers()))
        before = time.time() - max(grace, _YOUNGEST_LEFTOVER)
        ended = [part for name, part in parts.items() if name not in known and part.changed_at < before]
        return ended, [each for each in leftovers if each.changed_at < before]

    def _forget(self, tx: Tx, chosen: dict[str, int], by: str) -> None:
        blobs.forget(tx, list(chosen))
        size = sum(chosen.values())
        data = {"count": len(chosen), "bytes": size, "sha256": sorted(chosen)[:_NAMED]}
        data["message"] = f"{len(chosen)} of {shown_size(size)}"
        events.append(tx, [NewEvent(kind=Kind.BLOB_COLLECTED, at=self._context.now(), principal=by, data=data)])

    def _remove(self, digests: Sequence[str]) -> None:
        for digest in digests:
            self._depot.remove(digest)

    async def expire(self) -> int:
        """End the uploads that nobody goes on with; gives how many."""
        now = self._context.now()
        ids = await self._context.database.read(lambda tx: blobs.expired(tx, now))
        if not ids:
            return 0
        await self._context.database.write(lambda tx: blobs.end_uploads(tx, ids))
        await in_thread(self._end, ids)
        return len(ids)

    def _end(self, uploads: Sequence[str]) -> None:
        for each in uploads:
            self._depot.part(each).unlink(missing_ok=True)

    async def keep(self, clock: Clock) -> None:
        """What a host does: once an hour end uploads, and verify what is due."""
        while True:
            try:
                await self.expire()
                await self.verify_due()
            except PureBootError as error:
                _log.warning("the files of templates were not looked after: %s", error)
            await clock.sleep_until(clock.now() + timedelta(seconds=_LOOK_SECONDS))


def require_depot(depot: Depot) -> None:
    """Refuse to judge blobs where there is no place for any: a disk that is not mounted has lost nothing.

    Raises:
        Unavailable: there is none.
    """
    if not depot.is_there:
        raise Unavailable(
            f"{depot.root} does not hold the files of this store: is it mounted, and is files.dir the right folder?"
        )


def _sum_some(descriptor: int, at: int, hasher: "hashlib._Hash") -> int:
    piece = os.pread(descriptor, _READ, at)
    hasher.update(piece)
    return len(piece)


def _unlink(each: Sequence[Leftover]) -> None:
    for leftover in each:
        leftover.path.unlink(missing_ok=True)


def _sum(one: Checked, other: Checked) -> Checked:
    return Checked(
        seen=one.seen + other.seen,
        bytes_read=one.bytes_read + other.bytes_read,
        damaged=one.damaged + other.damaged,
        missing=one.missing + other.missing,
        repaired=one.repaired + other.repaired,
    )


def _collected(
    chosen: dict[str, int], uploads: Sequence[Leftover], leftovers: Sequence[Leftover], *, dry_run: bool
) -> Collected:
    return Collected(
        blobs=tuple(sorted(chosen)),
        uploads=len(uploads),
        leftovers=len(leftovers),
        bytes_freed=sum(chosen.values()) + sum(each.size for each in (*uploads, *leftovers)),
        dry_run=dry_run,
    )
