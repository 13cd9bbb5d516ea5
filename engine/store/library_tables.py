"""The tables of the library: documents with their versions, the bytes of files, packs and secrets."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from engine.store.columns import BigId, Json, Moment, id_column, metadata, partial, required

_IS_FILE = text("blob IS NOT NULL")

document = Table(
    "document",
    metadata,
    id_column(),
    required("kind", String(16)),
    required("name", String(128)),
    required("type", String(32)),
    required("description", Text),
    required("os_family", String(32)),
    required("architecture", String(32)),
    required("boot_mode", String(16)),
    required("status", String(16)),
    Column("current_version", String(24)),
    Column("latest_version", String(24)),
    required("tags", Json),
    required("created_at", Moment),
    required("updated_at", Moment),
    UniqueConstraint("kind", "name"),
)

document_version = Table(
    "document_version",
    metadata,
    id_column(),
    required("document_id", String(36), ForeignKey("document.id")),
    required("major", Integer),
    required("minor", Integer),
    required("content", Text),
    required("content_hash", String(64)),
    required("size_bytes", BigId),
    required("commit_message", Text),
    required("author", Text),
    Column("blob", String(64)),
    required("filename", Text, server_default=""),
    required("draft", Boolean, server_default=false()),
    required("created_at", Moment),
    UniqueConstraint("document_id", "major", "minor"),
    partial("ix_document_version_blob", "blob", where=_IS_FILE),
)

library_mark = Table(
    "library_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    required("rev", String(36)),
)
"""At most one row: a mark that is another one after each change of documents, versions or where they came from."""

blob = Table(
    "blob",
    metadata,
    Column("sha256", String(64), primary_key=True),
    required("size", BigId),
    required("state", String(16)),
    Column("verified_at", Moment),
    required("created_at", Moment),
    Index("ix_blob_verified_at", "verified_at"),
)
"""The bytes of file templates' versions, which lie below `files.dir`."""

upload = Table(
    "upload",
    metadata,
    id_column(),
    required("document_id", String(36), ForeignKey("document.id"), index=True),
    required("size", BigId),
    required("sha256", String(64)),
    required("filename", Text),
    required("commit_message", Text),
    required("bump", String(8)),
    required("principal", Text),
    required("created_at", Moment),
    required("expires_at", Moment, index=True),
)
"""Files that are being uploaded; what has arrived of each lies below `files.dir`."""

secret = Table(
    "secret",
    metadata,
    Column("name", String(128), primary_key=True),
    required("sealed", Text),
    required("created_at", Moment),
    required("updated_at", Moment),
    required("updated_by", Text),
)
"""Secrets, each sealed as `engine.sealing` has it."""

secret_state = Table(
    "secret_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    required("rev", String(36)),
    required("key_id", String(16)),
)
"""At most one row: a mark that is another one after each change of the secrets, and the key that seals."""

pack = Table(
    "pack",
    metadata,
    id_column(),
    required("ref", String(64), unique=True),
    required("label", Text),
    required("version", String(128)),
    required("description", Text),
    required("source", Text),
    required("source_kind", String(16)),
    Column("revision", Text),
    Column("commit_id", String(64)),
    Column("manifest_sha256", String(64)),
    required("dependencies", Json),
    Column("synced_at", Moment),
    Column("last_error", Text),
    required("created_at", Moment),
    required("updated_at", Moment),
)

pack_document = Table(
    "pack_document",
    metadata,
    Column("document_id", String(36), ForeignKey("document.id"), primary_key=True),
    required("pack_ref", String(64), index=True),
    required("path", Text),
    required("pack_version", String(128)),
    Column("commit_id", String(64)),
    required("digest", String(64)),
    required("version", String(24)),
    required("facts", Json),
)
"""Which pack a document came from; it stays when the pack is removed."""
