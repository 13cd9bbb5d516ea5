"""The tables, stated once for both databases.

A value that is searched, sorted or grouped has its own column; JSON is carried and never queried. The migrations must
lead to exactly these tables; a test compares them.
"""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.event import listens_for
from sqlalchemy.schema import SchemaItem

from engine.core.shape import as_data


class Moment(TypeDecorator[datetime]):
    """An aware time in UTC: native on PostgreSQL, text in UTC on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time: nobody knows what it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite gives it back naive, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_AS_IT_IS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
_ENCODER = json.JSONEncoder(default=as_data, ensure_ascii=False, separators=(",", ":"))


def to_json(value: Any) -> str:
    """A value as the JSON columns carry it; what JSON has no form for is written as `as_data` shows it."""
    try:
        return orjson.dumps(value, as_data, _AS_IT_IS).decode()
    except (TypeError, ValueError):  # a number of more than 64 bits, half a surrogate pair: or really nothing for JSON
        return _ENCODER.encode(value)


def from_json(text: Any) -> Any:
    """What a JSON column carries; SQLite keeps a bare number as one."""
    return orjson.loads(text) if isinstance(text, str | bytes) else text


JSON_AS: dict[str, Any] = {"json_serializer": to_json, "json_deserializer": from_json}
"""How the engines of SQLAlchemy write and read JSON."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Json = JSON(none_as_null=True)  # not JSONB: the order of keys is somebody's, and nothing is queried inside
_BigId = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is a row id there
_LIVE_ON_NODE = text("status IN ('pending', 'running', 'paused') AND node_id IS NOT NULL AND parent_id IS NULL")
_TO_WAKE = text("wake_at IS NOT NULL")
_RUNNING = text("status = 'running'")
_PENDING = text("status = 'pending'")
_AT_WORK = text("status IN ('running', 'paused') AND parent_id IS NULL")
_HAS_PARENT = text("parent_id IS NOT NULL")
_OF_NODE = text("node_id IS NOT NULL")
_UNRESOLVED = text("resolved_at IS NULL")
_IS_FILE = text("blob IS NOT NULL")


def _partial(name: str, *columns: str, where: TextClause, unique: bool = False) -> Index:
    """An index of those rows alone of which something holds."""
    return Index(name, *columns, unique=unique, info={"where": where})


@listens_for(metadata, "before_create")
def _state_conditions(target: MetaData, connection: Connection, **_: Any) -> None:
    """Give partial indexes their conditions. Stated for both databases from the start, they would load both."""
    for index in (index for table in target.tables.values() for index in table.indexes if "where" in index.info):
        index.dialect_options[connection.dialect.name]["where"] = index.info["where"]


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _required(name: str, kind: Any, *constraints: SchemaItem, **options: Any) -> Column[Any]:
    return Column(name, kind, *constraints, nullable=False, **options)


node_group = Table(
    "node_group",
    metadata,
    _id(),
    _required("name", String(128), unique=True),
    _required("description", Text),
    Column("workflow_id", String(36)),
    _required("metadata", _Json),
    _required("created_at", Moment),
    _required("updated_at", Moment),
)

node = Table(
    "node",
    metadata,
    _id(),
    _required("mac_address", String(17), unique=True),
    Column("hostname", Text, index=True),
    Column("ip_address", Text),
    _required("state", String(32), index=True),
    Column("vendor", Text),
    Column("model", Text),
    Column("serial_number", Text, index=True),
    Column("system_uuid", Text, index=True),
    Column("arch", Text),
    Column("boot_mode", Text),
    Column("group_id", String(36), ForeignKey("node_group.id"), index=True),
    _required("metadata", _Json),
    _required("locked", Boolean),
    Column("workflow_id", String(36)),
    _required("install_attempts", Integer),
    Column("last_install_error", Text),
    _required("state_changed_at", Moment),
    Column("last_seen_at", Moment),
    _required("created_at", Moment),
    _required("updated_at", Moment),
)

node_tag = Table(
    "node_tag",
    metadata,
    Column("node_id", String(36), ForeignKey("node.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(128), primary_key=True, index=True),
)

document = Table(
    "document",
    metadata,
    _id(),
    _required("kind", String(16)),
    _required("name", String(128)),
    _required("type", String(32)),
    _required("description", Text),
    _required("os_family", String(32)),
    _required("architecture", String(32)),
    _required("boot_mode", String(16)),
    _required("status", String(16)),
    Column("current_version", String(24)),
    Column("latest_version", String(24)),
    _required("tags", _Json),
    _required("created_at", Moment),
    _required("updated_at", Moment),
    UniqueConstraint("kind", "name"),
)

document_version = Table(
    "document_version",
    metadata,
    _id(),
    _required("document_id", String(36), ForeignKey("document.id")),
    _required("major", Integer),
    _required("minor", Integer),
    _required("content", Text),
    _required("content_hash", String(64)),
    _required("size_bytes", _BigId),
    _required("commit_message", Text),
    _required("author", Text),
    Column("blob", String(64)),
    _required("filename", Text, server_default=""),
    _required("draft", Boolean, server_default=false()),
    _required("created_at", Moment),
    UniqueConstraint("document_id", "major", "minor"),
    _partial("ix_document_version_blob", "blob", where=_IS_FILE),
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    _required("size", _BigId),
    _required("state", String(16)),
    Column("verified_at", Moment),
    _required("created_at", Moment),
    Index("ix_blob_verified_at", "verified_at"),
)
"""The bytes of file templates' versions, which lie below `files.dir`."""

upload = Table(
    "upload",
    metadata,
    _id(),
    _required("document_id", String(36), ForeignKey("document.id"), index=True),
    _required("size", _BigId),
    _required("sha256", String(64)),
    _required("filename", Text),
    _required("commit_message", Text),
    _required("bump", String(8)),
    _required("principal", Text),
    _required("created_at", Moment),
    _required("expires_at", Moment, index=True),
)
"""Files that are being uploaded; what has arrived of each lies below `files.dir`."""

execution = Table(
    "execution",
    metadata,
    _id(),
    _required("workflow_id", String(36), ForeignKey("document.id"), index=True),
    _required("workflow_name", String(128)),
    _required("workflow_version", String(24)),
    _required("version_id", String(36), ForeignKey("document_version.id")),
    Column("node_id", String(36), ForeignKey("node.id"), index=True),
    _required("status", String(16), index=True),
    _required("params", _Json),
    _required("trigger", Text),
    _required("principal", Text),
    Column("request_id", String(200)),
    Column("parent_id", String(36)),
    Column("parent_attempt_id", String(36)),
    _required("depth", Integer, server_default="0"),
    Column("concurrency_key", Text),
    Column("waits_for", Text),
    _required("progress_percent", Integer),
    _required("output", _Json, server_default="{}"),
    Column("error", Text),
    _required("failing", Boolean),
    _required("rolling_back", Boolean, server_default=false()),
    _required("created_at", Moment, index=True),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("deadline_at", Moment),
    Column("paused_at", Moment),
    Column("wake_at", Moment),
    _required("token_digest", String(64), unique=True),
    Index("ix_execution_request", "workflow_id", "request_id", unique=True),
    _partial(
        "ix_execution_live_node",
        "node_id",
        unique=True,
        where=_LIVE_ON_NODE,
    ),
    _partial("ix_execution_wake", "wake_at", where=_TO_WAKE),
    _partial("ix_execution_waiting", "created_at", where=_PENDING),
    _partial("ix_execution_parent", "parent_id", where=_HAS_PARENT),
    _partial("ix_execution_at_work", "concurrency_key", where=_AT_WORK),
)

attempt = Table(
    "attempt",
    metadata,
    _id(),
    _required("execution_id", String(36), ForeignKey("execution.id")),
    _required("number", Integer),
    _required("step_id", String(36)),
    _required("step_key", String(64)),
    _required("step_name", Text),
    _required("action", Text),
    _required("attempt", Integer),
    _required("visit", Integer, server_default="1"),
    _required("tries", Integer, server_default="1"),
    _required("entry", Boolean, server_default=false()),
    Column("undoes", String(36)),
    _required("status", String(16)),
    _required("performer", String(16)),
    _required("config", _Json),
    _required("output", _Json),
    Column("failure", String(16)),
    Column("error", Text),
    Column("message", Text),
    Column("exit_code", Integer),
    Column("progress_percent", Integer),
    _required("created_at", Moment),
    Column("due_at", Moment),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("deadline_at", Moment),
    Column("ends_at", Moment),
    Column("heard_at", Moment),
    Column("taken_by", Text),
    Column("routes", _Json),
    _required("log_size", Integer, server_default="0"),
    UniqueConstraint("execution_id", "step_key", "attempt"),
    Index("ix_attempt_order", "execution_id", "number", unique=True),
    _partial(
        "ix_attempt_to_do",
        "performer",
        "created_at",
        where=_RUNNING,
    ),
)

attempt_log = Table(
    "attempt_log",
    metadata,
    Column("id", _BigId, primary_key=True, autoincrement=True),
    _required("execution_id", String(36), ForeignKey("execution.id")),
    _required("attempt_id", String(36), ForeignKey("attempt.id")),
    _required("at", Moment),
    _required("text", Text),
    Index("ix_attempt_log_execution", "execution_id", "id"),
    Index("ix_attempt_log_attempt", "attempt_id", "id"),
    sqlite_autoincrement=True,
)

artifact = Table(
    "artifact",
    metadata,
    _id(),
    _required("execution_id", String(36), ForeignKey("execution.id")),
    _required("attempt_id", String(36), ForeignKey("attempt.id"), unique=True),
    _required("step_key", String(64)),
    _required("name", String(128)),
    _required("template", String(128)),
    _required("version", String(32)),
    _required("content_type", String(64)),
    _required("sha256", String(64)),
    _required("size", Integer),
    _required("content", Text),
    _required("created_at", Moment),
    UniqueConstraint("execution_id", "name"),
)
"""Texts that executions made; an attempt makes one, and of a name an execution has the newest."""

event = Table(
    "event",
    metadata,
    Column("id", _BigId, primary_key=True, autoincrement=True),
    _required("kind", String(48)),
    _required("at", Moment),
    _required("principal", Text),
    Column("node_id", String(36)),
    Column("execution_id", String(36)),
    Column("step_key", String(64)),
    _required("data", _Json),
    _partial("ix_event_node", "node_id", "kind", "id", where=_OF_NODE),
    Index("ix_event_execution", "execution_id", "id"),
    # ids must never come back after the newest rows were pruned: followers remember them
    sqlite_autoincrement=True,
)

token = Table(
    "token",
    metadata,
    _id(),
    _required("name", String(128), unique=True),
    _required("role", String(16)),
    _required("digest", String(64), unique=True),
    _required("created_at", Moment),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
)

engine_host = Table(
    "engine_host",
    metadata,
    _id(),
    _required("name", Text),
    _required("version", String(32)),
    _required("started_at", Moment),
    _required("seen_at", Moment),
    _required("lease_until", Moment),
)
"""The processes that perform steps. An attempt that one has taken is its own as long as its row is here."""

writer = Table(
    "writer",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _required("owner", String(36)),
)
"""One row: which process wrote last. What another has in memory may be out of date."""

trigger = Table(
    "trigger",
    metadata,
    _id(),
    _required("name", String(128), unique=True),
    _required("type", String(16)),
    _required("description", Text),
    _required("workflow", String(128)),
    Column("node", Text),
    _required("params", _Json),
    _required("config", _Json),
    Column("condition", Text),
    _required("enabled", Boolean),
    Column("path_digest", String(64), unique=True),
    Column("cursor", BigInteger),
    Column("next_at", Moment),
    Column("last_fired_at", Moment),
    Column("last_execution_id", String(36)),
    Column("last_error", Text),
    _required("fired", Integer),
    _required("created_at", Moment),
    _required("updated_at", Moment),
    Index("ix_trigger_due", "next_at"),
    Index("ix_trigger_listening", "cursor"),
)

resource_link = Table(
    "resource_link",
    metadata,
    _id(),
    _required("system", String(64)),
    _required("kind", String(64)),
    _required("key", String(200)),
    _required("external_id", Text),
    _required("data", _Json),
    Column("node_id", String(36)),
    Column("execution_id", String(36), index=True),
    Column("attempt_id", String(36)),
    _required("created_at", Moment),
    UniqueConstraint("system", "kind", "key"),
)
"""What actions made in other systems, so that nobody makes it twice."""

dead_letter = Table(
    "dead_letter",
    metadata,
    _id(),
    _required("kind", String(16)),
    Column("execution_id", String(36), index=True),
    Column("trigger_id", String(36)),
    Column("node_id", String(36)),
    Column("step_key", String(64)),
    _required("reason", Text),
    _required("payload", _Json),
    _required("created_at", Moment, index=True),
    Column("resolved_at", Moment),
    Column("resolved_by", Text),
    Column("resolution", String(16)),
    Column("comment", Text),
    _partial("ix_dead_letter_open", "created_at", "id", where=_UNRESOLVED),
)
"""What cannot go on without a person."""

secret = Table(
    "secret",
    metadata,
    Column("name", String(128), primary_key=True),
    _required("sealed", Text),
    _required("created_at", Moment),
    _required("updated_at", Moment),
    _required("updated_by", Text),
)
"""Secrets, each sealed as `engine.sealing` has it."""

secret_state = Table(
    "secret_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _required("rev", String(36)),
    _required("key_id", String(16)),
)
"""At most one row: a mark that is another one after each change of the secrets, and the key that seals."""

pack = Table(
    "pack",
    metadata,
    _id(),
    _required("ref", String(64), unique=True),
    _required("label", Text),
    _required("version", String(128)),
    _required("description", Text),
    _required("source", Text),
    _required("source_kind", String(16)),
    Column("revision", Text),
    Column("commit_id", String(64)),
    Column("manifest_sha256", String(64)),
    _required("dependencies", _Json),
    Column("synced_at", Moment),
    Column("last_error", Text),
    _required("created_at", Moment),
    _required("updated_at", Moment),
)

pack_document = Table(
    "pack_document",
    metadata,
    Column("document_id", String(36), ForeignKey("document.id"), primary_key=True),
    _required("pack_ref", String(64), index=True),
    _required("path", Text),
    _required("pack_version", String(128)),
    Column("commit_id", String(64)),
    _required("digest", String(64)),
    _required("version", String(24)),
    _required("facts", _Json),
)
"""Which pack a document came from; it stays when the pack is removed."""
