"""Blobs: the bytes of file templates, named by their SHA-256. And the names under which they are served.

A version of a file template never changes, and neither does what it points at: the same bytes are the same blob,
however many versions point at it. What may happen to a blob is that its disk loses it, which is what its state says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.core.documents import LATEST, Bump, Document, Reference, Version, parse_reference
from engine.errors import Conflict, Invalid, Problem

FOLDER = ".blobs"
"""Where they lie below `files.dir`; what is in it is served by the names of templates, never by this one."""

TREE = "tree"
"""The part of a path below which the files of an ISO are served."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_VERSION = re.compile(r"v[0-9]{1,9}(?:\.[0-9]{1,9})?|latest")
_LONGEST_NAME = 255


class BlobState(StrEnum):
    """How a blob was found when it was looked at last."""

    OK = "ok"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes under `files.dir`. `size` in bytes; `verified_at` is when they were last read and found to be right."""

    sha256: str
    size: int
    state: BlobState = BlobState.OK
    verified_at: datetime | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A version of a file template, and its blob."""

    template: str
    type: str
    version: str
    is_current: bool
    filename: str
    size: int
    sha256: str
    state: BlobState
    verified_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file on its way to become a version of a template. Of its `size` bytes, `offset` have arrived."""

    id: str
    template_id: str
    size: int
    sha256: str
    filename: str
    commit_message: str = ""
    bump: Bump = Bump.MINOR
    principal: str
    created_at: datetime
    expires_at: datetime
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """What is to be uploaded: so many bytes with this SHA-256."""

    size: int
    sha256: str
    filename: str
    commit_message: str = ""
    bump: Bump = Bump.MINOR


class TooMuch(Conflict):
    """An upload that is larger than is allowed, or more of it than was said."""


class WrongOffset(Conflict):
    """Who goes on with an upload means another place than where it stands."""

    def __init__(self, expected: int, given: int) -> None:
        super().__init__(f"this upload stands at byte {expected}, not {given}: go on from there")
        self.expected = expected
        self.given = given


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a look at blobs found. `seen` counts them, `bytes_read` their bytes; the others are digests."""

    seen: int = 0
    bytes_read: int = 0
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was taken away, or would be: blobs by digest, how many uploads and other leftovers, and their bytes."""

    blobs: tuple[str, ...] = ()
    uploads: int = 0
    leftovers: int = 0
    bytes_freed: int = 0
    dry_run: bool = False


def parse_digest(text: str, path: str = "sha256") -> str:
    """A SHA-256 in hexadecimal, in lower case.

    Raises:
        Invalid: it is none.
    """
    digest = text.strip().lower()
    if not _DIGEST.fullmatch(digest):
        raise Invalid([Problem(path=path, message=f"{text[:80]!r} is no SHA-256: it has 64 hexadecimal digits")])
    return digest


def parse_filename(text: str, path: str = "filename") -> str:
    """The name of a file, without a folder.

    Raises:
        Invalid: it has slashes or what cannot be printed, is empty, too long, or means a folder.
    """
    bad = "/" in text or "\\" in text or text in ("", ".", "..") or not text.isprintable()
    if bad or len(text.encode("utf-8", "replace")) > _LONGEST_NAME:
        message = f"{text[:80]!r} is no file name: it has 1 to 255 bytes, no slash, and nothing that cannot be printed"
        raise Invalid([Problem(path=path, message=message)])
    return text


def file_version(
    document: Document,
    number: tuple[int, int],
    blob: Blob,
    filename: str,
    *,
    version_id: str,
    author: str,
    commit_message: str,
    now: datetime,
) -> Version:
    """A version of a template that is a file."""
    return Version(
        id=version_id,
        template_id=document.id,
        major=number[0],
        minor=number[1],
        content=pointer(filename, blob.size, blob.sha256),
        content_hash=blob.sha256,
        size_bytes=blob.size,
        commit_message=commit_message,
        author=author,
        blob=blob.sha256,
        filename=filename,
        created_at=now,
    )


def pointer(filename: str, size: int, sha256: str) -> str:
    """The text that stands for a file where texts are shown and compared."""
    return f"file: {filename}\nsize: {size}\nsha256: {sha256}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePath:
    """What a path below `/files` means if it is a file template's. `inner` is a path inside of an ISO."""

    name: str
    reference: Reference = LATEST
    filename: str | None = None
    inner: tuple[str, ...] | None = None


def parse_file_path(path: str) -> FilePath | None:
    """Read `NAME[/vX.Y][/FILENAME]` or `NAME[/vX.Y]/tree/PATH`; None if it cannot be a file template's."""
    name, *rest = [part for part in path.split("/") if part] or [""]
    if not _NAME.fullmatch(name):
        return None
    reference = LATEST
    if rest and _VERSION.fullmatch(rest[0]):
        reference = parse_reference(rest.pop(0))
    if not rest:
        return FilePath(name=name, reference=reference)
    if rest[0] == TREE and len(rest) > 1:
        return FilePath(name=name, reference=reference, inner=tuple(rest[1:]))
    return FilePath(name=name, reference=reference, filename=rest[0]) if len(rest) == 1 else None


def to_collect(on_disk: Mapping[str, float], in_use: Sequence[str] | frozenset[str], before: float) -> list[str]:
    """The digests of blobs that may go: no version points at them, and they came before a moment.

    `on_disk` gives for each when it came last, in seconds of whatever clock `before` is of.
    """
    used = frozenset(in_use)
    return sorted(digest for digest, came in on_disk.items() if digest not in used and came < before)
