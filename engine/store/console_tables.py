"""What is kept of open consoles."""

from sqlalchemy import Boolean, String, Table

from engine.store.columns import Moment, id_column, metadata, required

console_session = Table(
    "console_session",
    metadata,
    id_column(),
    required("name", String(128)),
    required("place", String(128)),
    required("looks_at", String(128)),
    required("is_remote", Boolean),
    required("is_read_only", Boolean),
    required("since", Moment),
    required("seen_at", Moment),
)
"""Who has a console open. Rows are renewed by their consoles, and forgotten when those are silent."""
