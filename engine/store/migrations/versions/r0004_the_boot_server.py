"""What the boot server keeps: the traces of machines, and what does not fit in what a machine says of itself."""

import sqlalchemy as sa
from alembic import op

import engine.store.schema

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_Moment = engine.store.schema.Moment


def upgrade() -> None:
    _traces()


def _traces() -> None:
    op.create_table(
        "boot_contact",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", _Moment(), nullable=False),
        sa.Column("until", _Moment(), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("more", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boot_contact")),
    )
    op.create_index("ix_boot_contact_machine", "boot_contact", ["machine", "number"], unique=False)
    op.create_index("ix_boot_contact_at", "boot_contact", ["at"], unique=False)
    op.add_column("node", sa.Column("identity_conflict", sa.Text(), nullable=True))
