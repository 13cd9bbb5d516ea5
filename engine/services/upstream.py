"""Files of other servers (`files.upstream`): fetched when they are first asked for, checked, and kept as blobs."""

import asyncio
import hashlib
import logging
import re
from contextlib import suppress
from urllib.parse import urlsplit

from engine.core.documents import TemplateType
from engine.errors import NotFound, PureBootError, Unavailable
from engine.services.context import Context
from engine.services.files import Files, Located
from engine.services.shelving import NewFile, SameFile

_log = logging.getLogger(__name__)

PATIENCE_SECONDS = 20.0
"""How long one request waits for a file that is still on its way; iPXE gives up after 30 s without a byte."""

BY = "system"
_LONGEST_NAME = 128  # of a template


class Upstream:
    """The files that the settings name. However many machines ask, a file is fetched once."""

    def __init__(self, context: Context, files: Files) -> None:
        self._settings = context.settings.files
        self._files = files
        self._fetching: dict[str, asyncio.Task[Located]] = {}

    def has(self, path: str) -> bool:
        """Whether a path below `/files` is one of these files."""
        return path in self._settings.upstream

    async def locate(self, path: str, *, patience: float = PATIENCE_SECONDS) -> Located:
        """The file of a path, fetched if it is not here.

        Raises:
            NotFound: there is none of this name.
            Unavailable: it is still on its way after `patience` seconds, or cannot be had.
            Invalid: it is not the file that the settings say: its checksum is another.
        """
        if not self.has(path):
            raise NotFound(f"there is no file {path[:200]}")
        if (known := await self._known(path)) is not None:
            return known
        task = self._fetching.get(path)
        if task is None:
            task = self._fetching[path] = asyncio.create_task(self._fetch(path), name=f"upstream {path}")
            task.add_done_callback(lambda done: self._ended(path, done))
        done, _ = await asyncio.wait({task}, timeout=patience)
        if not done:
            where = shown_url(self._settings.upstream[path].url)
            raise Unavailable(f"{path} is being fetched from {where}; ask again")
        return task.result()

    async def close(self) -> None:
        """Stop what is being fetched."""
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _known(self, path: str) -> Located | None:
        """The file if it is here, whole and the one that is wanted now."""
        try:
            located = await self._files.locate(template_of(path))
        except (NotFound, Unavailable):
            return None
        return located if located.blob.sha256 == self._settings.upstream[path].sha256.lower() else None

    async def _fetch(self, path: str) -> Located:
        source = self._settings.upstream[path]
        new = NewFile(
            name=template_of(path),
            filename=re.sub(r"[^A-Za-z0-9._-]", "-", path.rpartition("/")[2]),
            type=TemplateType.FILE.value,
            sha256=source.sha256,
            description=f"{path}, kept from upstream",
            commit_message=f"from {shown_url(source.url)}",
        )
        _log.info("fetching %s from %s", path, shown_url(source.url))
        try:
            with suppress(SameFile):  # another server with this store was faster
                await self._files.fetch(source.url, new, by=BY)
        except PureBootError as error:
            shown = shown_url(source.url)
            if shown == source.url or source.url not in str(error):
                raise
            raise Unavailable(str(error).replace(source.url, shown)) from None
        return await self._files.locate(template_of(path))

    def _ended(self, path: str, task: "asyncio.Task[Located]") -> None:
        self._fetching.pop(path, None)
        if not task.cancelled() and isinstance(error := task.exception(), PureBootError):
            _log.warning("%s cannot be had from %s: %s", path, shown_url(self._settings.upstream[path].url), error)


def shown_url(url: str) -> str:
    """A URL without what lets somebody in there: whoever is on the network of the machines reads the errors."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def template_of(path: str) -> str:
    """The name of the template in which a file is kept: another one for each path, however they are spelt."""
    plain = f"upstream.{re.sub(r'[^a-z0-9._-]', '-', path.lower())}"
    if plain == f"upstream.{path}" and len(plain) <= _LONGEST_NAME:
        return plain
    return f"{plain[: _LONGEST_NAME - 9]}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"
