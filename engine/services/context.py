"""What every service is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from engine.actions.registry import Registry
from engine.clock import Clock
from engine.core import sources, tokens, workflow_file
from engine.core.documents import Version
from engine.core.grace import Grace
from engine.core.scopes import Server
from engine.core.workflows import Step, Workflow
from engine.errors import Invalid
from engine.services.patience import Patience
from engine.services.vault import Vault
from engine.settings import Settings
from engine.store.database import Database
from engine.validators.checks import Checks

_capability = lru_cache(maxsize=20_000)(tokens.capability)  # asked for with each request of a node


@dataclass(kw_only=True)
class Context:
    """The open store, the clock, the settings, the store's key, the secrets and the actions.

    `server` is what nodes are told when a request does not say itself how it reached us; the doors set it once they
    listen. `host_id` is there while this process performs steps: it takes those that it begins itself.
    """

    database: Database
    clock: Clock
    settings: Settings
    key: bytes
    vault: Vault
    actions: Registry
    server: list[Server] = field(default_factory=lambda: [Server()])
    host_id: str | None = None
    _workflows: dict[str, Workflow] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.patience = Patience(self.clock, self.settings.engine.grace)
        self.checks = Checks()

    @property
    def grace(self) -> Grace:
        """What deadlines are forgiven now."""
        return self.patience.grace

    def now(self) -> datetime:
        """The time, aware and in UTC."""
        return self.patience.now()

    def workflow(self, version: Version) -> Workflow:
        """The workflow a version holds; versions never change, so each is read once."""
        return self.workflow_of(version.id, lambda: version)

    def workflow_of(self, version_id: str, fetch: Callable[[], Version]) -> Workflow:
        """The workflow of the version with an id, which is fetched only if it was not read before."""
        known = self._workflows.get(version_id)
        if known is None:
            if len(self._workflows) > 500:
                self._workflows.clear()
            known = self._workflows[version_id] = workflow_file.parse(sources.read_one(fetch().content))
        return known

    def parameters_of(self, step: Step) -> Any:
        """What the model of its action makes of a step's plain parameters, made once; None where they do not fit."""
        if "parameters" not in step.__dict__:
            action = self.actions.get(step.action)
            try:
                made = None if action is None else action.complete(step.with_)
            except Invalid:
                made = None
            step.__dict__["parameters"] = made
        return step.__dict__["parameters"]

    def capability(self, execution_id: str) -> str:
        """The capability token of an execution."""
        return _capability(self.key, execution_id)
