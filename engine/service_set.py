"""Everything that can be done with one open store: its services."""

from functools import cached_property
from typing import TYPE_CHECKING

from engine.services.access import Access
from engine.services.agents import Agents
from engine.services.artifacts import Artifacts
from engine.services.boots import Boots
from engine.services.callbacks import Callbacks
from engine.services.consoles import Consoles
from engine.services.context import Context
from engine.services.control import Control
from engine.services.dead_letters import DeadLetters
from engine.services.executions import Executions
from engine.services.groups import Groups
from engine.services.links import Links
from engine.services.nodes import Nodes
from engine.services.packs import Packs
from engine.services.reports import Reports
from engine.services.retention import Retention
from engine.services.secrets import Secrets
from engine.services.templates import Templates
from engine.services.traces import Traces
from engine.services.traffic import Doorkeeper
from engine.services.triggers import Triggers
from engine.services.validation import Validation
from engine.services.workflows import Workflows

if TYPE_CHECKING:
    from engine.services.accounts import Accounts
    from engine.services.backups import Backups
    from engine.services.blob_care import BlobCare
    from engine.services.edits import Edits
    from engine.services.estimates import Estimates
    from engine.services.files import Files
    from engine.services.library import Library
    from engine.services.plans import Plans
    from engine.services.seeds import Seeds
    from engine.services.trends import Trends
    from engine.services.uploads import Uploads
    from engine.services.upstream import Upstream


class Services:
    """The services of one open store; those that are seldom needed are loaded when they are asked for."""

    _context: Context
    nodes: Nodes
    groups: Groups
    reports: Reports
    templates: Templates
    validation: Validation
    workflows: Workflows
    packs: Packs
    executions: Executions
    control: Control
    callbacks: Callbacks
    boots: Boots
    access: Access
    agents: Agents
    secrets: Secrets
    triggers: Triggers
    dead_letters: DeadLetters
    links: Links
    artifacts: Artifacts
    retention: Retention
    traces: Traces
    traffic: Doorkeeper
    consoles: Consoles

    def _provide(self, context: Context) -> None:
        self._context = context
        self.nodes = Nodes(context)
        self.groups = Groups(context)
        self.reports = Reports(context)
        self.templates = Templates(context)
        self.validation = Validation(context)
        self.workflows = Workflows(context)
        self.packs = Packs(context, self.workflows)
        self.executions = Executions(context)
        self.control = Control(context)
        self.callbacks = Callbacks(context)
        self.boots = Boots(context, self.reports)
        self.access = Access(context)
        self.agents = Agents(context)
        self.secrets = Secrets(context)
        self.triggers = Triggers(context)
        self.dead_letters = DeadLetters(context)
        self.links = Links(context)
        self.artifacts = Artifacts(context)
        self.retention = Retention(context)
        self.traces = Traces(context)
        self.traffic = Doorkeeper(context, self.traces)
        self.consoles = Consoles(context)

    @cached_property
    def backups(self) -> "Backups":
        """Backups of the store."""
        from engine.services.backups import Backups

        return Backups(self._context)

    @cached_property
    def library(self) -> "Library":
        """What can be asked of all documents together; loaded when it is asked."""
        from engine.services.library import Library

        return Library(self._context)

    @cached_property
    def edits(self) -> "Edits":
        """What an editor needs; loaded when somebody opens one."""
        from engine.services.edits import Edits

        return Edits(self._context)

    @cached_property
    def plans(self) -> "Plans":
        """Dry runs of workflows; what they stand on takes a while to load and is seldom needed."""
        from engine.services.plans import Plans

        return Plans(self._context, self.files)

    @cached_property
    def files(self) -> "Files":
        """File templates; what reads ISOs and fetches from URLs is seldom needed."""
        from engine.services.files import Files

        return Files(self._context)

    @cached_property
    def upstream(self) -> "Upstream":
        """Files of other servers, which are kept here."""
        from engine.services.upstream import Upstream

        return Upstream(self._context, self.files)

    @cached_property
    def accounts(self) -> "Accounts":
        """What there is to know of an attempt, and of a whole execution."""
        from engine.services.accounts import Accounts

        return Accounts(self._context)

    @cached_property
    def estimates(self) -> "Estimates":
        """How long what runs will take, from earlier runs."""
        from engine.services.estimates import Estimates

        return Estimates(self._context)

    @cached_property
    def trends(self) -> "Trends":
        """How it was in the last hours."""
        from engine.services.trends import Trends

        return Trends(self._context)

    @cached_property
    def seeds(self) -> "Seeds":
        """What machines that boot are given beside their files."""
        from engine.services.seeds import Seeds

        return Seeds(self._context)

    @cached_property
    def uploads(self) -> "Uploads":
        """Uploads of files."""
        from engine.services.uploads import Uploads

        return Uploads(self._context)

    @cached_property
    def blob_care(self) -> "BlobCare":
        """Verification and garbage collection of what file templates point at."""
        from engine.services.blob_care import BlobCare

        return BlobCare(self._context)
