"""The tables, stated once for both databases.

A value that is searched, sorted or grouped has its own column; JSON is carried and never queried. The migrations must
lead to exactly these tables; a test compares them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from engine.store.agent_tables import agent
from engine.store.boot_tables import boot_contact
from engine.store.columns import (
    JSON_AS,
    BigId,
    Json,
    Moment,
    from_json,
    id_column,
    metadata,
    partial,
    required,
    to_json,
)
from engine.store.console_tables import console_session
from engine.store.library_tables import (
    blob,
    document,
    document_version,
    library_mark,
    pack,
    pack_document,
    secret,
    secret_state,
    upload,
)

__all__ = [
    "JSON_AS",
    "Moment",
    "agent",
    "artifact",
    "attempt",
    "attempt_log",
    "blob",
    "boot_contact",
    "console_session",
    "dead_letter",
    "document",
    "document_version",
    "engine_host",
    "event",
    "execution",
    "from_json",
    "library_mark",
    "metadata",
    "node",
    "node_group",
    "node_tag",
    "pack",
    "pack_document",
    "resource_link",
    "secret",
    "secret_state",
    "to_json",
    "token",
    "trigger",
    "upload",
    "writer",
]

_LIVE_ON_NODE = text("status IN ('pending', 'running', 'paused') AND node_id IS NOT NULL AND parent_id IS NULL")
_TO_WAKE = text("wake_at IS NOT NULL")
_RUNNING = text("status = 'running'")
_PENDING = text("status = 'pending'")
_AT_WORK = text("status IN ('running', 'paused') AND parent_id IS NULL")
_HAS_PARENT = text("parent_id IS NOT NULL")
_OF_NODE = text("node_id IS NOT NULL")
_UNRESOLVED = text("resolved_at IS NULL")

node_group = Table(
    "node_group",
    metadata,
    id_column(),
    required("name", String(128), unique=True),
    required("description", Text),
    Column("workflow_id", String(36)),
    required("metadata", Json),
    required("created_at", Moment),
    required("updated_at", Moment),
)

node = Table(
    "node",
    metadata,
    id_column(),
    required("mac_address", String(17), unique=True),
    Column("hostname", Text, index=True),
    Column("ip_address", Text),
    required("state", String(32), index=True),
    Column("vendor", Text),
    Column("model", Text),
    Column("serial_number", Text, index=True),
    Column("system_uuid", Text, index=True),
    Column("arch", Text),
    Column("boot_mode", Text),
    Column("identity_conflict", Text),
    Column("group_id", String(36), ForeignKey("node_group.id"), index=True),
    required("metadata", Json),
    required("locked", Boolean),
    Column("workflow_id", String(36)),
    required("install_attempts", Integer),
    Column("last_install_error", Text),
    required("state_changed_at", Moment),
    Column("last_seen_at", Moment),
    required("created_at", Moment),
    required("updated_at", Moment),
)

node_tag = Table(
    "node_tag",
    metadata,
    Column("node_id", String(36), ForeignKey("node.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(128), primary_key=True, index=True),
)

execution = Table(
    "execution",
    metadata,
    id_column(),
    required("workflow_id", String(36), ForeignKey("document.id"), index=True),
    required("workflow_name", String(128)),
    required("workflow_version", String(24)),
    required("version_id", String(36), ForeignKey("document_version.id")),
    Column("node_id", String(36), ForeignKey("node.id"), index=True),
    required("status", String(16), index=True),
    required("params", Json),
    required("trigger", Text),
    required("principal", Text),
    Column("request_id", String(200)),
    Column("parent_id", String(36)),
    Column("parent_attempt_id", String(36)),
    required("depth", Integer, server_default="0"),
    Column("concurrency_key", Text),
    Column("waits_for", Text),
    required("progress_percent", Integer),
    required("output", Json, server_default="{}"),
    Column("error", Text),
    required("failing", Boolean),
    required("rolling_back", Boolean, server_default=false()),
    required("created_at", Moment, index=True),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("deadline_at", Moment),
    Column("paused_at", Moment),
    Column("wake_at", Moment),
    required("token_digest", String(64), unique=True),
    Index("ix_execution_request", "workflow_id", "request_id", unique=True),
    partial(
        "ix_execution_live_node",
        "node_id",
        unique=True,
        where=_LIVE_ON_NODE,
    ),
    partial("ix_execution_wake", "wake_at", where=_TO_WAKE),
    partial("ix_execution_waiting", "created_at", where=_PENDING),
    partial("ix_execution_parent", "parent_id", where=_HAS_PARENT),
    partial("ix_execution_at_work", "concurrency_key", where=_AT_WORK),
)

attempt = Table(
    "attempt",
    metadata,
    id_column(),
    required("execution_id", String(36), ForeignKey("execution.id")),
    required("number", Integer),
    required("step_id", String(36)),
    required("step_key", String(64)),
    required("step_name", Text),
    required("action", Text),
    required("attempt", Integer),
    required("visit", Integer, server_default="1"),
    required("tries", Integer, server_default="1"),
    required("entry", Boolean, server_default=false()),
    Column("undoes", String(36)),
    required("status", String(16)),
    required("performer", String(16)),
    required("config", Json),
    required("output", Json),
    Column("failure", String(16)),
    Column("error", Text),
    Column("message", Text),
    Column("exit_code", Integer),
    Column("progress_percent", Integer),
    required("created_at", Moment),
    Column("due_at", Moment),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("deadline_at", Moment),
    Column("ends_at", Moment),
    Column("heard_at", Moment),
    Column("taken_by", Text),
    Column("routes", Json),
    required("log_size", Integer, server_default="0"),
    UniqueConstraint("execution_id", "step_key", "attempt"),
    Index("ix_attempt_order", "execution_id", "number", unique=True),
    partial(
        "ix_attempt_to_do",
        "performer",
        "created_at",
        where=_RUNNING,
    ),
)

attempt_log = Table(
    "attempt_log",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    required("execution_id", String(36), ForeignKey("execution.id")),
    required("attempt_id", String(36), ForeignKey("attempt.id")),
    required("at", Moment),
    required("text", Text),
    Index("ix_attempt_log_execution", "execution_id", "id"),
    Index("ix_attempt_log_attempt", "attempt_id", "id"),
    sqlite_autoincrement=True,
)

artifact = Table(
    "artifact",
    metadata,
    id_column(),
    required("execution_id", String(36), ForeignKey("execution.id")),
    required("attempt_id", String(36), ForeignKey("attempt.id"), unique=True),
    required("step_key", String(64)),
    required("name", String(128)),
    required("template", String(128)),
    required("version", String(32)),
    required("content_type", String(64)),
    required("sha256", String(64)),
    required("size", Integer),
    required("content", Text),
    required("created_at", Moment),
    UniqueConstraint("execution_id", "name"),
)
"""Texts that executions made; an attempt makes one, and of a name an execution has the newest."""

event = Table(
    "event",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    required("kind", String(48)),
    required("at", Moment),
    required("principal", Text),
    Column("node_id", String(36)),
    Column("execution_id", String(36)),
    Column("step_key", String(64)),
    required("data", Json),
    partial("ix_event_node", "node_id", "kind", "id", where=_OF_NODE),
    Index("ix_event_execution", "execution_id", "id"),
    # ids must never come back after the newest rows were pruned: followers remember them
    sqlite_autoincrement=True,
)

token = Table(
    "token",
    metadata,
    id_column(),
    required("name", String(128), unique=True),
    required("role", String(16)),
    required("digest", String(64), unique=True),
    required("created_at", Moment),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
)

engine_host = Table(
    "engine_host",
    metadata,
    id_column(),
    required("name", Text),
    required("version", String(32)),
    required("started_at", Moment),
    required("seen_at", Moment),
    required("lease_until", Moment),
)
"""The processes that perform steps. An attempt that one has taken is its own as long as its row is here."""

writer = Table(
    "writer",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    required("owner", String(36)),
)
"""One row: which process wrote last. What another has in memory may be out of date."""

trigger = Table(
    "trigger",
    metadata,
    id_column(),
    required("name", String(128), unique=True),
    required("type", String(16)),
    required("description", Text),
    required("workflow", String(128)),
    Column("node", Text),
    required("params", Json),
    required("config", Json),
    Column("condition", Text),
    required("enabled", Boolean),
    Column("path_digest", String(64), unique=True),
    Column("cursor", BigInteger),
    Column("next_at", Moment),
    Column("last_fired_at", Moment),
    Column("last_execution_id", String(36)),
    Column("last_error", Text),
    required("fired", Integer),
    required("created_at", Moment),
    required("updated_at", Moment),
    Index("ix_trigger_due", "next_at"),
    Index("ix_trigger_listening", "cursor"),
)

resource_link = Table(
    "resource_link",
    metadata,
    id_column(),
    required("system", String(64)),
    required("kind", String(64)),
    required("key", String(200)),
    required("external_id", Text),
    required("data", Json),
    Column("node_id", String(36)),
    Column("execution_id", String(36), index=True),
    Column("attempt_id", String(36)),
    required("created_at", Moment),
    UniqueConstraint("system", "kind", "key"),
)
"""What actions made in other systems, so that nobody makes it twice."""

dead_letter = Table(
    "dead_letter",
    metadata,
    id_column(),
    required("kind", String(16)),
    Column("execution_id", String(36), index=True),
    Column("trigger_id", String(36)),
    Column("node_id", String(36)),
    Column("step_key", String(64)),
    required("reason", Text),
    required("payload", Json),
    required("created_at", Moment, index=True),
    Column("resolved_at", Moment),
    Column("resolved_by", Text),
    Column("resolution", String(16)),
    Column("comment", Text),
    partial("ix_dead_letter_open", "created_at", "id", where=_UNRESOLVED),
)
"""What cannot go on without a person."""
