"""The library: versions that are drafts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

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
    _drafts()


def downgrade() -> None:
    op.drop_column("document_version", "draft")


def _drafts() -> None:
    op.add_column("document_version", sa.Column("draft", sa.Boolean(), nullable=False, server_default=sa.false()))
    for statement in (_NEVER_PUBLISHED, _NEWER):
        op.execute(sa.text(statement).bindparams(sa.bindparam("yes", True, sa.Boolean())))
