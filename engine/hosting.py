"""Being a host: a process that performs the steps of a store.

On SQLite one process hosts; a lock on a file, which the kernel gives back when the process dies, says which. On
PostgreSQL any number of hosts share the work: each has a row with a lease that it renews, in one statement for all that
it has taken. Who does not renew is gone when its lease is over: its row is taken away, and with it what it had taken.
A host that was only paused (or cut off) finds its row gone when it wakes; whatever it still wants to write about an
attempt is refused, because the attempt is no longer its own. It stops its work and joins anew.

Rolling upgrade: the first process of a newer version migrates the store. Migrations within a major version only add, so
an older process that has the store open goes on; one that opens it then refuses. So: back the store up, then stop the
hosts one after another, and start each with the new version before the next is stopped.
"""

import asyncio
import contextlib
import logging
import os
import socket
from datetime import timedelta
from importlib.metadata import version

from engine.clock import new_id
from engine.core.events import Kind, NewEvent
from engine.core.hosts import Host
from engine.errors import Unavailable
from engine.services.context import Context
from engine.store import events, hosts
from engine.store.database import Tx

_log = logging.getLogger(__name__)

_FOREVER = timedelta(days=36500)  # on SQLite the lock of the file is the lease
ASK_SECONDS = 2.0  # how often a guest asks for a place


class Hosting:
    """This process's place among the hosts of a store. `beside` lets it host while others do, where the store can."""

    def __init__(self, context: Context, *, beside: bool) -> None:
        self._context = context
        self._beside = beside
        self._shared = context.database.backend.is_shared
        self._seconds = context.settings.engine.lease
        self.host: Host | None = None

    @property
    def lease(self) -> timedelta:
        """How long a host may be silent."""
        return timedelta(seconds=self._seconds) if self._shared else _FOREVER

    async def join(self) -> bool:
        """Become a host if there is a place for one.

        Raises:
            Unavailable: the store cannot be asked now.
        """
        if not self._shared and not await self._context.database.backend.lock_host():
            return False
        name = f"{socket.gethostname()}:{os.getpid()}"
        self.host = await self._context.database.write(lambda tx: self._join(tx, name))
        return self.host is not None

    def _join(self, tx: Tx, name: str) -> Host | None:
        self._bury(tx, hosts.overdue(tx) if self._shared else hosts.find(tx))
        if self._shared and not self._beside and hosts.ids(tx):
            return None
        return hosts.add(tx, new_id(), name, version("pureboot"), self.lease)

    def _bury(self, tx: Tx, gone: list[Host]) -> None:
        for host in gone:
            hosts.remove(tx, host.id)
            data = {"host": host.name, "host_id": host.id, "seen_at": host.seen_at}
            events.append(tx, [NewEvent(kind=Kind.HOST_LOST, at=self._context.now(), data=data)])

    async def keep(self) -> None:
        """Keep the place; return when it is lost."""
        if not self._shared:
            await asyncio.Event().wait()
        while self.host is not None:
            await asyncio.sleep(self._seconds / 3)
            with contextlib.suppress(Unavailable):  # as long as the lease lasts the next try is in time
                if not await self._context.database.write(self._renew):
                    _log.warning("this process was silent for too long: others have taken over its steps")
                    self.host = None

    def _renew(self, tx: Tx) -> bool:
        if self.host is None or not hosts.renew(tx, self.host.id, self.lease):
            return False
        self._bury(tx, hosts.overdue(tx))
        return True

    async def leave(self) -> None:
        """Give the place up, so that others need not wait for the lease to end."""
        host, self.host = self.host, None
        if host is not None:
            with contextlib.suppress(Unavailable):
                await self._context.database.write(lambda tx: hosts.remove(tx, host.id))
