"""What is kept of remote agents."""

from sqlalchemy import Column, Integer, String, Table, Text

from engine.store.columns import Json, Moment, id_column, metadata, required

agent = Table(
    "agent",
    metadata,
    id_column(),
    required("name", String(128), unique=True),
    required("url", Text),
    required("description", Text),
    required("auth_type", String(16)),
    Column("sealed", Text),
    required("timeout_ms", Integer),
    required("retry_config", Json),
    required("status", String(16)),
    Column("last_health_at", Moment),
    Column("last_error", Text),
    required("created_at", Moment),
    required("updated_at", Moment),
)
