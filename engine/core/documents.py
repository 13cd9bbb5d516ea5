"""Documents: named texts with immutable versions. A template and a workflow are both one.

A version never changes and none is ever lost; what moves is the pointer to the current one. For a template the current
version is the newest unless somebody moved it back; for a workflow it is the one that was published last.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from engine.errors import Invalid, NotFound, Problem

MAX_CONTENT = 1024 * 1024


class DocumentKind(StrEnum):
    """What a document is for."""

    TEMPLATE = "template"
    WORKFLOW = "workflow"


class DocumentStatus(StrEnum):
    """Where a document stands: not yet in use, in use, no longer in use."""

    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


class TemplateType(StrEnum):
    """What a template is: a text (`document` is Jinja2 as well, and from a `workflow` workflows are made), or one of
    `FILE_TYPES`.
    """

    KICKSTART = "kickstart"
    PRESEED = "preseed"
    AUTOINSTALL = "autoinstall"
    CLOUD_INIT = "cloud-init"
    IGNITION = "ignition"
    UNATTEND = "unattend"
    IPXE = "ipxe"
    SCRIPT = "script"
    DOCUMENT = "document"
    WORKFLOW = "workflow"
    KERNEL = "kernel"
    INITRD = "initrd"
    ISO = "iso"
    IMAGE = "image"
    FILE = "file"


FILE_TYPES = frozenset(
    {TemplateType.KERNEL, TemplateType.INITRD, TemplateType.ISO, TemplateType.IMAGE, TemplateType.FILE}
)
"""Templates of these types are files, not texts: each of their versions points at a blob."""


class Bump(StrEnum):
    """Which part of the version number a new version raises."""

    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A named text with versions. `current_version` is what `latest` means, None while nothing is in use."""

    id: str
    kind: DocumentKind
    name: str
    type: str = ""
    description: str = ""
    os_family: str = ""
    architecture: str = ""
    boot_mode: str = ""
    status: DocumentStatus = DocumentStatus.DRAFT
    current_version: str | None = None
    latest_version: str | None = None
    tags: tuple[str, ...] = ()
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable version of a document. `template_id` is the document's id (the contract's name for it).

    Of a file, `blob` is the SHA-256 under which its bytes are kept and `filename` what it was called; its hash and size
    are those of the bytes, and its content is a text of three lines that says so.

    It is a `draft` until it is made the current one for the first time: `v2` never means a draft, only its whole number
    does.
    """

    SHOWN: ClassVar = ("version_string",)
    SPARSE: ClassVar = frozenset({"blob", "filename", "draft"})

    id: str
    template_id: str
    major: int
    minor: int
    content: str
    content_hash: str
    size_bytes: int
    commit_message: str = ""
    author: str = ""
    blob: str | None = None
    filename: str = ""
    draft: bool = False
    created_at: datetime

    @property
    def version_string(self) -> str:
        """The number as people write it: `v1.0`."""
        return f"v{self.major}.{self.minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Which version is meant: the current one (both None), the newest of a major, or exactly one."""

    major: int | None = None
    minor: int | None = None


LATEST = Reference()
_REFERENCE = re.compile(r"v?(\d{1,9})(?:\.(\d{1,9}))?")


def parse_reference(text: str) -> Reference:
    """Read `latest`, `v2` (the newest 2.x) or `v2.1`.

    Raises:
        Invalid: it is none of these.
    """
    if text in ("", "latest", "current"):
        return LATEST
    match = _REFERENCE.fullmatch(text.strip().lower())
    if match is None:
        raise Invalid([Problem(path="version", message=f"{text!r} is no version; write v1.0, v1 or latest")])
    major, minor = match.groups()
    return Reference(major=int(major), minor=None if minor is None else int(minor))


def resolve(
    reference: Reference,
    numbers: Sequence[tuple[int, int]],
    current: tuple[int, int] | None,
    drafts: Collection[tuple[int, int]] = (),
) -> tuple[int, int]:
    """Find the version number a reference means among those that exist; `drafts` are only meant by their whole number.

    Raises:
        NotFound: there is none; the message names those there are.
    """
    if reference.major is None:
        if current is not None:
            return current
        raise NotFound("it has no current version")
    fitting = [
        number
        for number in numbers
        if number[0] == reference.major
        and (number not in drafts if reference.minor is None else number[1] == reference.minor)
    ]
    if fitting:
        return max(fitting)
    wanted = f"v{reference.major}" + ("" if reference.minor is None else f".{reference.minor}")
    known = ", ".join(f"v{major}.{minor}" for major, minor in sorted(numbers)[-5:]) or "none"
    raise NotFound(f"there is no version {wanted}; the newest are: {known}")


def next_number(latest: tuple[int, int] | None, bump: Bump) -> tuple[int, int]:
    """The number of the next version; the first is 1.0."""
    if latest is None:
        return (1, 0)
    major, minor = latest
    return (major + 1, 0) if bump is Bump.MAJOR else (major, minor + 1)


def make_version(
    document: Document,
    number: tuple[int, int],
    content: str,
    *,
    version_id: str,
    author: str,
    commit_message: str,
    now: datetime,
    draft: bool = False,
) -> Version:
    """A version of a document that holds a text, with what follows from the text."""
    return Version(
        id=version_id,
        template_id=document.id,
        major=number[0],
        minor=number[1],
        content=content,
        content_hash=content_hash(content),
        size_bytes=len(content.encode()),
        commit_message=commit_message,
        author=author,
        draft=draft,
        created_at=now,
    )


def content_hash(content: str) -> str:
    """The SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode()).hexdigest()


def check_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags, each once and in their order.

    Raises:
        Invalid: one is empty, longer than 128 characters, or holds what cannot be printed on a line.
    """
    for tag in tags:
        if not tag.strip() or len(tag) > 128 or not tag.isprintable():
            message = f"{tag[:40]!r} is no tag; write 1 to 128 printable characters"
            raise Invalid([Problem(path="tags", message=message)])
    return tuple(dict.fromkeys(tag.strip() for tag in tags))


def check_content(content: str, path: str = "content") -> str:
    """Refuse what no document may hold.

    Raises:
        Invalid: it is over 1 MiB, or holds what is no text (NUL, a lone surrogate).
    """
    problem = None
    try:
        size = len(content.encode())
    except UnicodeEncodeError:
        size, problem = 0, "is not text in UTF-8"
    if size > MAX_CONTENT:
        problem = f"has {size} bytes; a document may have {MAX_CONTENT}"
    elif "\0" in content:
        problem = "holds a NUL character; a document is text"
    if problem:
        raise Invalid([Problem(path=path, message=problem)])
    return content
