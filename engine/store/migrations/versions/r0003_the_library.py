"""What the library keeps: secrets, artifacts, files, packs, and versions that are drafts."""

import sqlalchemy as sa
from alembic import op

import engine.store.schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Moment = engine.store.schema.Moment
_Size = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Until now only workflows had drafts: what was never published, and what is newer than what is.
_NEVER_PUBLISHED = """
UPDATE document_version SET draft = :yes WHERE document_id IN (
    SELECT id FROM document WHERE kind = 'workflow' AND current_version IS NULL
)
"""
_NEWER = """
UPDATE document_version SET draft = :yes WHERE EXISTS (
    SELECT 1 FROM document JOIN document_version AS current ON current.document_id = document.id
    WHERE document.id = document_version.document_id AND document.kind = 'workflow'
    AND document.current_version = 'v' || current.major || '.' || current.minor
    AND (document_version.major > current.major
         OR (document_version.major = current.major AND document_version.minor > current.minor))
)
"""


def upgrade() -> None:
    _secrets()
    _artifacts()
    _files()
    _packs()
    _drafts()


def _secrets() -> None:
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


def _artifacts() -> None:
    op.create_table(
        "artifact",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("execution_id", sa.String(36), nullable=False),
        sa.Column("attempt_id", sa.String(36), nullable=False),
        sa.Column("step_key", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("template", sa.String(128), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("content_type", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["execution.id"], name=op.f("fk_artifact_execution_id_execution")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_artifact_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("execution_id", "name", name=op.f("uq_artifact_execution_id_name")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_artifact_attempt_id")),
    )


def _files() -> None:
    if op.get_bind().dialect.name == "postgresql":  # INTEGER has 64 bits on SQLite
        op.alter_column("document_version", "size_bytes", type_=sa.BigInteger(), existing_nullable=False)
    op.add_column("document_version", sa.Column("blob", sa.String(64)))
    op.add_column("document_version", sa.Column("filename", sa.Text(), nullable=False, server_default=""))
    is_file = sa.text("blob IS NOT NULL")
    op.create_index(
        "ix_document_version_blob", "document_version", ["blob"], sqlite_where=is_file, postgresql_where=is_file
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", _Size, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("verified_at", _Moment(), nullable=True),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_index("ix_blob_verified_at", "blob", ["verified_at"], unique=False)
    op.create_table(
        "upload",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("size", _Size, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("commit_message", sa.Text(), nullable=False),
        sa.Column("bump", sa.String(8), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("created_at", _Moment(), nullable=False),
        sa.Column("expires_at", _Moment(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_upload_document_id_document")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
    )
    op.create_index("ix_upload_document_id", "upload", ["document_id"], unique=False)
    op.create_index("ix_upload_expires_at", "upload", ["expires_at"], unique=False)


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


def _drafts() -> None:
    op.create_table(
        "library_mark",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("rev", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_library_mark")),
    )
    op.add_column("document_version", sa.Column("draft", sa.Boolean(), nullable=False, server_default=sa.false()))
    for statement in (_NEVER_PUBLISHED, _NEWER):
        op.execute(sa.text(statement).bindparams(sa.bindparam("yes", True, sa.Boolean())))
