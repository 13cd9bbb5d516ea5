"""What the console keeps: who has one open."""

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
