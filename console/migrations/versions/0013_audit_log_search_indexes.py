"""audit log search: indexes on payload and target

Revision ID: 0013
Revises: 0012
Create Date: 2025-11-12 09:18:27.003318

"""

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # audit_log is the one table that every request writes to: a plain CREATE
    # INDEX would hold all of them up.
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_audit_log_payload_gin",
            "audit_log",
            ["payload"],
            postgresql_using="gin",
            postgresql_ops={"payload": "jsonb_path_ops"},
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_audit_log_target",
            "audit_log",
            ["target_type", "target_id"],
            postgresql_where=sa.text("target_id IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_audit_log_target",
            table_name="audit_log",
            postgresql_concurrently=True,
        )
        op.drop_index(
            "ix_audit_log_payload_gin",
            table_name="audit_log",
            postgresql_concurrently=True,
        )
