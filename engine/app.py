"""PureBoot: one open store with everything that can be done with it."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from engine.actions.builtin import BUILTIN
from engine.actions.registry import Registry
from engine.chores import Chores
from engine.clock import Clock, SystemClock
from engine.core.events import SYSTEM, Event, Kind, NewEvent
from engine.core.executions import Execution
from engine.core.groups import Group
from engine.core.hosts import Host
from engine.core.nodes import Node
from engine.core.page import EVERYTHING, Page
from engine.core.scopes import Server
from engine.core.tokens import digest
from engine.errors import Unavailable
from engine.feed import Feed
from engine.hosting import ASK_SECONDS, Hosting
from engine.keyring import Keyring
from engine.keys import load_key
from engine.pack_watch import PackWatch
from engine.runtime import Runtime
from engine.service_set import Services
from engine.services.context import Context
from engine.services.vault import Vault
from engine.settings import Settings, default_data_dir
from engine.store import events, executions, groups, hosts, migrate, nodes
from engine.store.database import open_database
from engine.store.tx import Tx

_log = logging.getLogger(__name__)

_SETTLED_SECONDS = 60.0  # a rack may wait for a host that has just started


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a screen begins with, all of one moment; `cursor` is where to follow from."""

    cursor: int
    nodes: tuple[Node, ...]
    groups: tuple[Group, ...]
    executions: tuple[Execution, ...]


class PureBoot(Services):
    """One open store; an async context manager.

    The first process on a store hosts it: it runs the engine (and the doors, which its entry point opens). Any other is
    a guest: it reads, writes and follows like the host, and leaves performing and timing to it. When the host is gone,
    a guest takes its place. On PostgreSQL there may be several hosts (`beside`); they share the work.
    """

    feed: Feed

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        host: bool = True,
        beside: bool = False,
        actions: Registry | None = None,
    ) -> None:
        """`host` False never hosts, for commands that only ask; `beside` lets it host also while other processes do,
        where the store can be shared (PostgreSQL); `actions` are the built-in ones if not given.
        """
        self.settings = settings
        self._clock = clock or SystemClock()
        self._wants_host = host
        self._beside = beside
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
        context = Context(
            database=database,
            clock=self._clock,
            settings=self.settings,
            key=load_key(key_path(self.settings)),
            vault=Vault(Keyring(secret_key_path(self.settings))),
            actions=self._actions or _installed_actions(),
        )
        self._provide(context)
        self.feed = Feed(database)
        self.feed.on_outside(self.executions.look_again)
        self._stack.push_async_callback(self._last_traces)
        await self.feed.open()
        self._stack.push_async_callback(self.feed.close)
        self._stack.push_async_callback(self._stop_fetching)
        self._hosting = asyncio.Event()
        if not self._wants_host:
            return
        self._place = Hosting(self._context, beside=self._beside)
        self._runtime = self._make_runtime()
        self._stack.push_async_callback(self._place.leave)
        self._stack.push_async_callback(self._stop_engine)
        if not await self._host():
            await self.ask_server()
        turns = asyncio.create_task(self._take_turns(), name="take-turns")
        self._stack.push_async_callback(_stop, turns)

    def _make_runtime(self) -> Runtime:
        chores = Chores(self._clock, self.feed, self.triggers, self.retention, self._back_up)
        loops = {"engine-triggers": chores.fire, "engine-prune": chores.prune, "engine-blobs": self._keep_blobs}
        loops["engine-traces"] = self.traces.run
        loops["engine-agents"] = self.agents.watch
        if self.settings.backup.every is not None:
            loops["engine-backup"] = chores.back_up
        if self.settings.packs.watch != "off":
            loops["engine-packs"] = PackWatch(self.packs, self.feed, self.settings.packs).run
        return Runtime(self._context, self.executions, self.links, self.artifacts, self.agents, self.feed, loops)

    async def _back_up(self) -> datetime | None:
        return await self.backups.make_due()  # loaded only where backups are wanted

    async def _last_traces(self) -> None:
        """Keep what the doors noted last."""
        with contextlib.suppress(Unavailable):
            await self.traces.flush()

    async def _host(self) -> bool:
        """Become a host if there is a place."""
        if not await self._place.join():
            return False
        host = self._place.host
        assert host is not None  # noqa: S101 - that is what joining means
        await self.secrets.begin()
        self._context.patience.listen()
        self._engine = asyncio.create_task(self._runtime.run(host.id), name="engine")
        self._engine.add_done_callback(_tell_of_end)
        self._hosting.set()
        return True

    async def _take_turns(self) -> None:
        """Be a host whenever there is a place for this process."""
        if not self.is_host:
            await self._take_over()
            _log.warning("no other process hosts this store; this one hosts it now")
        while True:
            await self._keep_place()
            self._hosting.clear()
            await self._stop_engine()
            await self._take_over()
            _log.warning("this process hosts the store again")

    async def _keep_place(self) -> None:
        """Return when the place is lost, or was one in another store than is there now."""
        ends = [asyncio.ensure_future(self._place.keep()), asyncio.ensure_future(self._context.database.another())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()

    async def _take_over(self) -> None:
        """Wait for a place."""
        while True:
            with contextlib.suppress(Unavailable):
                if await self._host():
                    return
            await asyncio.sleep(ASK_SECONDS)

    async def _stop_fetching(self) -> None:
        if "upstream" in self.__dict__:
            await self.upstream.close()

    async def _stop_engine(self) -> None:
        if self._engine is not None:
            await _stop(self._engine)

    async def ask_server(self) -> None:
        """Find out what the host told of itself when it opened its doors."""
        [*started], _ = await self.events(Page(limit=1, filters={"kind": (Kind.SERVER_STARTED.value,)}))
        self.server = Server(url=str(started[0].data.get("server_url") or "")) if started else Server()

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
    def working(self) -> int:
        """How many attempts this process performs now."""
        return self._runtime.working if self.engine_runs else 0

    async def hosts(self) -> list[Host]:
        """The processes that perform steps, oldest first."""
        return await self._context.database.read(hosts.find)

    async def _keep_blobs(self) -> None:
        await self._clock.sleep_until(self._clock.now() + timedelta(seconds=_SETTLED_SECONDS))
        await self.blob_care.keep(self._clock)

    @property
    def trouble(self) -> str | None:
        """Why the store cannot be written now, if so: the engine takes no work then, and goes on when it can."""
        return self._context.database.trouble

    @property
    def replacements(self) -> int:
        """How often another store was found in the place of the one that was open: what was read before is stale."""
        return self._context.database.backend.replacements

    def now(self) -> datetime:
        """The time by the store's clock, aware and in UTC."""
        return self._context.now()

    @property
    def store_id(self) -> str:
        """What tells this store from every other, also from one that is put in its place."""
        return digest(self._context.capability("store"))[:16]

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


def secret_key_path(settings: Settings) -> Path:
    """Where the keys to the secrets are: beside an SQLite store, else in the data dir, by the database's name; no two
    stores share one, for a rotation drops the keys that its own store no longer needs.
    """
    url = settings.database.url
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///") + ".secret.key")
    name = "".join(char if char.isalnum() or char in "-_" else "_" for char in urlsplit(url).path.strip("/"))
    return default_data_dir() / f"{name or 'pureboot'}.secret.key"


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
