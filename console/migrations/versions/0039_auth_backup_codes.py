"""backup codes for operators who lost their passkey

Revision ID: 0039
Revises: 0038
Create Date: 2026-05-28 10:09:37.754120

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0039"
down_revision: Union[str, None] = "0038"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "auth_backup_codes",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("admin_id", postgresql.UUID(as_uuid=False), nullable=False),
        # Codes come ten at a time; a new sheet retires the one before it.
        sa.Column("batch_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "code_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="Keyed hash; the code itself is shown once and never stored",
        ),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("used_ip", postgresql.INET(), nullable=True),
        sa.Column("retired_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_auth_backup_codes"),
        sa.ForeignKeyConstraint(
            ["admin_id"],
            ["admins.id"],
            name="fk_auth_backup_codes_admin_id_admins",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "admin_id", "code_hash", name="uq_auth_backup_codes_admin_id_code_hash"
        ),
        sa.CheckConstraint(
            "used_ip IS NULL OR used_at IS NOT NULL", name="ck_auth_backup_codes_used"
        ),
    )
    op.create_index("ix_auth_backup_codes_batch_id", "auth_backup_codes", ["batch_id"])
    op.create_index(
        "ix_auth_backup_codes_admin_id_unused",
        "auth_backup_codes",
        ["admin_id"],
        postgresql_where=sa.text("used_at IS NULL AND retired_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_auth_backup_codes_admin_id_unused", table_name="auth_backup_codes"
    )
    op.drop_index("ix_auth_backup_codes_batch_id", table_name="auth_backup_codes")
    op.drop_table("auth_backup_codes")
