"""What the library keeps: secrets."""

import sqlalchemy as sa
from alembic import op

import engine.store.schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Moment = engine.store.schema.Moment


def upgrade() -> None:
    op.create_table(
        "secret",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.Column("updated_at", _Moment(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "secret_state",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("rev", sa.String(36), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secret_state")),
    )
