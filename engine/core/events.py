"""The event log's rows and every kind of fact that is written there.

The log is the audit trail, the node history and the live feed at once: each of those is a filter over it. Kinds are in
the past tense, `subject.fact`. What only moves a counter (heartbeats, byte counts, last seen) is a column, no event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What happened."""

    NODE_CREATED = "node.created"
    NODE_DISCOVERED = "node.discovered"
    NODE_UPDATED = "node.updated"
    NODE_REPORTED = "node.reported"
    NODE_IDENTITY_CONFLICT = "node.identity_conflict"
    NODE_STATE_CHANGED = "node.state_changed"
    NODE_INSTALL_COUNTED = "node.install_counted"
    NODE_BOOT_SERVED = "node.boot_served"
    NODE_BOOT_LOCAL = "node.boot_local"
    NODE_BOOT_REFUSED = "node.boot_refused"
    NODE_MENU_CHOSEN = "node.menu_chosen"
    GROUP_CREATED = "group.created"
    GROUP_UPDATED = "group.updated"
    GROUP_DELETED = "group.deleted"
    TEMPLATE_CREATED = "template.created"
    TEMPLATE_UPDATED = "template.updated"
    TEMPLATE_VERSION_CREATED = "template.version_created"
    TEMPLATE_CURRENT_CHANGED = "template.current_changed"
    TEMPLATE_ARCHIVED = "template.archived"
    TEMPLATE_RENDER_FAILED = "template.render_failed"
    TEMPLATE_FLAWED = "template.flawed"
    BLOB_DAMAGED = "blob.damaged"
    BLOB_REPAIRED = "blob.repaired"
    BLOB_COLLECTED = "blob.collected"
    WORKFLOW_CREATED = "workflow.created"
    WORKFLOW_VERSION_CREATED = "workflow.version_created"
    WORKFLOW_UPDATED = "workflow.updated"
    WORKFLOW_PUBLISHED = "workflow.published"
    WORKFLOW_ARCHIVED = "workflow.archived"
    PACK_ADDED = "pack.added"
    PACK_SYNCED = "pack.synced"
    PACK_FAILED = "pack.failed"
    PACK_REMOVED = "pack.removed"
    EXECUTION_QUEUED = "execution.queued"
    EXECUTION_STARTED = "execution.started"
    EXECUTION_PAUSED = "execution.paused"
    EXECUTION_RESUMED = "execution.resumed"
    EXECUTION_REOPENED = "execution.reopened"
    EXECUTION_ROLLING_BACK = "execution.rolling_back"
    EXECUTION_FINISHED = "execution.finished"
    ATTEMPT_SCHEDULED = "attempt.scheduled"
    ATTEMPT_STARTED = "attempt.started"
    ATTEMPT_TAKEN = "attempt.taken"
    ATTEMPT_PROGRESSED = "attempt.progressed"
    ATTEMPT_DECIDED = "attempt.decided"
    ATTEMPT_ROUTED = "attempt.routed"
    ATTEMPT_FINISHED = "attempt.finished"
    ARTIFACT_CREATED = "artifact.created"
    REPORT_IGNORED = "attempt.report_ignored"
    TOKEN_CREATED = "token.created"  # noqa: S105 - a kind of event, no secret
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    SECRET_SET = "secret.set"  # noqa: S105
    SECRET_DELETED = "secret.deleted"  # noqa: S105
    SECRET_ROTATED = "secret.rotated"  # noqa: S105
    TRIGGER_CREATED = "trigger.created"
    TRIGGER_UPDATED = "trigger.updated"
    TRIGGER_DELETED = "trigger.deleted"
    TRIGGER_FIRED = "trigger.fired"
    TRIGGER_FAILED = "trigger.failed"
    TRIGGER_SKIPPED = "trigger.skipped"
    AGENT_CREATED = "agent.created"
    AGENT_UPDATED = "agent.updated"
    AGENT_DELETED = "agent.deleted"
    AGENT_STATUS_CHANGED = "agent.status_changed"
    DEAD_LETTER_CREATED = "dead_letter.created"
    DEAD_LETTER_RESOLVED = "dead_letter.resolved"
    LINK_RECORDED = "link.recorded"
    STORE_PRUNED = "store.pruned"
    STORE_BACKED_UP = "store.backed_up"
    HOST_LOST = "host.lost"
    DHCP_OTHER_SERVER = "dhcp.other_server"
    SERVER_STARTED = "server.started"
    SERVER_STOPPED = "server.stopped"


SYSTEM = "system"

PROGRESS = frozenset(kind for kind in Kind if kind.startswith("attempt.")) | {
    Kind.NODE_BOOT_SERVED,
    Kind.NODE_BOOT_LOCAL,
    Kind.NODE_BOOT_REFUSED,
    Kind.NODE_MENU_CHOSEN,
    Kind.NODE_REPORTED,
    Kind.TEMPLATE_RENDER_FAILED,
    Kind.ARTIFACT_CREATED,
    Kind.TEMPLATE_FLAWED,
    Kind.DHCP_OTHER_SERVER,
    Kind.AGENT_STATUS_CHANGED,
}
"""What only tells how something went on, and may be forgotten. Everything else is an audit row: what a person or the
system decided; it stays for good.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One immutable row of the event log. Ids grow in the order of commits; `at` is aware and in UTC.

    `principal` is who did it: `user:NAME`, `token:NAME`, `node:MAC`, `agent:NAME`, `trigger:NAME` or `system`.
    """

    id: int
    kind: Kind
    at: datetime
    principal: str
    node_id: str | None = None
    execution_id: str | None = None
    step_key: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """A fact on its way into the log: an `Event` that has no id yet."""

    kind: Kind
    at: datetime
    principal: str = SYSTEM
    node_id: str | None = None
    execution_id: str | None = None
    step_key: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
