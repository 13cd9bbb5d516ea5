"""What the console keeps: who has one open. And remote agents."""

import sqlalchemy as sa
from alembic import op

import engine.store.schema

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_Moment = engine.store.schema.Moment


def upgrade() -> None:
    _consoles()
    _agents()


def _consoles() -> None:
    op.create_table(
        "console_session",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("place", sa.String(128), nullable=False),
        sa.Column("looks_at", sa.String(128), nullable=False),
        sa.Column("is_remote", sa.Boolean(), nullable=False),
        sa.Column("is_read_only", sa.Boolean(), nullable=False),
        sa.Column("since", _Moment(), nullable=False),
        sa.Column("seen_at", _Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_session")),
    )


def _agents() -> None:
    op.create_table(
        "agent",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("auth_type", sa.String(16), nullable=False),
        sa.Column("sealed", sa.Text()),
        sa.Column("timeout_ms", sa.Integer(), nullable=False),
        sa.Column("retry_config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("last_health_at", _Moment()),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.Column("updated_at", _Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent")),
        sa.UniqueConstraint("name", name=op.f("uq_agent_name")),
    )
