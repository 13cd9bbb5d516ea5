"""Where packs are: what may be named as a source, and reading it."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from engine.core.packs import Pack, PackFiles, SourceKind
from engine.errors import Invalid, Problem
from engine.packs import git
from engine.packs.folder import read_folder

CACHE = ".cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A source that may be read."""

    source: str
    kind: SourceKind
    revision: str | None = None


class Places:
    """The folder of packs (`packs.dir`) and what lies in and beside it. All that reads blocks: call it in a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, source: str, revision: str | None, *, local: bool) -> Place:
        """Where a source is. One that is not `local`, named from afar, may be a folder below `packs.dir` or a
        repository at an https or ssh URL, and nothing else.

        Raises:
            Invalid: it may not be named, or is none.
        """
        if revision is not None:
            git.check_revision(revision)
        if git.is_git(source):
            url = git.check_url(source, git.LOCAL if local else git.REMOTE)
            return Place(source=url, kind=SourceKind.GIT, revision=revision)
        found = self._folder(source, local=local)
        kind = SourceKind.FOLDER if revision is None else SourceKind.GIT
        return Place(source=found, kind=kind, revision=revision)

    def _folder(self, source: str, *, local: bool) -> str:
        if not source or not source.isprintable() or len(source) > 4096:
            raise Invalid([Problem(path="source", message=f"{source[:60]!r} is no folder")])
        root = self.root.resolve()
        path = (root / source).resolve() if not local else Path(source).expanduser().resolve()
        if path.is_relative_to(root) and path != root and not path.relative_to(root).parts[0].startswith("."):
            return str(path.relative_to(root))
        if local:
            return str(path)
        allowed = "from afar only those, and https and ssh URLs, may be named"
        message = f"{source!r} is no folder of a pack below packs.dir; {allowed}"
        raise Invalid([Problem(path="source", message=message)])

    def folder_of(self, pack: Pack | Place) -> Path:
        """Where the folder of a pack is."""
        return self.root / pack.source

    def read(self, pack: Pack, *, all_files: bool = False) -> PackFiles:
        """What a pack holds: of a repository, at the commit that is kept.

        Raises:
            NotFound, Invalid, Unavailable: it cannot be read.
        """
        if pack.source_kind is SourceKind.FOLDER:
            return read_folder(self.folder_of(pack), all_files=all_files)
        repository = self.repository(pack.source)
        return repository.read(pack.commit_id or repository.resolve(pack.revision))

    def resolved(self, pack: Pack) -> Pack:
        """The pack at the commit that its revision means now.

        Raises:
            NotFound, Unavailable: the repository cannot be asked, or does not have it.
        """
        if pack.source_kind is SourceKind.FOLDER:
            return replace(pack, commit_id=None)
        return replace(pack, commit_id=self.repository(pack.source).resolve(pack.revision))

    def repository(self, source: str) -> git.Repository:
        """A repository, which may lie in a folder."""
        is_url = git.is_git(source)
        url = source if is_url else f"file://{quote(str(self.root.resolve() / source))}"
        protocols = frozenset({"file"}) if url.startswith("file:") else git.REMOTE
        name = hashlib.sha256(url.encode()).hexdigest()[:24]
        return git.Repository(url=url, folder=self.root / CACHE / name, protocols=protocols)

    def unknown(self, known: set[str]) -> list[str]:
        """Folders below `packs.dir` that hold a manifest and are not among the sources that are known."""
        if not self.root.is_dir():
            return []
        found = (
            each for each in self.root.iterdir() if not each.name.startswith(".") and (each / "pack.yaml").is_file()
        )
        return sorted(each.name for each in found if each.name not in known)
