"""What of a boot step's files is not there; looked at before a machine is told to fetch them, by HTTP or TFTP."""

import asyncio

from bootsrv import paths
from bootsrv.words import WHOLE_URL
from engine.app import PureBoot
from engine.core.boot import Serve
from engine.errors import Forbidden, NotFound, Unavailable


async def lacking(pureboot: PureBoot, serve: Serve) -> str | None:
    """The first file that is not there, said to whoever can put it there; None if all are, as far as this server can
    tell: a whole URL is another's, and one of `files.upstream` is fetched when it is asked for.
    """
    files = pureboot.settings.files
    for what, name in serve.named:
        if WHOLE_URL.match(name) or name.lstrip("/") in files.upstream:
            continue
        try:
            await asyncio.to_thread(paths.resolve, files.dir, name)
        except NotFound as error:
            lack = await pureboot.files.lack(name)
            if isinstance(lack, Unavailable):
                return f"{what} {name} cannot be served: {lack}"
            if lack is not None:
                return f"{what} {name} is not under files.dir ({files.dir}): put it there ({error})"
        except Forbidden as error:
            return f"{what} {name} is not under files.dir ({files.dir}): put it there ({error})"
    return None
