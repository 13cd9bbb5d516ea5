"""What the TFTP server serves: the files of `tftp.root` and of templates, and the loaders by their names."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bootsrv.loaders import Loaders
from bootsrv.paths import clean, shown
from bootsrv.tftp.source import FileContent, FolderSource
from engine.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from engine.services.files import Files


class TftpFiles:
    """Maps a requested name to its content: a file below `root` if it is there, else the loader of that name.

    A loader is asked for by its bare name. Its folder holds other things too (`/boot` does), which nobody gets. Where
    `root` is `files.dir`, it also serves the `files` of templates, by the names that they have below `/files`.
    """

    def __init__(self, loaders: Loaders, root: Path | None, files: "Files | None" = None) -> None:
        self._loaders = loaders
        self._templates = files
        self._root = FolderSource([root]) if root is not None else None
        self._folders: dict[Path, FolderSource] = {}

    async def __call__(self, name: str) -> FileContent:
        """The content; see `FolderSource` for what it raises."""
        if self._root is not None:
            try:
                return await self._root(name)
            except NotFound:
                pass
        try:
            return await self._loader(name)
        except NotFound:
            if self._templates is None:
                raise
            return await self._of_template(self._templates, name)

    async def _of_template(self, files: "Files", name: str) -> FileContent:
        located = await files.locate(str(clean(name)))
        (await files.open(located)).close()  # looks whether it is whole
        if located.tag != located.blob.sha256:
            raise Forbidden(f"{shown(name)} is a part of an image; fetch it over HTTP")
        path = files.depot.path(located.blob.sha256)
        source = self._folders.setdefault(path.parent.parent, FolderSource([path.parent.parent]))
        return await source(f"{path.parent.name}/{path.name}")

    async def _loader(self, name: str) -> FileContent:
        wanted = clean(name)
        path = await asyncio.to_thread(self._found, str(wanted))
        if path is None:
            raise NotFound(f"there is no file {wanted}")
        source = self._folders.setdefault(path.parent, FolderSource([path.parent]))
        return await source(path.name)

    def _found(self, name: str) -> Path | None:
        # Packages link from one folder to another; what they link to is as trusted as they are.
        path = self._loaders.find(name)
        return path.resolve() if path else None
