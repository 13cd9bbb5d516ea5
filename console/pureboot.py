"""What the console needs of a PureBoot: one that this process has opened, or one far away.

`engine.app.PureBoot` is such a thing, and so is `console.remote.pureboot.RemotePureBoot`; the type checker sees that
what the console asks for is there in both. What may be called from afar is in the table `engine.seam.table`.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.app import Snapshot
    from engine.core.events import Event
    from engine.core.executions import Execution
    from engine.core.hosts import Host
    from engine.core.nodes import Node
    from engine.core.page import Page
    from engine.core.scopes import Server
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
    from engine.settings import Settings
    from engine.store.logs import LogChunk


class Feed(Protocol):
    """The live event log."""

    def follow(self, after: int) -> "AsyncIterator[list[Event]]":
        """As `engine.feed.Feed.follow`."""
        ...

    def follow_log(
        self, execution_id: str, *, attempt_id: str | None = None, after: int = 0
    ) -> "AsyncIterator[list[LogChunk]]":
        """As `engine.feed.Feed.follow_log`."""
        ...


class Services(Protocol):
    """The services, which are the engine's own."""

    @property
    def access(self) -> "Access": ...  # noqa: D102 - each is what its class says
    @property
    def accounts(self) -> "Accounts": ...  # noqa: D102
    @property
    def agents(self) -> "Agents": ...  # noqa: D102
    @property
    def edits(self) -> "Edits": ...  # noqa: D102
    @property
    def estimates(self) -> "Estimates": ...  # noqa: D102
    @property
    def traffic(self) -> "Doorkeeper": ...  # noqa: D102
    @property
    def trends(self) -> "Trends": ...  # noqa: D102
    @property
    def artifacts(self) -> "Artifacts": ...  # noqa: D102
    @property
    def consoles(self) -> "Consoles": ...  # noqa: D102
    @property
    def control(self) -> "Control": ...  # noqa: D102
    @property
    def dead_letters(self) -> "DeadLetters": ...  # noqa: D102
    @property
    def executions(self) -> "Executions": ...  # noqa: D102
    @property
    def files(self) -> "Files": ...  # noqa: D102
    @property
    def groups(self) -> "Groups": ...  # noqa: D102
    @property
    def library(self) -> "Library": ...  # noqa: D102
    @property
    def links(self) -> "Links": ...  # noqa: D102
    @property
    def nodes(self) -> "Nodes": ...  # noqa: D102
    @property
    def packs(self) -> "Packs": ...  # noqa: D102
    @property
    def plans(self) -> "Plans": ...  # noqa: D102
    @property
    def secrets(self) -> "Secrets": ...  # noqa: D102
    @property
    def templates(self) -> "Templates": ...  # noqa: D102
    @property
    def traces(self) -> "Traces": ...  # noqa: D102
    @property
    def triggers(self) -> "Triggers": ...  # noqa: D102
    @property
    def uploads(self) -> "Uploads": ...  # noqa: D102
    @property
    def validation(self) -> "Validation": ...  # noqa: D102
    @property
    def workflows(self) -> "Workflows": ...  # noqa: D102


class PureBoot(Services, Protocol):
    """An open PureBoot."""

    @property
    def feed(self) -> Feed:
        """The live event log."""
        ...

    @property
    def settings(self) -> "Settings":
        """Its settings."""
        ...

    @property
    def server(self) -> "Server":
        """What it tells nodes of itself."""
        ...

    @property
    def is_host(self) -> bool:
        """Whether this process hosts the store."""
        ...

    @property
    def replacements(self) -> int:
        """How often another store was found in the place of the one that was open."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why the store cannot be written now, if so."""
        ...

    def now(self) -> datetime:
        """The time by the store's clock, aware and in UTC."""
        ...

    async def snapshot(self, recent_executions: int = 500) -> "Snapshot":
        """What a screen begins with."""
        ...

    async def hosts(self) -> "list[Host]":
        """The processes that perform steps, oldest first."""
        ...

    async def events(self, page: "Page", *, after: int = 0) -> "tuple[list[Event], int]":
        """A page of the event log."""
        ...

    async def events_after(self, cursor: int, limit: int = 1000) -> "list[Event]":
        """The events with ids above `cursor`, oldest first."""
        ...

    async def nodes_by_ids(self, ids: set[str]) -> "list[Node]":
        """The nodes with these ids."""
        ...

    async def executions_by_ids(self, ids: set[str]) -> "list[Execution]":
        """The executions with these ids."""
        ...
