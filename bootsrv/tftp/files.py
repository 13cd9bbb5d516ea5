"""What the TFTP server serves: the files of `tftp.root`, and the loaders by their names."""

import asyncio
from pathlib import Path

from bootsrv.loaders import Loaders
from bootsrv.paths import clean
from bootsrv.tftp.source import FileContent, FolderSource
from engine.errors import NotFound


class TftpFiles:
    """Maps a requested name to its content: a file below `root` if it is there, else the loader of that name.

    A loader is asked for by its bare name. Its folder holds other things too (`/boot` does), which nobody gets.
    """

    def __init__(self, loaders: Loaders, root: Path | None) -> None:
        self._loaders = loaders
        self._root = FolderSource([root]) if root is not None else None
        self._folders: dict[Path, FolderSource] = {}

    async def __call__(self, name: str) -> FileContent:
        """The content; see `FolderSource` for what it raises."""
        if self._root is not None:
            try:
                return await self._root(name)
            except NotFound:
                pass
        return await self._loader(name)

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
