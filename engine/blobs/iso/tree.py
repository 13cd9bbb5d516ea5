"""The tree of an image: every path with where its bytes are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from engine.blobs.iso.image import BadImage
from engine.errors import NotFound

MAX_ENTRIES = 200_000
MAX_DEPTH = 64
MAX_LINKS = 40

Extent = tuple[int, int]
"""Offset and length in bytes."""


class EntryKind(StrEnum):
    """What is at a path."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is at a path of an image. `extents` are a file's bytes, in their order; `target` is where a link leads."""

    path: str
    kind: EntryKind
    size: int = 0
    extents: tuple[Extent, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All of an image by path (`isolinux/vmlinuz`, the root is the empty path). `naming` says whose names they are.

    Names that were never meant to be told apart by their case (all but those of Rock Ridge) are found in any.
    """

    naming: str
    entries: Mapping[str, Entry]
    folded: Mapping[str, str] = field(default_factory=dict)

    def find(self, path: Sequence[str] | str) -> Entry:
        """The file or folder at a path, links followed as far as they stay inside.

        Raises:
            NotFound: there is none, or a link leads out of the image or in a circle.
        """
        parts = [part for part in (path.split("/") if isinstance(path, str) else path) if part not in ("", ".")]
        here: list[str] = []
        ahead = list(reversed(parts))
        links = 0
        while ahead:
            part = ahead.pop()
            if part == "..":
                if not here:
                    raise NotFound(f"{'/'.join(parts)} leads out of the image")
                here.pop()
                continue
            entry = self._at("/".join((*here, part)))
            if entry.kind is not EntryKind.LINK:
                here = entry.path.split("/")
                continue
            links += 1
            if links > MAX_LINKS:
                raise NotFound(f"{'/'.join(parts)}: its links go round in a circle")
            if entry.target.startswith("/"):
                here.clear()
            ahead.extend(reversed([step for step in entry.target.split("/") if step not in ("", ".")]))
        return self._at("/".join(here))

    def _at(self, path: str) -> Entry:
        found = self.entries.get(path) or self.entries.get(self.folded.get(path.casefold(), path))
        if found is None:
            raise NotFound(f"there is no {path[:200]} in the image")
        return found

    def children(self, path: str) -> list[Entry]:
        """What is in a folder, by name.

        Raises:
            NotFound: there is no such folder.
        """
        folder = self.find(path)
        if folder.kind is not EntryKind.FOLDER:
            raise NotFound(f"{path} is no folder of the image")
        start = f"{folder.path}/" if folder.path else ""
        return sorted(
            (
                entry
                for name, entry in self.entries.items()
                if name and name.startswith(start) and "/" not in name[len(start) :]
            ),
            key=lambda entry: entry.path,
        )


class Builder:
    """Collects entries, and refuses names and numbers of them that no honest image has."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {"": Entry(path="", kind=EntryKind.FOLDER)}
        self.files = 0

    def path(self, folder: str, name: str) -> str:
        """The path of a name in a folder.

        Raises:
            BadImage: the name could mean another place.
        """
        if name in ("", ".", "..") or "/" in name or "\0" in name or len(name) > 255:
            raise BadImage(f"the folder /{folder} of the image has an entry called {name[:80]!r}, which no file can be")
        return f"{folder}/{name}" if folder else name

    def add(self, entry: Entry) -> bool:
        """Take an entry; False if there is one at its path, which then counts.

        Raises:
            BadImage: there are too many.
        """
        if entry.path in self.entries:
            return False
        if len(self.entries) > MAX_ENTRIES:
            raise BadImage(
                f"the image has more than {MAX_ENTRIES} files and folders, or folders that contain each other"
            )
        self.entries[entry.path] = entry
        self.files += entry.kind is EntryKind.FILE
        return True

    def tree(self, naming: str, *, exact: bool) -> Tree:
        """All that was taken."""
        folded = {} if exact else {path.casefold(): path for path in reversed(self.entries)}
        return Tree(naming=naming, entries=self.entries, folded=folded)


def check_depth(path: str) -> None:
    """Refuse a folder that is nested too deep.

    Raises:
        BadImage: it is.
    """
    if path.count("/") >= MAX_DEPTH:
        raise BadImage(f"the image has folders within folders to more than {MAX_DEPTH} levels")
