"""admin webauthn credentials

Revision ID: 0004
Revises: 0003
Create Date: 2025-07-08 13:20:16.070455

"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "admin_webauthn_credentials",
        sa.Column("id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("admin_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "sign_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "transports",
            postgresql.ARRAY(sa.String(length=20)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("label", sa.String(length=80), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_admin_webauthn_credentials"),
        sa.ForeignKeyConstraint(
            ["admin_id"],
            ["admins.id"],
            name="fk_admin_webauthn_credentials_admin_id_admins",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "credential_id", name="uq_admin_webauthn_credentials_credential_id"
        ),
        sa.CheckConstraint(
            "sign_count >= 0", name="ck_admin_webauthn_credentials_sign_count"
        ),
    )
    op.create_index(
        "ix_admin_webauthn_credentials_admin_id",
        "admin_webauthn_credentials",
        ["admin_id"],
    )


def downgrade():
    op.drop_index(
        "ix_admin_webauthn_credentials_admin_id",
        table_name="admin_webauthn_credentials",
    )
    op.drop_table("admin_webauthn_credentials")
