"""invoice status: uncollectible

Revision ID: 0032
Revises: 0031
Create Date: 2026-05-20 11:45:09.068153

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0032"
down_revision: Union[str, None] = "0031"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # A new value cannot be used before it is committed, so nothing else is
    # done here.
    op.execute("ALTER TYPE invoice_status ADD VALUE 'uncollectible'")


def downgrade() -> None:
    # Postgres cannot take a value out of an enum: the type is built anew. An
    # invoice written off is void as far as the older Console can tell.
    op.execute(
        "UPDATE billing_invoices SET status = 'void' WHERE status = 'uncollectible'"
    )

    # The default and the partial index name the old type in their expressions.
    op.drop_index("ix_billing_invoices_open_due_on", table_name="billing_invoices")
    op.alter_column("billing_invoices", "status", server_default=None)

    op.execute("ALTER TYPE invoice_status RENAME TO invoice_status_old")
    op.execute("CREATE TYPE invoice_status AS ENUM ('draft', 'open', 'paid', 'void')")
    op.execute(
        """
        ALTER TABLE billing_invoices
        ALTER COLUMN status TYPE invoice_status USING status::text::invoice_status
        """
    )
    op.execute("DROP TYPE invoice_status_old")

    op.alter_column("billing_invoices", "status", server_default=sa.text("'draft'"))
    op.create_index(
        "ix_billing_invoices_open_due_on",
        "billing_invoices",
        ["due_on"],
        postgresql_where=sa.text("status = 'open'"),
    )
