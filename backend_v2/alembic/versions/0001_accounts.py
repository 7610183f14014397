"""accounts

Revision ID: 0001
Revises:
Create Date: 2025-08-11 09:42:17.318204

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        # The id that Console knows the account by.
        sa.Column("external_ref", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column(
            "status", sa.String(length=16), server_default="active", nullable=False
        ),
        sa.Column(
            "base_currency", sa.CHAR(length=3), server_default="USD", nullable=False
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("external_ref", name="uq_accounts_external_ref"),
        sa.CheckConstraint(
            "status IN ('active', 'suspended', 'closed')", name="ck_accounts_status"
        ),
        sa.CheckConstraint(
            "base_currency = upper(base_currency)", name="ck_accounts_base_currency"
        ),
    )
    op.create_index("ix_accounts_status", "accounts", ["status"])

    # Client data is the owner's alone, and says so, until the application has a role
    # to be granted anything.
    op.execute("REVOKE ALL ON accounts FROM PUBLIC")
    op.execute("REVOKE ALL ON SEQUENCE accounts_id_seq FROM PUBLIC")


def downgrade():
    op.drop_index("ix_accounts_status", table_name="accounts")
    op.drop_table("accounts")
