"""What of a boot step's files is not there; looked at before a machine is told to fetch them, by HTTP or TFTP."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bootsrv import paths
from bootsrv.words import WHOLE_URL
from engine.app import PureBoot
from engine.core.boot import Serve
from engine.errors import Forbidden, NotFound, PureBootError, Unavailable

_Lack = tuple[str, str, PureBootError]


class Looks:
    """Looks for files on the disk, each in a thread. Who asks for the same while one is under way waits for its end: a
    rack that starts together asks for the same files, and a thread costs more than the look.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[Path, tuple[tuple[str, str], ...]], asyncio.Task[list[_Lack]]] = {}

    async def not_found(self, folder: Path, named: tuple[tuple[str, str], ...]) -> list[_Lack]:
        """Those of some files that are not in the folder, with why."""
        key = (folder, named)
        looking = self._under_way.get(key)
        if looking is None:
            looking = asyncio.create_task(asyncio.to_thread(_not_found, folder, named), name="files-look")
            self._under_way[key] = looking
            looking.add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(looking)  # whoever else waits for it does so when this one is stopped


async def lacking(pureboot: PureBoot, serve: Serve, looks: Looks) -> str | None:
    """The first file that is not there, said to whoever can put it there; None if all are, as far as this server can
    tell: a whole URL is another's, and one of `files.upstream` is fetched when it is asked for.
    """
    folder, upstream = pureboot.settings.files.dir, pureboot.settings.files.upstream
    here = tuple(each for each in serve.named if not WHOLE_URL.match(each[1]) and each[1].lstrip("/") not in upstream)
    for what, name, error in await looks.not_found(folder, here) if here else ():
        lack = await pureboot.files.lack(name) if isinstance(error, NotFound) else error
        if isinstance(lack, Unavailable):
            return f"{what} {name} cannot be served: {lack}"
        if lack is not None:
            return f"{what} {name} is not under files.dir ({folder}): put it there ({error})"
    return None


def _not_found(folder: Path, named: Sequence[tuple[str, str]]) -> list[_Lack]:
    """Those of some files that are not in the folder, with why. It looks at the disk: one thread for all of them."""
    found: list[_Lack] = []
    for what, name in named:
        try:
            paths.resolve(folder, name)
        except (NotFound, Forbidden) as error:
            found.append((what, name, error))
    return found
