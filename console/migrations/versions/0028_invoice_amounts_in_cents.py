"""invoice amounts in cents

Revision ID: 0028
Revises: 0027
Create Date: 2026-05-14 13:08:54.977203

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0028"
down_revision: Union[str, None] = "0027"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # The payment processor counts in cents, and the conversions back and forth
    # were where the rounding errors came from. The checks go first and come
    # back last: carried over by ALTER TYPE they would keep a cast to numeric.
    op.drop_constraint(
        "ck_billing_invoices_amount_paid", "billing_invoices", type_="check"
    )
    op.drop_constraint(
        "ck_billing_invoices_amount_due", "billing_invoices", type_="check"
    )
    op.alter_column("billing_invoices", "amount_paid", server_default=None)

    op.alter_column(
        "billing_invoices",
        "amount_due",
        existing_type=sa.Numeric(precision=12, scale=2),
        type_=sa.BigInteger(),
        existing_nullable=False,
        postgresql_using="(amount_due * 100)::bigint",
    )
    op.alter_column(
        "billing_invoices", "amount_due", new_column_name="amount_due_cents"
    )
    op.alter_column(
        "billing_invoices",
        "amount_paid",
        existing_type=sa.Numeric(precision=12, scale=2),
        type_=sa.BigInteger(),
        existing_nullable=False,
        postgresql_using="(amount_paid * 100)::bigint",
    )
    op.alter_column(
        "billing_invoices", "amount_paid", new_column_name="amount_paid_cents"
    )

    op.alter_column(
        "billing_invoices", "amount_paid_cents", server_default=sa.text("0")
    )
    op.create_check_constraint(
        "ck_billing_invoices_amount_due_cents",
        "billing_invoices",
        "amount_due_cents >= 0",
    )
    op.create_check_constraint(
        "ck_billing_invoices_amount_paid_cents",
        "billing_invoices",
        "amount_paid_cents >= 0",
    )


def downgrade() -> None:
    op.drop_constraint(
        "ck_billing_invoices_amount_paid_cents", "billing_invoices", type_="check"
    )
    op.drop_constraint(
        "ck_billing_invoices_amount_due_cents", "billing_invoices", type_="check"
    )
    op.alter_column("billing_invoices", "amount_paid_cents", server_default=None)

    op.alter_column(
        "billing_invoices", "amount_due_cents", new_column_name="amount_due"
    )
    op.alter_column(
        "billing_invoices",
        "amount_due",
        existing_type=sa.BigInteger(),
        type_=sa.Numeric(precision=12, scale=2),
        existing_nullable=False,
        postgresql_using="amount_due / 100.0",
    )
    op.alter_column(
        "billing_invoices", "amount_paid_cents", new_column_name="amount_paid"
    )
    op.alter_column(
        "billing_invoices",
        "amount_paid",
        existing_type=sa.BigInteger(),
        type_=sa.Numeric(precision=12, scale=2),
        existing_nullable=False,
        postgresql_using="amount_paid / 100.0",
    )

    op.alter_column("billing_invoices", "amount_paid", server_default=sa.text("0"))
    op.create_check_constraint(
        "ck_billing_invoices_amount_due", "billing_invoices", "amount_due >= 0"
    )
    op.create_check_constraint(
        "ck_billing_invoices_amount_paid", "billing_invoices", "amount_paid >= 0"
    )
