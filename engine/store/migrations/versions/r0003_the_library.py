"""The library: packs, and where documents came from."""

import sqlalchemy as sa
from alembic import op

import engine.store.schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Moment = engine.store.schema.Moment


def upgrade() -> None:
    _packs()


def _packs() -> None:
    op.create_table(
        "pack",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("ref", sa.String(64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_kind", sa.String(16), nullable=False),
        sa.Column("revision", sa.Text()),
        sa.Column("commit_id", sa.String(64)),
        sa.Column("manifest_sha256", sa.String(64)),
        sa.Column("dependencies", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("synced_at", _Moment()),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.Column("updated_at", _Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pack")),
        sa.UniqueConstraint("ref", name=op.f("uq_pack_ref")),
    )
    op.create_table(
        "pack_document",
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("pack_ref", sa.String(64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.String(128), nullable=False),
        sa.Column("commit_id", sa.String(64)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("version", sa.String(24), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_pack_document_document_id_document")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_pack_document")),
    )
    op.create_index(op.f("ix_pack_document_pack_ref"), "pack_document", ["pack_ref"])
