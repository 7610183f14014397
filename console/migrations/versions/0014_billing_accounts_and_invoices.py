"""billing accounts and invoices

Revision ID: 0014
Revises: 0013
Create Date: 2025-12-02 15:03:19.458206

"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

invoice_status = postgresql.ENUM(
    "draft", "open", "paid", "void", name="invoice_status", create_type=False
)


def upgrade() -> None:
    invoice_status.create(op.get_bind(), checkfirst=False)

    op.create_table(
        "billing_accounts",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("customer_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("processor_ref", sa.String(length=80), nullable=True),
        sa.Column(
            "currency",
            sa.CHAR(length=3),
            server_default=sa.text("'USD'"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_billing_accounts"),
        # Books are kept for ten years, whatever happens to the customer row.
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name="fk_billing_accounts_customer_id_customers",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("customer_id", name="uq_billing_accounts_customer_id"),
        sa.UniqueConstraint("processor_ref", name="uq_billing_accounts_processor_ref"),
    )
    op.create_table(
        "billing_invoices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column(
            "status", invoice_status, server_default=sa.text("'draft'"), nullable=False
        ),
        sa.Column("amount_due", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column(
            "amount_paid",
            sa.Numeric(precision=12, scale=2),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_billing_invoices"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["billing_accounts.id"],
            name="fk_billing_invoices_account_id_billing_accounts",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("number", name="uq_billing_invoices_number"),
        sa.CheckConstraint("amount_due >= 0", name="ck_billing_invoices_amount_due"),
        sa.CheckConstraint("amount_paid >= 0", name="ck_billing_invoices_amount_paid"),
    )
    op.create_index(
        "ix_billing_invoices_account_id", "billing_invoices", ["account_id"]
    )
    op.create_index(
        "ix_billing_invoices_open_due_on",
        "billing_invoices",
        ["due_on"],
        postgresql_where=sa.text("status = 'open'"),
    )

    op.execute(
        """
        INSERT INTO rbac_permissions (code, description)
        VALUES ('billing.read', 'See invoices and payments'),
               ('billing.write', 'Issue and void invoices')
        """
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM rbac_permissions WHERE code IN ('billing.read', 'billing.write')"
    )
    op.drop_index("ix_billing_invoices_open_due_on", table_name="billing_invoices")
    op.drop_index("ix_billing_invoices_account_id", table_name="billing_invoices")
    op.drop_table("billing_invoices")
    op.drop_table("billing_accounts")

    invoice_status.drop(op.get_bind(), checkfirst=False)
