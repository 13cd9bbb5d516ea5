"""File templates (kernels, initrds, ISOs, images): taken in, and found again under the names they are served by."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from engine.blobs.download import Manners, check_url, download, filename_of
from engine.blobs.incoming import PIECE, Incoming
from engine.blobs.iso import Entry, EntryKind, Image, Tree, read_tree
from engine.blobs.iso.known import Pair, boot_pair
from engine.blobs.threads import in_thread
from engine.clock import new_id
from engine.core.blobs import Blob, BlobState, FilePath, StoredFile, parse_file_path
from engine.core.documents import DocumentKind, Version, parse_reference
from engine.core.events import SYSTEM, Kind, NewEvent
from engine.core.page import Page
from engine.errors import Conflict, Invalid, NotFound, PureBootError, Unavailable
from engine.services.context import Context
from engine.services.shelving import NewFile, Shelved, checked, depot_of, shelve, shelve_known
from engine.sizes import shown_size
from engine.store import blobs, documents, events
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]
"""Is told how many bytes have arrived, and of how many if that is known."""

_PIECES = 16  # read at once, before anybody is told
_TREES = 16  # images whose trees are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A file that can be served: its blob, and which bytes of it. `tag` changes when they do."""

    template: str
    version: str
    filename: str
    blob: Blob
    size: int
    extents: tuple[tuple[int, int], ...]
    tag: str
    modified: datetime


def _silent(_done: int, _of: int | None) -> None:
    return


class Files:
    """File templates. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._trees: dict[str, asyncio.Future[Tree]] = {}
        self.depot = depot_of(context)

    async def add(self, path: Path, new: NewFile, *, by: str, progress: Progress = _silent) -> Shelved:
        """Take a file in as the next version of a template, which is made if it is new and a type is given.

        Raises:
            NotFound: there is no such file; or no such template, and no type.
            Invalid: a name, type or checksum is wrong.
            Conflict: the template is of another type or has exactly this file already, or the file is too large.
            Unavailable: there is no room for it, or it cannot be read or written.
        """
        new = checked(new)
        source, size = await in_thread(_opened, path)
        with source:
            self._require_size(size, str(path))

            async def fill(incoming: Incoming) -> None:
                await _copied(source, incoming, size, progress)

            return await self._take(new, size, fill, by)

    async def fetch(
        self, url: str, new: NewFile, *, by: str, progress: Progress = _silent, manners: Manners | None = None
    ) -> Shelved:
        """Take a file in from a URL. What its checksum says is here already is not fetched again.

        Raises:
            As `add` and `engine.blobs.download.download` do.
        """
        new = checked(new if new.filename else replace(new, filename=filename_of(check_url(url))))
        check_url(url)
        if (known := await shelve_known(self._context, self.depot, new, by)) is not None:
            return known
        most = self._context.settings.files.max_bytes

        async def fill(incoming: Incoming) -> None:
            await download(url, incoming, max_bytes=most, progress=progress, manners=manners)

        return await self._take(new, None, fill, by)

    async def _take(
        self, new: NewFile, size: int | None, fill: Callable[[Incoming], Awaitable[None]], by: str
    ) -> Shelved:
        incoming = await in_thread(self.depot.incoming, new_id(), size)
        try:
            await fill(incoming)
            return await shelve(self._context, self.depot, incoming, new, by)
        finally:
            await in_thread(incoming.discard)

    def _require_size(self, size: int, what: str) -> None:
        most = self._context.settings.files.max_bytes
        if size > most:
            raise Conflict(f"{what} has {shown_size(size)}; a file may have {shown_size(most)} (files.max_bytes)")

    async def listed(self, reference: str | None = None) -> list[StoredFile]:
        """Every version that is a file, with how its blob was found last.

        Raises:
            NotFound: there is no such template.
        """

        def work(tx: Tx) -> list[StoredFile]:
            if reference is None:
                return blobs.files(tx)
            return blobs.files(tx, documents.get(tx, DocumentKind.TEMPLATE, reference).id)

        return await self._context.database.read(work)

    async def blobs(self, page: Page) -> tuple[list[Blob], int]:
        """A page of the blobs, newest first."""
        return await self._context.database.read(lambda tx: blobs.find(tx, page))

    async def locate(self, path: str) -> Located:
        """The file that a path below `/files` names: `NAME`, `NAME/FILENAME`, `NAME/vX.Y/…` or, within an ISO,
        `NAME[/vX.Y]/tree/PATH`.

        Raises:
            NotFound: there is none.
            Unavailable: its blob is damaged or gone.
        """
        wanted = parse_file_path(path)
        if wanted is None:
            raise NotFound(f"there is no file {path[:200]}")
        try:
            version, blob = await self._context.database.read(lambda tx: _found(tx, wanted))
        except NotFound as error:
            raise NotFound(f"there is no file {path[:200]} ({error})") from None
        if blob.state is not BlobState.OK:
            raise _lost(wanted.name, version, blob.state)
        if wanted.inner is not None:
            return await self._inside(wanted, version, blob)
        if wanted.filename not in (None, version.filename):
            name = version.version_string
            raise NotFound(f"the file of template {wanted.name} {name} is called {version.filename}")
        return _located(wanted.name, version, blob)

    async def lack(self, path: str) -> PureBootError | None:
        """Why a path names no file of a template that can be served; None if it does."""
        try:
            await self.locate(path.replace("\\", "/"))
        except PureBootError as error:
            return error
        return None

    async def open(self, located: Located) -> BinaryIO:
        """The blob of a file, for reading. One that is gone or has another size is never given out, and told of.

        Raises:
            Unavailable: it is damaged or gone.
        """
        state = BlobState.OK
        try:
            file = await in_thread(self.depot.open, located.blob.sha256)
        except NotFound:
            state = BlobState.MISSING
        else:
            if os.fstat(file.fileno()).st_size == located.blob.size:
                return file
            file.close()
            state = BlobState.DAMAGED
        if state is BlobState.DAMAGED or self.depot.is_there:
            await self.tell(located.blob, state)
        raise Unavailable(f"the file of template {located.template} {located.version} is {state}: {_REMEDY}")

    async def tell(self, blob: Blob, state: BlobState) -> None:
        """Keep how a blob was found, and tell of it if that is news."""
        await self._context.database.write(lambda tx: judged(self._context, tx, blob, state))

    async def tree(self, reference: str, version: str = "latest") -> Tree:
        """The tree of an ISO template.

        Raises:
            NotFound: there is no such template or version.
            Invalid: it is no ISO image, or one that is broken or made to mislead.
            Unavailable: its blob is damaged or gone.
        """
        wanted = FilePath(name=reference, reference=parse_reference(version))
        found, blob = await self._context.database.read(lambda tx: _found(tx, wanted))
        if blob.state is not BlobState.OK:
            raise _lost(reference, found, blob.state)
        return await self._tree(_located(reference, found, blob))

    async def boot_pair(self, reference: str, version: str = "latest") -> Pair:
        """Where a known ISO has its kernel and initrd.

        Raises:
            NotFound: they are at none of the known places; and as `tree`.
        """
        return boot_pair(await self.tree(reference, version))

    async def extract(
        self,
        reference: str,
        inner: str,
        new: NewFile,
        *,
        by: str,
        version: str = "latest",
        progress: Progress = _silent,
    ) -> Shelved:
        """Take a file out of an ISO as a template of its own.

        Raises:
            As `tree` and `add` do.
        """
        new = checked(new)
        wanted = FilePath(name=reference, reference=parse_reference(version), inner=tuple(inner.split("/")))
        found, blob = await self._context.database.read(lambda tx: _found(tx, wanted))
        if blob.state is not BlobState.OK:
            raise _lost(reference, found, blob.state)
        located = await self._inside(wanted, found, blob)
        self._require_size(located.size, inner)
        with await self.open(located) as file:

            async def fill(incoming: Incoming) -> None:
                for offset, length in located.extents:
                    os.lseek(file.fileno(), offset, os.SEEK_SET)
                    await _copied(file, incoming, length, progress)

            return await self._take(new, located.size, fill, by)

    async def _inside(self, wanted: FilePath, version: Version, blob: Blob) -> Located:
        """A file within an ISO, as a part of the ISO's blob."""
        whole = _located(wanted.name, version, blob)
        try:
            tree = await self._tree(whole)
        except Invalid as error:
            raise NotFound(f"template {wanted.name} {version.version_string} has no tree: {error}") from None
        entry = tree.find(wanted.inner or ())
        if entry.kind is not EntryKind.FILE:
            raise NotFound(f"{entry.path or 'the top'} is a folder of template {wanted.name}")
        return replace(
            whole,
            filename=entry.path.rpartition("/")[2],
            size=entry.size,
            extents=entry.extents,
            tag=f"{blob.sha256[:32]}-{_place(entry):x}-{entry.size:x}",
        )

    async def _tree(self, located: Located) -> Tree:
        """The tree of a blob. It is read once, however many ask for it; that it cannot be read is remembered too."""
        digest = located.blob.sha256
        future = self._trees.get(digest)
        if future is None or future.cancelled() or isinstance(_error(future), Unavailable):
            while len(self._trees) >= _TREES:
                self._trees.pop(next(iter(self._trees)))
            future = self._trees[digest] = asyncio.ensure_future(self._read_tree(located))
        return await asyncio.shield(future)

    async def _read_tree(self, located: Located) -> Tree:
        with await self.open(located) as file:
            return await in_thread(read_tree, Image(file.fileno(), located.blob.size))


_REMEDY = "add the same file again, or make another version the current one"


def _error(future: "asyncio.Future[Tree]") -> BaseException | None:
    return future.exception() if future.done() else None


def _place(entry: Entry) -> int:
    return entry.extents[0][0] if entry.extents else 0


def _opened(path: Path) -> tuple[BinaryIO, int]:
    try:
        if not path.is_file():
            raise NotFound(f"there is no file {path}")
        source = path.open("rb", buffering=0)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}") from None
    return source, os.fstat(source.fileno()).st_size


async def _copied(source: BinaryIO, incoming: Incoming, size: int, progress: Progress) -> None:
    """Copy so many bytes from where a file stands."""
    left = size
    while left:
        copied = await in_thread(_copy_some, source.fileno(), incoming, left)
        if not copied:
            raise Unavailable("the file became shorter while it was read; try again")
        left -= copied
        progress(size - left, size)


def _copy_some(source: int, incoming: Incoming, most: int) -> int:
    copied = 0
    buffer = bytearray(PIECE)
    view = memoryview(buffer)
    while copied < most and copied < _PIECES * PIECE:
        try:
            count = os.readv(source, [view[: min(PIECE, most - copied)]])
        except OSError as error:
            raise Unavailable(f"the file cannot be read: {error.strerror}") from None
        if not count:
            break
        incoming.write(view[:count])
        copied += count
    return copied


def _found(tx: Tx, wanted: FilePath) -> tuple[Version, Blob]:
    """The version that a path means, and its blob."""
    document = documents.get(tx, DocumentKind.TEMPLATE, wanted.name)
    version = documents.version(tx, document, wanted.reference)
    if version.blob is None:
        raise NotFound(f"template {document.name} is a text ({document.type}), no file")
    blob = blobs.get(tx, version.blob)
    if blob is None:
        raise NotFound(f"the blob of template {document.name} {version.version_string} is not known to the store")
    return version, blob


def _located(name: str, version: Version, blob: Blob) -> Located:
    return Located(
        template=name,
        version=version.version_string,
        filename=version.filename,
        blob=blob,
        size=blob.size,
        extents=((0, blob.size),) if blob.size else (),
        tag=blob.sha256,
        modified=version.created_at,
    )


def _lost(name: str, version: Version, state: BlobState) -> Unavailable:
    return Unavailable(f"the file of template {name} {version.version_string} is {state}: {_REMEDY}")


def judged(context: Context, tx: Tx, blob: Blob, state: BlobState, *, by: str = SYSTEM) -> bool:
    """Keep how a blob was found, with an event if that is news; gives whether it was."""
    known = blobs.get(tx, blob.sha256)
    if known is None:
        return False
    now = context.now()
    blobs.mark(tx, blob.sha256, state, now if state is BlobState.OK else None)
    if known.state is state:
        return False
    users = [f"{each.template} {each.version}" for each in blobs.users(tx, blob.sha256)]
    data = {"sha256": blob.sha256, "size": blob.size, "state": state.value, "was": known.state.value, "of": users}
    data["message"] = f"{', '.join(users) or blob.sha256[:12]} is {state}"
    kind = Kind.BLOB_REPAIRED if state is BlobState.OK else Kind.BLOB_DAMAGED
    events.append(tx, [NewEvent(kind=kind, at=now, principal=by, data=data)])
    if state is not BlobState.OK:
        _log.error("the file of %s is %s", ", ".join(users) or blob.sha256[:12], state)
    return True
