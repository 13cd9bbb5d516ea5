"""Syncing packs when their files change: a loop that a host runs beside performing steps."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from engine.core.events import SYSTEM
from engine.core.packs import Pack, SourceKind, is_hidden
from engine.errors import PureBootError, Unavailable
from engine.feed import Feed
from engine.services.packs import Packs
from engine.settings import Packs as Settings

_log = logging.getLogger(__name__)

_QUIET_MS = 300  # a copy or a checkout is over when nothing has changed for so long
_LONGEST_MS = 3000  # and is not waited for longer than this
_LOOK_MS = 5000  # how soon packs that were added, and folders that came to be, are watched as well
_CALM_SECONDS = 1.0  # a store that changes all the time is looked at so often
_IGNORED = frozenset({".git", ".hg", ".svn", ".cache"})


Folders = dict[str, tuple[Path, int]]
"""Folders by the ref of the pack, each with its inode: one that was put in the place of another is another."""


class PackWatch:
    """Watches the folders of the packs that were added; repositories stay at their commit.

    Where the system cannot tell of changes (no more inotify watches, a file system without them), folders are looked at
    again and again.
    """

    def __init__(self, packs: Packs, feed: Feed, settings: Settings) -> None:
        self._packs = packs
        self._feed = feed
        self._polls = settings.watch == "poll"

    async def run(self) -> None:
        """Sync what changed while nobody watched, then whatever changes."""
        while True:
            seen = self._feed.stirs
            folders = await self._folders()
            if not folders:
                await self._feed.changed(seen)
                await asyncio.sleep(_CALM_SECONDS)
                continue
            await self._sync(folders)
            await self._watch(folders)

    async def _folders(self) -> Folders:
        """The folders of packs that are there, by ref."""
        known, _ = await self._packs.find()
        places = {each.ref: self._packs.places.folder_of(each) for each in known if _is_folder(each)}
        return await asyncio.to_thread(_there, places)

    async def _watch(self, folders: Folders) -> None:
        """Sync what changes, until other folders are to be watched."""
        seen = self._feed.stirs
        started = False
        async for changed in self._changes([place for place, _ in folders.values()]):
            if not started:  # what changed in between, too: to sync what has not changed costs little
                started = True
                await self._sync(folders)
            refs = {ref for ref, (place, _) in folders.items() if any(path.is_relative_to(place) for path in changed)}
            if refs:
                await self._sync(refs)
            if (self._feed.stirs != seen or not changed) and await self._folders() != folders:
                return
            seen = self._feed.stirs

    async def _changes(self, folders: Iterable[Path]) -> AsyncIterator[set[Path]]:
        """What has changed below folders; now and then nothing."""
        from watchfiles import awatch

        try:
            async for changes in awatch(
                *folders,
                watch_filter=lambda _, path: _matters(Path(path)),
                debounce=_LONGEST_MS,
                step=_QUIET_MS,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                force_polling=self._polls or None,
                poll_delay_ms=1000,
                ignore_permission_denied=True,
            ):
                yield {Path(path) for _, path in changes}
        except FileNotFoundError:  # gone since it was looked at
            await asyncio.sleep(_QUIET_MS / 1000)
        except (OSError, RuntimeError) as error:
            if self._polls:
                raise
            self._polls = True
            _log.warning("this system cannot tell of changed files (%s); packs are looked at again and again", error)

    async def _sync(self, refs: Iterable[str]) -> None:
        for ref, done in (await self._packs.sync_all(by=SYSTEM, refs=refs)).items():
            if isinstance(done, Unavailable):
                _log.debug("pack %s cannot be synced now: %s", ref, done)
            elif isinstance(done, PureBootError):
                _log.warning("pack %s cannot be synced: %s", ref, done)
            elif done.is_change:
                _log.info("pack %s was synced: %s", ref, done.counts)


def _matters(path: Path) -> bool:
    return not (_IGNORED & set(path.parts) or is_hidden(path.name))


def _is_folder(pack: Pack) -> bool:
    return pack.source_kind is SourceKind.FOLDER


def _there(places: dict[str, Path]) -> Folders:
    found = {}
    for ref, place in places.items():
        with contextlib.suppress(OSError, RuntimeError):
            if place.is_dir():
                found[ref] = (place.resolve(), place.stat().st_ino)
    return found
