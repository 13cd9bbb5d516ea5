"""What the proxy knows of nodes, in memory: an answer cannot wait for the store.

It is read once and then follows the event log, so that a loader chosen in the console is offered at the next boot.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable

from bootsrv.dhcp.offer import Machine, loader_problem
from engine.app import PureBoot
from engine.core.events import Event, Kind
from engine.core.loader_choice import LoaderChoice
from engine.errors import Unavailable
from engine.services.loader_choices import LoaderChoices

log = logging.getLogger(__name__)

_OF_A_NODE = frozenset({Kind.NODE_CREATED, Kind.NODE_DISCOVERED, Kind.NODE_UPDATED, Kind.NODE_REPORTED})
_OF_ALL = frozenset({Kind.GROUP_UPDATED, Kind.GROUP_DELETED})
_AGAIN_SECONDS = 5.0


class NodeBook:
    """Opened by `open`, which reads it; closed by `close`."""

    def __init__(self, pureboot: PureBoot) -> None:
        self._pureboot = pureboot
        self._choices = LoaderChoices(pureboot.context)
        self._strangers = pureboot.settings.discovery.enabled
        self._machines: dict[str, Machine] = {}
        self._following: asyncio.Task[None] | None = None

    def machine(self, mac: str) -> Machine:
        """What is known of a MAC address."""
        return self._machines.get(mac) or Machine(welcome=self._strangers)

    async def open(self) -> None:
        """Read what there is, and follow what changes.

        Raises:
            Unavailable: the store cannot be read.
        """
        cursor = await self._read()
        self._following = asyncio.create_task(self._follow(cursor), name="dhcp-nodes")

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _read(self) -> int:
        cursor, choices = await self._choices.all()
        self._machines = {}
        self._keep(choices)
        return cursor

    async def _follow(self, cursor: int) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                async for batch in self._pureboot.feed.follow(cursor):
                    await self._changed(batch)
                    cursor = batch[-1].id if batch else cursor
            await asyncio.sleep(_AGAIN_SECONDS)  # the store cannot be read now; what is known is still right

    async def _changed(self, batch: list[Event]) -> None:
        if any(event.kind in _OF_ALL for event in batch):
            await self._read()
            return
        ids = {event.node_id for event in batch if event.kind in _OF_A_NODE and event.node_id}
        if ids:
            self._keep(await self._choices.of(ids))

    def _keep(self, choices: Iterable[LoaderChoice]) -> None:
        for choice in choices:
            problem = loader_problem(choice.loader) if choice.loader else None
            if problem is not None:
                log.warning("the loader of node %s %s: it gets the usual one", choice.mac_address, problem)
            self._machines[choice.mac_address] = Machine(loader=None if problem else choice.loader)
