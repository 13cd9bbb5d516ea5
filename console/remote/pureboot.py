"""A PureBoot far away: the same attributes as `engine.app.PureBoot`, each call carried over the line.

No client is written for any service: a service here is its name, and a method what the table of the seam and the
method's own type hints say. So a console calls `pureboot.nodes.move(…)` wherever the nodes are.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from console.remote.feed import RemoteFeed
from console.remote.link import Link
from engine.core.codec import decode
from engine.core.permissions import Permission, may
from engine.core.scopes import Server
from engine.core.welcome import Welcome
from engine.errors import Conflict, Invalid, NotFound, PureBootError, Unavailable
from engine.seam.methods import find, received
from engine.seam.table import ITSELF, PERMISSIONS
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.app import PureBoot, Snapshot
    from engine.core.events import Event
    from engine.core.executions import Execution
    from engine.core.hosts import Host
    from engine.core.nodes import Node
    from engine.core.page import Page
    from engine.services.access import Access
    from engine.services.accounts import Accounts
    from engine.services.agents import Agents
    from engine.services.artifacts import Artifacts
    from engine.services.consoles import Consoles
    from engine.services.control import Control
    from engine.services.dead_letters import DeadLetters
    from engine.services.edits import Edits
    from engine.services.estimates import Estimates
    from engine.services.executions import Executions
    from engine.services.files import Files
    from engine.services.groups import Groups
    from engine.services.library import Library
    from engine.services.links import Links
    from engine.services.nodes import Nodes
    from engine.services.packs import Packs
    from engine.services.plans import Plans
    from engine.services.secrets import Secrets
    from engine.services.templates import Templates
    from engine.services.traces import Traces
    from engine.services.traffic import Doorkeeper
    from engine.services.trends import Trends
    from engine.services.triggers import Triggers
    from engine.services.uploads import Uploads
    from engine.services.validation import Validation
    from engine.services.workflows import Workflows

_LOOK_SECONDS = 10.0
_WELCOME = "/api/v1/console"


class RemotePureBoot:
    """A PureBoot that is reached over its API; an async context manager."""

    access: "Access"
    accounts: "Accounts"
    agents: "Agents"
    edits: "Edits"
    estimates: "Estimates"
    traffic: "Doorkeeper"
    trends: "Trends"
    artifacts: "Artifacts"
    consoles: "Consoles"
    control: "Control"
    dead_letters: "DeadLetters"
    executions: "Executions"
    files: "Files"
    groups: "Groups"
    library: "Library"
    links: "Links"
    nodes: "Nodes"
    packs: "Packs"
    plans: "Plans"
    secrets: "Secrets"
    templates: "Templates"
    traces: "Traces"
    triggers: "Triggers"
    uploads: "Uploads"
    validation: "Validation"
    workflows: "Workflows"

    def __init__(self, url: str, token: str | None, *, ca_file: Path | None = None) -> None:
        self.link = Link(url, token, ca_file=ca_file)
        for service in {service for service, _ in PERMISSIONS} - {ITSELF}:
            setattr(self, service, RemoteService(self.link, service))
        self._itself = cast("PureBoot", RemoteService(self.link, ITSELF))
        self.feed = RemoteFeed(self.link, self.executions, back=self._look, gone=self._replaced)
        self.replacements = 0
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "RemotePureBoot":
        try:
            await self._stack.enter_async_context(self.link)
            await self._look()
            looking = asyncio.create_task(self._keep_looking(), name="remote-look")
            self._stack.push_async_callback(_stop, looking)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _look(self) -> None:
        """See where we are, and who.

        Raises:
            PureBootError: there is no PureBoot there, or one of another version, or it does not let us in.
        """
        try:
            data = await self.link.get(_WELCOME)
        except NotFound as error:
            raise Unavailable(
                f"{self.link.url} has no place for consoles ({error}): it is an older PureBoot, or its API is on "
                "another port (api.port)"
            ) from None
        welcome = _understood(data, self.link.url)
        before = getattr(self, "welcome", welcome)
        self.welcome: Welcome = welcome
        self._offset = welcome.now - _local_now()
        if (before.store, before.replacements) != (welcome.store, welcome.replacements):
            self._replaced()
        if before is welcome or before.settings != welcome.settings:
            self.settings = _settings(welcome)

    async def _keep_looking(self) -> None:
        """See now and then whether something has changed that no event tells."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self.link.is_cut:
                with contextlib.suppress(PureBootError):
                    await self._look()

    def _replaced(self) -> None:
        self.replacements += 1

    @property
    def is_read_only(self) -> bool:
        """Whether the token may only look."""
        return not may(self.welcome.role, Permission.WORK)

    @property
    def server(self) -> Server:
        """What it tells nodes of itself."""
        return self.welcome.server

    @property
    def is_host(self) -> bool:
        """No: whoever hosts the store is on the other side."""
        return False

    @property
    def trouble(self) -> str | None:
        """Why its store cannot be written now, if so."""
        return self.welcome.trouble

    def now(self) -> datetime:
        """The time by the clock of the other side."""
        return _local_now() + self._offset

    async def snapshot(self, recent_executions: int = 500) -> "Snapshot":
        """What a screen begins with."""
        return await self._itself.snapshot(recent_executions)

    async def hosts(self) -> "list[Host]":
        """The processes that perform steps, oldest first."""
        return await self._itself.hosts()

    async def events(self, page: "Page", *, after: int = 0) -> "tuple[list[Event], int]":
        """A page of the event log."""
        return await self._itself.events(page, after=after)

    async def events_after(self, cursor: int, limit: int = 1000) -> "list[Event]":
        """The events with ids above `cursor`, oldest first."""
        return await self._itself.events_after(cursor, limit)

    async def nodes_by_ids(self, ids: set[str]) -> "list[Node]":
        """The nodes with these ids."""
        return await self._itself.nodes_by_ids(ids)

    async def executions_by_ids(self, ids: set[str]) -> "list[Execution]":
        """The executions with these ids."""
        return await self._itself.executions_by_ids(ids)


class RemoteService:
    """A service far away. What can be called is in the table of the seam; anything else is no attribute."""

    def __init__(self, link: Link, service: str) -> None:
        self._link = link
        self._service = service

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if (self._service, name) not in PERMISSIONS:
            raise AttributeError(f"{self._service}.{name} cannot be called from afar: it is not in engine.seam.table")
        method = find(self._service, name)

        async def perform(*args: Any, **given: Any) -> Any:
            arguments = method.outgoing(args, given)
            data = await self._link.call(self._service, name, arguments)
            try:
                return await asyncio.to_thread(received, method, data, method.hearers(given))
            except Invalid as error:
                raise Unavailable(f"{self._link.place} answers what this console cannot read: {error}") from None

        return perform


def _understood(data: Any, url: str) -> Welcome:
    theirs, ours = str(data.get("version")) if isinstance(data, dict) else "", version("pureboot")
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        raise Conflict(f"{url} is PureBoot {theirs[:20]}, and this console {ours}: use one of the same version")
    welcome: Welcome = decode(Welcome, data)
    return welcome


def _settings(welcome: Welcome) -> Settings:
    try:
        return Settings.model_validate(welcome.settings)
    except ValueError as error:
        raise Conflict(f"the other side has settings that this console does not know: {error}") from None


def _local_now() -> datetime:
    """A time that goes on evenly, whatever is done to this machine's clock meanwhile."""
    return _BEGAN + timedelta(seconds=time.monotonic() - _BEGAN_AT)


_BEGAN, _BEGAN_AT = datetime.now(UTC), time.monotonic()


async def _stop(work: "asyncio.Task[None]") -> None:
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
