"""customers

Revision ID: 0009
Revises: 0008
Create Date: 2025-09-30 09:55:12.884037

"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        # Raptor lives in a database of its own, so this is no foreign key.
        sa.Column("raptor_user_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=True),
        sa.Column(
            "status",
            sa.String(length=20),
            server_default=sa.text("'active'"),
            nullable=False,
        ),
        sa.Column("country_code", sa.CHAR(length=2), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.UniqueConstraint("raptor_user_id", name="uq_customers_raptor_user_id"),
        sa.CheckConstraint(
            "status IN ('active', 'suspended', 'closed')", name="ck_customers_status"
        ),
        sa.CheckConstraint(
            "country_code = upper(country_code)", name="ck_customers_country_code_upper"
        ),
    )
    # Customers type their address in any case; it still is one mailbox.
    op.create_index(
        "uq_customers_email_lower",
        "customers",
        [sa.text("lower(email)")],
        unique=True,
    )
    op.create_index(
        "ix_customers_not_active",
        "customers",
        ["status", "updated_at"],
        postgresql_where=sa.text("status <> 'active'"),
    )
    op.execute(
        """
        CREATE TRIGGER trg_customers_touch_updated_at
        BEFORE UPDATE ON customers
        FOR EACH ROW EXECUTE FUNCTION console_touch_updated_at()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER trg_customers_touch_updated_at ON customers")
    op.drop_index("ix_customers_not_active", table_name="customers")
    op.drop_index("uq_customers_email_lower", table_name="customers")
    op.drop_table("customers")
