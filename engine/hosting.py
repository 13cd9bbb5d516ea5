"""Being a host: a process that performs the steps of a store.

On SQLite one process hosts; a lock on a file, which the kernel gives back when the process dies, says which. On
PostgreSQL any number of hosts share the work: each has a row with a lease that it renews, in one statement for all that
it has taken. Who does not renew is gone when its lease is over: its row is taken away, and with it what it had taken.
A host that was only paused (or cut off) finds its row gone when it wakes; whatever it still wants to write about an
attempt is refused, because the attempt is no longer its own. It stops its work and joins anew.

Mostly a host that falls silent is dead, and its server knows: with its connection went the mark that it had set there.
Nobody waits for the rest of its lease then, but only until one renewal is overdue.

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
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

_FOREVER = timedelta(days=36500)  # on SQLite the lock of the file is the lease
ASK_SECONDS = 2.0  # how often a guest asks for a place
_LOOK_SECONDS = 1.0  # how often a host looks for others that are gone


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
        if await self._context.database.read(self._is_full):
            return False  # a guest that asks now and then is no writer that the host has to reckon with
        name = f"{socket.gethostname()}:{os.getpid()}"
        self.host = await self._context.database.write(lambda tx: self._join(tx, name))
        return self.host is not None

    def _is_full(self, tx: Tx) -> bool:
        return self._shared and not self._beside and len(hosts.ids(tx)) > len(self._gone(tx))

    def _join(self, tx: Tx, name: str) -> Host | None:
        if self._is_full(tx):
            return None
        self._bury(tx)
        host = hosts.add(tx, new_id(), name, version("pureboot"), self.lease)
        if self._shared:
            hosts.mark(tx, host.id)
        return host

    def _gone(self, tx: Tx) -> list[Host]:
        if not self._shared:
            return hosts.find(tx)
        mine = self.host.id if self.host else None
        return [host for host in hosts.find(tx) if host.id != mine and hosts.is_gone(tx, host)]

    def _is_anyone_gone(self, tx: Tx) -> bool:
        return bool(self._gone(tx))

    def _bury(self, tx: Tx) -> None:
        for host in self._gone(tx):
            hosts.remove(tx, host.id)
            data = {"host": host.name, "host_id": host.id, "seen_at": host.seen_at}
            events.append(tx, [NewEvent(kind=Kind.HOST_LOST, at=self._context.now(), data=data)])

    async def keep(self) -> None:
        """Keep the place, and look after the others; return when it is lost."""
        if not self._shared:
            await asyncio.Event().wait()
        time = asyncio.get_running_loop().time
        due = time() + self._seconds / 3
        trusting_until = 0.0
        while self.host is not None:
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, due - time())))
            try:
                if time() >= due:
                    await self._renew()
                    due = time() + self._seconds / 3
                elif time() >= trusting_until and await self._context.database.read(self._is_anyone_gone):
                    await self._context.database.write(self._bury)
            except Unavailable:  # as long as the lease lasts the next try is in time; others may need theirs as well
                trusting_until = time() + self._seconds / 3
                await asyncio.sleep(min(_LOOK_SECONDS, self._seconds / 6))

    async def _renew(self) -> None:
        host = self.host
        if host is None:
            return

        def work(tx: Tx) -> bool:
            if not hosts.renew(tx, host.id, self.lease):
                return False
            hosts.mark(tx, host.id)
            self._bury(tx)
            return True

        if not await self._context.database.write(work):
            _log.warning("this process was silent for too long: others have taken over its steps")
            self.host = None

    async def leave(self) -> None:
        """Give the place up, so that others need not wait for the lease to end."""
        host, self.host = self.host, None
        if host is not None:
            with contextlib.suppress(Unavailable):
                await self._context.database.write(lambda tx: hosts.remove(tx, host.id))
