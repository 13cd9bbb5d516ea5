"""Files that are uploaded piece by piece, and become a version of a template when they are whole.

What an upload is to become is a row; what has arrived of it is a file, whose length is the offset. So a connection that
breaks, or a server that is killed, loses at most what was on the way.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from engine.blobs.incoming import Incoming
from engine.blobs.threads import in_thread
from engine.clock import new_id
from engine.core.blobs import NewUpload, TooMuch, Upload, WrongOffset, parse_digest, parse_filename
from engine.core.documents import FILE_TYPES, Document, DocumentKind
from engine.errors import Conflict, Invalid, NotFound, Problem, Unavailable
from engine.services.context import Context
from engine.services.shelving import NewFile, Shelved, depot_of, shelve
from engine.sizes import shown_size
from engine.store import blobs, documents
from engine.store.tx import Tx


class Uploads:
    """Uploads of files. `by` is the principal who asks."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._depot = depot_of(context)
        self._summed: dict[str, Incoming] = {}

    async def begin(self, reference: str, new: NewUpload, *, by: str) -> Upload:
        """Announce a file for a template.

        Raises:
            NotFound: there is no such template.
            Invalid: size, checksum or name is wrong.
            TooMuch: the file is larger than a file may be.
            Conflict: the template is a text, or there are as many uploads as there may be.
            Unavailable: there is no room for it beside the other uploads.
        """
        now = self._context.now()
        digest, filename = parse_digest(new.sha256), parse_filename(new.filename)
        if new.size < 0:
            raise Invalid([Problem(path="size", message="is less than nothing")])
        self._require_size(new.size)
        await in_thread(self._depot.prepare)
        free = (await in_thread(shutil.disk_usage, self._depot.root)).free
        arrived = {name: part.size for name, part in (await in_thread(self._depot.parts)).items()}

        upload_id = new_id()

        def work(tx: Tx) -> Upload:
            document = _file_template(tx, reference)
            self._require_place(blobs.uploads(tx), arrived, new.size, free)
            upload = Upload(
                id=upload_id,
                template_id=document.id,
                size=new.size,
                sha256=digest,
                filename=filename,
                commit_message=new.commit_message,
                bump=new.bump,
                principal=by,
                created_at=now,
                expires_at=self._expiry(now),
            )
            blobs.add_upload(tx, upload)
            return upload

        # The file first: a row without one would take a place until it expires, and could not be gone on with.
        incoming = await in_thread(self._depot.incoming, upload_id, new.size, "uploads")
        try:
            return await self._context.database.write(work)
        except Exception:  # who is cancelled does not know whether there is a row: gc takes a file without one away
            await in_thread(incoming.discard)
            raise
        finally:
            incoming.close()

    def _require_size(self, size: int) -> None:
        most = self._context.settings.files.max_bytes
        if size > most:
            raise TooMuch(f"the file has {shown_size(size)}; one may have {shown_size(most)} (files.max_bytes)")

    def _require_place(self, others: list[Upload], arrived: dict[str, int], size: int, free: int) -> None:
        files = self._context.settings.files
        if len(others) >= files.max_uploads:
            raise Conflict(
                f"there are {len(others)} uploads already, as many as there may be (files.max_uploads): "
                "go on with one, or delete it"
            )
        promised = sum(max(0, upload.size - arrived.get(upload.id, 0)) for upload in others)
        if free - promised - size < files.min_free:
            raise Unavailable(
                f"there is no room for {shown_size(size)}: {shown_size(free)} are free, {shown_size(promised)} of them "
                f"for other uploads, and {shown_size(files.min_free)} stay free (files.min_free)"
            )

    def _expiry(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._context.settings.files.upload_expires)

    async def get(self, reference: str, upload_id: str) -> Upload:
        """An upload with how much of it has arrived.

        Raises:
            NotFound: there is no such template or upload; it may have ended or expired.
        """
        upload = await self._row(reference, upload_id)
        return replace(upload, offset=await in_thread(self._size, upload.id))

    async def find(self, reference: str) -> list[Upload]:
        """The uploads of a template that are open.

        Raises:
            NotFound: there is no such template.
        """
        found = await self._context.database.read(
            lambda tx: blobs.uploads(tx, documents.get(tx, DocumentKind.TEMPLATE, reference).id)
        )
        parts = await in_thread(self._depot.parts)
        return [replace(each, offset=parts[each.id].size if each.id in parts else 0) for each in found]

    @asynccontextmanager
    async def going_on(self, reference: str, upload_id: str, offset: int) -> AsyncIterator["Going"]:
        """Go on with an upload from an offset, which must be where it stands.

        Raises:
            NotFound: there is no such upload.
            Conflict: it stands elsewhere, or somebody goes on with it now.
            Unavailable: the disk does not take it.
        """
        upload = await self._row(reference, upload_id)
        await self._prolong(upload)
        incoming = await in_thread(self._depot.resumed, upload.id)
        try:
            if incoming.offset != offset:
                raise WrongOffset(incoming.offset, offset)
            incoming.adopt(self._summed.pop(upload.id, None))
            yield Going(upload, incoming)
            await self._prolong(upload)
        finally:
            incoming.close()
            if incoming.offset < upload.size:
                self._remember(upload.id, incoming)

    def _remember(self, upload_id: str, incoming: Incoming) -> None:
        while len(self._summed) >= self._context.settings.files.max_uploads:
            self._summed.pop(next(iter(self._summed)))
        self._summed[upload_id] = incoming

    async def finish(self, going: "Going", *, by: str) -> Shelved:
        """Make a file that has arrived whole a version of its template; the upload ends, also if that is refused.

        Raises:
            Invalid: its checksum is not what was said.
            Conflict: the template has exactly this file already.
            Unavailable: the disk does not take it.
        """
        upload = going.upload
        document = await self._context.database.read(
            lambda tx: documents.get(tx, DocumentKind.TEMPLATE, upload.template_id)
        )
        new = NewFile(
            name=document.name,
            filename=upload.filename,
            sha256=upload.sha256,
            commit_message=upload.commit_message,
            bump=upload.bump,
        )
        try:
            shelved = await shelve(self._context, self._depot, going.incoming, new, by)
        except (Invalid, Conflict):
            await self._end(upload)
            raise
        await self._end(upload)
        return shelved

    async def abandon(self, reference: str, upload_id: str) -> None:
        """End an upload; what has arrived of it is deleted.

        Raises:
            NotFound: there is no such upload.
        """
        await self._end(await self._row(reference, upload_id))

    async def _end(self, upload: Upload) -> None:
        self._summed.pop(upload.id, None)
        await self._context.database.write(lambda tx: blobs.end_uploads(tx, [upload.id]))
        await in_thread(lambda: self._depot.part(upload.id).unlink(missing_ok=True))

    async def _row(self, reference: str, upload_id: str) -> Upload:
        now = self._context.now()

        def work(tx: Tx) -> Upload:
            upload = blobs.get_upload(tx, documents.get(tx, DocumentKind.TEMPLATE, reference).id, upload_id)
            if upload.expires_at <= now:
                raise NotFound(f"upload {upload_id} expired: nobody went on with it for too long")
            return upload

        return await self._context.database.read(work)

    async def _prolong(self, upload: Upload) -> None:
        at = self._expiry(self._context.now())
        await self._context.database.write(lambda tx: blobs.prolong(tx, upload.id, at))

    def _size(self, upload_id: str) -> int:
        try:
            return self._depot.part(upload_id).stat().st_size
        except FileNotFoundError:
            raise NotFound("what has arrived of this upload is gone; begin it anew") from None


class Going:
    """An upload that is being gone on with."""

    def __init__(self, upload: Upload, incoming: Incoming) -> None:
        self.upload = upload
        self.incoming = incoming

    @property
    def offset(self) -> int:
        """How many bytes have arrived."""
        return self.incoming.offset

    @property
    def is_whole(self) -> bool:
        """Whether all have."""
        return self.incoming.offset == self.upload.size

    async def write(self, piece: bytes) -> None:
        """Take more bytes.

        Raises:
            TooMuch: there are more than were announced; none of these is taken.
            Unavailable: the disk does not take them.
        """
        if self.incoming.offset + len(piece) > self.upload.size:
            raise TooMuch(f"this upload was announced with {self.upload.size} bytes, and there are more")
        await in_thread(self.incoming.write, piece)


def _file_template(tx: Tx, reference: str) -> Document:
    document = documents.get(tx, DocumentKind.TEMPLATE, reference)
    if document.type not in FILE_TYPES:
        raise Conflict(f"template {document.name} is a text ({document.type}); a file cannot be its next version")
    return document
