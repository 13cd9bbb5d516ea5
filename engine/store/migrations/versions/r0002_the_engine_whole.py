"""What the whole engine keeps: rounds and rollbacks, waits and limits, hosts, triggers, links, dead letters."""

import sqlalchemy as sa
from alembic import op

import engine.store.schema

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Moment = engine.store.schema.Moment


def upgrade() -> None:
    for column in (
        sa.Column("parent_attempt_id", sa.String(36)),
        sa.Column("depth", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("concurrency_key", sa.Text()),
        sa.Column("waits_for", sa.Text()),
        sa.Column("output", sa.JSON(none_as_null=True), nullable=False, server_default="{}"),
        sa.Column("rolling_back", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("paused_at", _Moment()),
    ):
        op.add_column("execution", column)
    for column in (
        sa.Column("visit", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("entry", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("undoes", sa.String(36)),
        sa.Column("failure", sa.String(16)),
        sa.Column("ends_at", _Moment()),
    ):
        op.add_column("attempt", column)
    # Until now every attempt of a step was one of its first visit, and used up its retries.
    op.execute("UPDATE attempt SET tries = attempt")
    for name, columns, where in (
        ("ix_execution_waiting", ["created_at"], "status = 'pending'"),
        ("ix_execution_parent", ["parent_id"], "parent_id IS NOT NULL"),
        ("ix_execution_at_work", ["concurrency_key"], "status IN ('running', 'paused') AND parent_id IS NULL"),
    ):
        op.create_index(name, "execution", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.drop_index("ix_event_node", "event")
    of_node = sa.text("node_id IS NOT NULL")
    op.create_index("ix_event_node", "event", ["node_id", "kind", "id"], sqlite_where=of_node, postgresql_where=of_node)
    op.create_table(
        "engine_host",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("started_at", _Moment(), nullable=False),
        sa.Column("seen_at", _Moment(), nullable=False),
        sa.Column("lease_until", _Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine_host")),
    )
    op.create_table(
        "writer",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("owner", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_writer")),
    )
    op.create_table(
        "trigger",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("workflow", sa.String(128), nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("params", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("path_digest", sa.String(64), nullable=True),
        sa.Column("cursor", sa.BigInteger(), nullable=True),
        sa.Column("next_at", _Moment(), nullable=True),
        sa.Column("last_fired_at", _Moment(), nullable=True),
        sa.Column("last_execution_id", sa.String(36), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("fired", sa.Integer(), nullable=False),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.Column("updated_at", _Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trigger")),
        sa.UniqueConstraint("path_digest", name=op.f("uq_trigger_path_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_trigger_name")),
    )
    op.create_index("ix_trigger_due", "trigger", ["next_at"], unique=False)
    op.create_index("ix_trigger_listening", "trigger", ["cursor"], unique=False)
    op.create_table(
        "resource_link",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("system", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("node_id", sa.String(36), nullable=True),
        sa.Column("execution_id", sa.String(36), nullable=True),
        sa.Column("attempt_id", sa.String(36), nullable=True),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_link")),
        sa.UniqueConstraint("system", "kind", "key", name=op.f("uq_resource_link_system_kind_key")),
    )
    op.create_index("ix_resource_link_execution_id", "resource_link", ["execution_id"], unique=False)
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("execution_id", sa.String(36), nullable=True),
        sa.Column("trigger_id", sa.String(36), nullable=True),
        sa.Column("node_id", sa.String(36), nullable=True),
        sa.Column("step_key", sa.String(64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.Column("resolved_at", _Moment(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolution", sa.String(16), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    op.create_index("ix_dead_letter_created_at", "dead_letter", ["created_at"], unique=False)
    op.create_index("ix_dead_letter_execution_id", "dead_letter", ["execution_id"], unique=False)
    op.create_index(
        "ix_dead_letter_open",
        "dead_letter",
        ["created_at", "id"],
        unique=False,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
