"""Backups of the store, made by hand and by themselves; of those that were made by themselves only some are kept."""

import asyncio
import logging
import re
from datetime import datetime, timedelta
from pathlib import Path

from engine.core.events import SYSTEM, Kind, NewEvent
from engine.errors import Conflict, Invalid, PureBootError
from engine.services.context import Context
from engine.store import backup, events
from engine.store.backup import BackedUp
from engine.store.fresh import sqlite_path
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

_OURS = re.compile(r"pureboot-(\d{8}-\d{6})\.db")
_TIME = "%Y%m%d-%H%M%S"
_GUIDE = (
    "a store on PostgreSQL is backed up by its own tools: "
    "pg_dump --format=custom --file=pureboot.dump NAME, and back with pg_restore --dbname=NAME pureboot.dump"
)


def file_name(now: datetime) -> str:
    """What a backup of a moment is called."""
    return f"pureboot-{now:{_TIME}}.db"


class Backups:
    """Backups, by the settings `backup.*`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def make(self, target: Path, *, by: str) -> BackedUp:
        """Back the store up to a new file; in a folder, under a name with the time.

        Raises:
            Invalid: the store is on PostgreSQL; says what to do.
            Conflict: there is such a file.
            Unavailable: it cannot be written.
        """
        source = sqlite_path(self._context.settings.database.url)
        if source is None:
            raise Invalid(_GUIDE)
        place = target / file_name(self._context.now()) if await asyncio.to_thread(target.is_dir) else target
        made = await asyncio.to_thread(backup.back_up, source, place)
        await self._context.database.write(lambda tx: self._note(tx, made, by))
        return made

    def _note(self, tx: Tx, made: BackedUp, by: str) -> None:
        data = {"path": made.path, "size": made.size, "sha256": made.sha256}
        events.append(tx, [NewEvent(kind=Kind.STORE_BACKED_UP, at=self._context.now(), principal=by, data=data)])

    async def make_due(self) -> datetime | None:
        """Back up if that is due, by the newest one in `backup.dir`, and remove the oldest beyond `backup.keep`.

        Gives when the next one is due; None if none is wanted. What fails is logged, and tried again an hour later.
        """
        rules, store = self._context.settings.backup, sqlite_path(self._context.settings.database.url)
        if rules.every is None or store is None:
            return None
        folder, every = rules.dir or store.parent / "backups", timedelta(seconds=rules.every)
        now = self._context.now()
        newest = max(await asyncio.to_thread(_times, folder), default=None)
        if newest is not None and newest <= now < newest + every:
            return newest + every
        try:
            await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
            await self.make(folder / file_name(now), by=SYSTEM)
            await asyncio.to_thread(_rotate, folder, rules.keep)
        except Conflict:
            pass  # another host of this store is at it
        except (PureBootError, OSError) as error:
            _log.error("the store could not be backed up to %s: %s", folder, error)
            return now + min(every, timedelta(hours=1))
        return now + every


def _times(folder: Path) -> dict[datetime, Path]:
    """The backups of a folder that were named by us, by their time."""
    if not folder.is_dir():
        return {}
    found = ((_OURS.fullmatch(path.name), path) for path in folder.iterdir())
    return {datetime.strptime(f"{match[1]}+0000", f"{_TIME}%z"): path for match, path in found if match}


def _rotate(folder: Path, keep: int) -> None:
    listed = _times(folder)
    for moment in sorted(listed)[:-keep]:
        listed[moment].unlink(missing_ok=True)
