"""What the TFTP server serves: the files of `tftp.root` and of templates, the loaders by their names, what HTTP has
below `/files/`, and the configurations that loaders ask for.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bootsrv.loaders import Loaders
from bootsrv.paths import clean, shown
from bootsrv.tftp.asked import Asked
from bootsrv.tftp.frames import Content
from bootsrv.tftp.meaning import meaning
from bootsrv.tftp.source import FileContent, FolderSource
from engine.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from bootsrv.tftp.generated import Generated
    from engine.services.files import Files, Located
    from engine.services.upstream import Upstream

_BOOT_FILES = "files"
"""The folder under which the boot files are, as in `/files/` of HTTP: GRUB and PXELINUX fetch kernels by it."""


class TftpFiles:
    """Maps a requested name to its content: a file below `root` if it is there, else the loader of that name.

    A loader is asked for by its bare name. Its folder holds other things too (`/boot` does), which nobody gets. Where
    `root` is `files.dir`, it also serves the `files` of templates, by the names that they have below `/files`.
    `boot_files` are served as `files/…`, with those of templates and of `upstream`; `generated` makes what is no file
    (see `meaning`).
    """

    def __init__(
        self,
        loaders: Loaders,
        root: Path | None,
        files: "Files | None" = None,
        *,
        boot_files: "tuple[Path, Files] | None" = None,
        upstream: "Upstream | None" = None,
        generated: "Generated | None" = None,
    ) -> None:
        self._loaders = loaders
        self._templates = files
        self._root = FolderSource([root]) if root is not None else None
        self._boot_files = (FolderSource([boot_files[0]]), boot_files[1]) if boot_files else None
        self._upstream = upstream
        self._generated = generated
        self._folders: dict[Path, FolderSource] = {}

    async def __call__(self, name: str) -> FileContent:
        """The content of a file; see `FolderSource` for what it raises."""
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
            return await self._of_template(self._templates, clean(name).as_posix())

    async def open(self, asked: Asked) -> Content:
        """The content for a request: a file, or what is made for it. Raises what `FolderSource` does."""
        try:
            return await self(asked.name)
        except NotFound:
            wanted = clean(asked.name)
            meant = meaning(wanted)
            if meant is not None and self._generated is not None:
                return await self._generated(asked, meant)
            if wanted.parts[0] != _BOOT_FILES or self._boot_files is None or len(wanted.parts) == 1:
                raise
        return await self._boot_file(wanted.relative_to(_BOOT_FILES).as_posix(), *self._boot_files)

    def held(self, asked: Asked) -> FileContent | None:
        """The content if it is in memory; from any thread. Raises what `FolderSource` does."""
        if self._root is not None:
            try:
                return self._root.held(asked.name)
            except NotFound:
                pass
        wanted = clean(asked.name)
        path = self._found(str(wanted))
        if path is not None:
            source = self._folders.get(path.parent)
            return source.held(path.name) if source is not None else None
        if self._boot_files is None or wanted.parts[0] != _BOOT_FILES or len(wanted.parts) == 1:
            return None
        return self._boot_files[0].held(wanted.relative_to(_BOOT_FILES).as_posix())

    async def _boot_file(self, name: str, folder: FolderSource, files: "Files") -> FileContent:
        try:
            return await folder(name)
        except NotFound:
            if self._upstream is not None and self._upstream.has(name):
                return await self._of_blob(files, name, await self._upstream.locate(name))
            return await self._of_template(files, name)

    async def _of_template(self, files: "Files", name: str) -> FileContent:
        return await self._of_blob(files, name, await files.locate(name))

    async def _of_blob(self, files: "Files", name: str, located: "Located") -> FileContent:
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
