"""Packs: folders of templates and workflows that are loaded as one; what the store keeps of them.

A pack is known by its `ref`. Its documents are named `ref.name`, so that packs do not get in each other's way (a pack
whose manifest says `names: plain` names them as its files are named). Each document of a pack remembers where it came
from. A document is the pack's as long as it has such a source; one that a person made is never taken over silently.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, ClassVar

from engine.core.documents import DocumentKind
from engine.errors import Invalid, Problem

MANIFEST = "pack.yaml"
SUMS = "MANIFEST.sha256"
FOLDERS: Mapping[str, DocumentKind] = {"templates": DocumentKind.TEMPLATE, "workflows": DocumentKind.WORKFLOW}
"""The folders of a pack that are read, templates first: workflows refer to them."""

MAX_FILE = 1024 * 1024
MAX_FILES = 10_000
MAX_BYTES = 256 * 1024 * 1024
"""Bytes of all files of a pack that are read together: they are in memory at once."""

_REF = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class SourceKind(StrEnum):
    """Where a pack is read from: a folder on this machine, or a revision of a git repository."""

    FOLDER = "folder"
    GIT = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A pack that PureBoot knows.

    `source` is a folder (below `packs.dir` if it is no whole path) or where git finds a repository; there `revision`
    is the branch, tag or commit that was asked for and `commit_id` the commit it meant. `manifest_sha256` is the digest
    its MANIFEST.sha256 must have. `synced_at` is when a sync last changed something, `last_error` what went wrong then.
    """

    id: str
    ref: str
    label: str = ""
    version: str = "0.0.0"
    description: str = ""
    source: str = ""
    source_kind: SourceKind = SourceKind.FOLDER
    revision: str | None = None
    commit_id: str | None = None
    manifest_sha256: str | None = None
    dependencies: Mapping[str, str] = field(default_factory=dict)
    synced_at: datetime | None = None
    last_error: str | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSource:
    """Where a document came from, and what the pack last made of it.

    `digest` tells whether what the file means has changed; it is empty once the file was gone. `version` is the version
    that the pack wrote, `facts` what it said beside the content (`type`, `description`, `os_family`, `tags`, `draft`).
    """

    document_id: str
    pack_ref: str
    path: str
    pack_version: str = ""
    commit_id: str | None = None
    digest: str = ""
    version: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackFiles:
    """What a pack holds, read from wherever it is: every file by its path below the pack, `/` between its parts.

    `files` are those of `FOLDERS`, the manifest and the sums; `others` the SHA-256 of every other file where they were
    asked for. `refused` are files that were not read, with the reason.
    """

    files: Mapping[str, bytes]
    others: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[Problem, ...] = ()
    commit_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackDocument:
    """A document of a pack as lists show it."""

    SHOWN: ClassVar = ()

    id: str
    kind: DocumentKind
    name: str
    type: str
    status: str
    path: str
    current_version: str | None
    latest_version: str | None
    pack_version: str
    commit_id: str | None


def parse_ref(text: str, path: str = "ref") -> str:
    """Check the ref of a pack.

    Raises:
        Invalid: it is not of the form `[a-z0-9][a-z0-9_-]*`, or longer than 63.
    """
    if not _REF.fullmatch(text):
        message = (
            f"{text!r} is no ref of a pack: use a-z, 0-9, '_' and '-', beginning with a letter or digit, at most 63"
        )
        raise Invalid([Problem(path=path, message=message)])
    return text


def guess_ref(source: str) -> str:
    """The ref that the last part of a path or URL makes: `git@host:site/My-Pack.git` is `my-pack`."""
    last = re.split(r"[/:]", source.rstrip("/"))[-1].removesuffix(".git").lower()
    return re.sub(r"[^a-z0-9_-]+", "-", last).strip("-_")[:63]


def is_read(path: str) -> bool:
    """Whether a file's content is part of what a pack means."""
    parts = PurePosixPath(path).parts
    return path in (MANIFEST, SUMS) or (len(parts) == 2 and parts[0] in FOLDERS and not is_hidden(parts[1]))


def is_hidden(name: str) -> bool:
    """Whether a file is none of the pack's: hidden, or what an editor leaves while it writes."""
    return name.startswith((".", "#")) or name.endswith(("~", ".swp", ".tmp"))
