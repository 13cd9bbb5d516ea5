"""A process that rotates keys and kills itself at a chosen step: `python -m tests.services.rotating`.

Reads a `Turn` a line (JSON) and forks for each, from a process that has everything imported and no thread: so a turn
costs a fraction of a second. The child kills itself at the N-th step that an audit hook sees of files and locks being
touched, or at one of its transactions: as it begins, before its commit, or when that is done. Answers each line with
the steps taken, if it came to its end, and the exit code.
"""

import asyncio
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from sqlalchemy import Connection

from engine.app import PureBoot
from tests.forking import Forker, fork_for_each_line
from tests.store_settings import settings_for

_TOUCHED = frozenset({"open", "os.rename", "os.remove", "os.link", "fcntl.flock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A rotation in a store, and the step at which the process dies (0: never)."""

    url: str
    folder: str
    at: int = 0


class Steps:
    """Counts the steps, and kills this process at one of them."""

    def __init__(self, at: int) -> None:
        self.seen = 0
        self._at = at

    def step(self) -> None:
        self.seen += 1
        if self.seen == self._at:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python tells of everything it does."""
        if event in _TOUCHED and "secret.key" in str(arguments):
            self.step()

    def stepping(self, transaction: Callable[..., Any]) -> Callable[..., Any]:
        """A store's way to do a transaction, in steps."""

        def stepped(work: Callable[[Connection], Any]) -> Any:
            def worked(connection: Connection) -> Any:
                self.step()
                result = work(connection)
                self.step()
                return result

            result = transaction(worked)
            self.step()
            return result

        return stepped


async def rotate(turn: Turn, steps: Steps) -> None:
    """Rotate the keys of a store."""
    async with PureBoot(settings_for(turn.url, Path(turn.folder)), host=False) as pureboot:
        backend = pureboot.context.database.backend
        backend.transaction = steps.stepping(backend.transaction)  # type: ignore[method-assign]
        sys.addaudithook(steps.audit)
        await pureboot.secrets.rotate(by="user:victim")


def live(turn: Turn) -> NoReturn:
    """Take the turn, in a process of its own."""
    code = 1
    try:
        steps = Steps(turn.at)
        asyncio.run(rotate(turn, steps))
        print(steps.seen, end=" ", flush=True)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


async def warm_up() -> None:
    """Import all that a turn will need."""
    import asyncpg  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        async with PureBoot(settings_for(f"sqlite:///{folder}/warm.db", Path(folder)), host=False) as pureboot:
            await pureboot.secrets.set("warm", "some warm water", by="user:victim")
            await pureboot.secrets.rotate(by="user:victim")


class Rotations(Forker):
    """Where turns are taken."""

    @classmethod
    async def open(cls) -> Self:
        """Start it."""
        return await cls.start("tests.services.rotating")

    async def take(self, turn: Turn) -> tuple[int, int]:
        """How the process ended that took a turn, and how many steps it took if it came to its end."""
        *steps, code = await self.hand(asdict(turn))
        return code, sum(steps)


if __name__ == "__main__":
    fork_for_each_line(warm_up, lambda given: live(Turn(**given)))
