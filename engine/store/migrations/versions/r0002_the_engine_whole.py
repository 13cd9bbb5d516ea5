"""What the whole engine keeps: rounds and rollbacks, waits and limits, hosts, triggers, links, dead letters."""

import sqlalchemy as sa
from alembic import op

import engine.store.schema
from engine.store.schema import dead_letter, engine_host, resource_link, trigger, writer

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
    for table in (engine_host, writer, trigger, resource_link, dead_letter):
        table.create(op.get_bind())
