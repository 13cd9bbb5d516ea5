"""PureBoot: one open store with everything that can be done with it."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Registry
from engine.clock import Clock, SystemClock
from engine.core.events import SYSTEM, Event, Kind, NewEvent
from engine.core.executions import Execution
from engine.core.groups import Group
from engine.core.nodes import Node
from engine.core.page import EVERYTHING, Page
from engine.core.scopes import Server
from engine.errors import Unavailable
from engine.feed import Feed
from engine.keys import load_key
from engine.runtime import Runtime
from engine.services.access import Access
from engine.services.boots import Boots
from engine.services.callbacks import Callbacks
from engine.services.context import Context
from engine.services.executions import Executions
from engine.services.groups import Groups
from engine.services.nodes import Nodes
from engine.services.reports import Reports
from engine.services.templates import Templates
from engine.services.workflows import Workflows
from engine.settings import Settings, default_data_dir
from engine.store import events, executions, groups, migrate, nodes
from engine.store.database import Database, Tx, open_database

_log = logging.getLogger(__name__)

_ASK_SECONDS = 2.0  # how often a guest asks for the host's place
_ASK_AGAIN_SECONDS = 0.2  # how often a process asks that had the place: its doors are open already


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a screen begins with, all of one moment; `cursor` is where to follow from."""

    cursor: int
    nodes: tuple[Node, ...]
    groups: tuple[Group, ...]
    executions: tuple[Execution, ...]


class PureBoot:
    """One open store; an async context manager.

    The first process on a store hosts it: it runs the engine (and the doors, which its entry point opens). Any other is
    a guest: it reads, writes and follows like the host, and leaves performing and timing to it. When the host is gone,
    a guest takes its place. A host whose database takes the place away (a server that was started again) stops its
    engine at once and asks for the place anew.
    """

    nodes: Nodes
    groups: Groups
    reports: Reports
    templates: Templates
    workflows: Workflows
    executions: Executions
    callbacks: Callbacks
    boots: Boots
    access: Access
    feed: Feed

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        host: bool = True,
        actions: Registry | None = None,
    ) -> None:
        """`host` False never hosts, for commands that only ask; `actions` are the built-in ones if not given."""
        self.settings = settings
        self._clock = clock or SystemClock()
        self._wants_host = host
        self._actions = actions
        self._engine: asyncio.Task[None] | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "PureBoot":
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        database = await open_database(self.settings.database.url)
        self._stack.push_async_callback(database.close)
        await migrate.migrate(database)
        self._context = Context(
            database=database,
            clock=self._clock,
            settings=self.settings,
            key=load_key(key_path(self.settings)),
            actions=self._actions or _installed_actions(),
        )
        self._add_services(database)
        await self.feed.open()
        self._stack.push_async_callback(self.feed.close)
        self._hosting = asyncio.Event()
        if not self._wants_host:
            return
        self._stack.push_async_callback(self._stop_engine)
        if not await self._host(database):
            self.server = await self._servers_address()
        turns = asyncio.create_task(self._take_turns(database), name="take-turns")
        self._stack.push_async_callback(_stop, turns)

    def _add_services(self, database: Database) -> None:
        context = self._context
        self.feed = Feed(database)
        self.nodes = Nodes(context)
        self.groups = Groups(context)
        self.reports = Reports(context)
        self.templates = Templates(context)
        self.workflows = Workflows(context)
        self.executions = Executions(context)
        self.callbacks = Callbacks(context)
        self.boots = Boots(context, self.reports)
        self.access = Access(context)

    async def _host(self, database: Database) -> bool:
        """Become the host if nobody is."""
        if not await database.backend.lock_host():
            return False
        runtime = Runtime(self._context, self.executions, self.feed)
        self._engine = asyncio.create_task(runtime.run(), name="engine")
        self._engine.add_done_callback(_tell_of_end)
        self._hosting.set()
        return True

    async def _take_turns(self, database: Database) -> None:
        """Be the host whenever the database lets this process be it."""
        if not self.is_host:
            await self._take_over(database, _ASK_SECONDS)
            _log.warning("the process that hosted this store is gone; this one hosts it now")
        while True:
            await database.backend.host_lost()
            self._hosting.clear()
            await self._stop_engine()
            await self._take_over(database, _ASK_AGAIN_SECONDS)
            _log.warning("this process hosts the store again")

    async def _take_over(self, database: Database, every: float) -> None:
        """Wait until the host is gone, and take its place."""
        while True:  # a lock of another process tells nobody
            wait = every
            try:
                if await self._host(database):
                    return
            except Unavailable:
                wait = 2 * every  # who was the host before the outage comes first
            await asyncio.sleep(wait)

    async def _stop_engine(self) -> None:
        if self._engine is not None:
            await _stop(self._engine)

    async def _servers_address(self) -> Server:
        """What the host told of itself when it opened its doors."""
        [*started], _ = await self.events(Page(limit=1, filters={"kind": (Kind.SERVER_STARTED.value,)}))
        return Server(url=str(started[0].data.get("server_url") or "")) if started else Server()

    @property
    def is_host(self) -> bool:
        """Whether this process hosts the store."""
        return self._hosting.is_set()

    async def hosting(self) -> None:
        """Return once this process hosts the store."""
        await self._hosting.wait()

    @property
    def engine_runs(self) -> bool:
        """Whether this process performs the steps now."""
        return self._engine is not None and not self._engine.done()

    @property
    def context(self) -> Context:
        """What the services share."""
        return self._context

    @property
    def server(self) -> Server:
        """What nodes are told of this server where no request says how it was reached."""
        return self._context.server[0]

    @server.setter
    def server(self, server: Server) -> None:
        self._context.server[0] = server

    async def note(self, kind: Kind, **data: object) -> None:
        """Write an event of the system's own to the log."""
        fact = NewEvent(kind=kind, at=self._context.now(), principal=SYSTEM, data=data)
        await self._context.database.write(lambda tx: events.append(tx, [fact]))

    async def events(self, page: Page, *, after: int = 0) -> tuple[list[Event], int]:
        """A page of the event log with ids above `after`, newest first unless sorted otherwise."""
        return await self._context.database.read(lambda tx: events.find(tx, page, after))

    async def events_after(self, cursor: int, limit: int = 1000) -> list[Event]:
        """The events with ids above `cursor`, oldest first."""
        return await self._context.database.read(lambda tx: events.after(tx, cursor, limit))

    async def snapshot(self, recent_executions: int = 500) -> Snapshot:
        """Nodes, groups and executions (all that live, and the newest), and the cursor, from one transaction.

        They are read in pieces, in no order: the event loop stays free between them.
        """

        def work(tx: Tx) -> Snapshot:
            return Snapshot(
                cursor=events.cursor(tx),
                nodes=tuple(nodes.everything(tx)),
                groups=tuple(groups.find(tx, EVERYTHING)[0]),
                executions=tuple(executions.by_ids(tx, executions.live_and_newest(tx, recent_executions))),
            )

        return await self._context.database.read(work)

    async def nodes_by_ids(self, ids: set[str]) -> list[Node]:
        """The nodes with these ids."""
        return await self._context.database.read(lambda tx: nodes.by_ids(tx, ids))

    async def executions_by_ids(self, ids: set[str]) -> list[Execution]:
        """The executions with these ids."""
        return await self._context.database.read(lambda tx: executions.by_ids(tx, ids))


def key_path(settings: Settings) -> Path:
    """Where the store's key is: beside an SQLite store, else in the data dir."""
    url = settings.database.url
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///") + ".key")
    return default_data_dir() / "pureboot.key"


def _installed_actions() -> Registry:
    registry = Registry(BUILTIN)
    registry.add_installed()
    return registry


async def _stop(work: asyncio.Task[None]) -> None:
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def _tell_of_end(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and work.exception() is not None:
        _log.critical("the engine stopped", exc_info=work.exception())
