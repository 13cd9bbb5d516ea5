"""What a kind of database does in its own way."""

import contextlib
from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")


class Backend(Protocol):
    """What a kind of database does in its own way."""

    reader: AsyncEngine
    is_shared: bool  # whether several processes may host it
    replacements: int  # how often another store was found in the place of the one that was open

    def transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` alone, in a transaction that is durable when this returns. Called in the writer thread only."""

    def others_wrote(self, connection: Connection) -> bool:
        """Whether another process may have written since this one's last transaction. Called first in each."""

    def after_commit(self) -> None:
        """Tell other processes, if they can be told now. Called in the writer thread."""

    def probe(self, connection: Connection) -> None:
        """Write something that changes nothing."""

    def check_readable(self) -> None:
        """See that there is something to read, as far as that can be seen at once. Called in the event loop.

        Raises:
            Unavailable: there is not.
        """

    def advice(self, error: Exception) -> str | None:
        """What a person can do about an error of the database."""

    def close_writer(self) -> None:
        """Give the writer's connection back. Called in the writer thread, last."""

    def outside_changes(self, stir: Callable[[], None]) -> contextlib.AbstractAsyncContextManager[None]:
        """While entered, call `stir` when another process may have committed."""

    async def lock_host(self) -> bool:
        """Become the one process that hosts this store, where it is not shared; False if another is.

        Raises:
            Unavailable: the store cannot be asked now.
        """

    async def close(self) -> None:
        """Give everything else back."""
