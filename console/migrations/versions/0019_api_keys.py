"""api keys

Revision ID: 0019
Revises: 0018
Create Date: 2026-03-17 09:07:26.714488

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0019"
down_revision: Union[str, None] = "0018"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("admin_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("label", sa.String(length=80), nullable=False),
        # The part of the key that is shown in lists and found in logs.
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "scopes",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(
            ["admin_id"],
            ["admins.id"],
            name="fk_api_keys_admin_id_admins",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("prefix", name="uq_api_keys_prefix"),
        sa.CheckConstraint(
            "octet_length(key_hash) = 32", name="ck_api_keys_key_hash_sha256"
        ),
    )
    # A label names one usable key at a time; a revoked one gives it free.
    op.create_index(
        "uq_api_keys_admin_id_label_usable",
        "api_keys",
        ["admin_id", "label"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index(
        "ix_api_keys_scopes_gin", "api_keys", ["scopes"], postgresql_using="gin"
    )


def downgrade() -> None:
    op.drop_index("ix_api_keys_scopes_gin", table_name="api_keys")
    op.drop_index("uq_api_keys_admin_id_label_usable", table_name="api_keys")
    op.drop_table("api_keys")
