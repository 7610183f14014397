"""money in units instead of cents

Revision ID: 0025
Revises: 0024
Create Date: 2026-06-09 09:38:42.305761

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "0025"
down_revision: Union[str, None] = "0024"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # Every other table holds units, and one report has already been wrong by 100.
    # Two decimals on purpose: no value is rounded on the way there or back.
    op.drop_constraint("ck_settlements_amount_cents", "settlements", type_="check")
    op.alter_column(
        "settlements",
        "amount_cents",
        existing_type=sa.BigInteger(),
        type_=sa.Numeric(18, 2),
        existing_nullable=False,
        postgresql_using="amount_cents * 0.01",
    )
    op.alter_column("settlements", "amount_cents", new_column_name="amount")
    op.alter_column(
        "settlements",
        "amount",
        existing_type=sa.Numeric(18, 2),
        existing_nullable=False,
        comment="In units of the currency, not in cents",
    )
    op.create_check_constraint(
        "ck_settlements_amount",
        "settlements",
        "amount BETWEEN -1000000000 AND 1000000000",
    )

    op.drop_constraint("ck_payments_amount_cents", "payments", type_="check")
    op.alter_column(
        "payments",
        "amount_cents",
        existing_type=sa.BigInteger(),
        type_=sa.Numeric(18, 2),
        existing_nullable=False,
        postgresql_using="amount_cents * 0.01",
    )
    op.alter_column("payments", "amount_cents", new_column_name="amount")
    op.create_check_constraint(
        "ck_payments_amount", "payments", "amount > 0 AND amount <= 1000000000"
    )
    op.create_table_comment("payments", "Deposits and withdrawals, in US dollars")


def downgrade() -> None:
    op.drop_table_comment("payments")
    op.drop_constraint("ck_payments_amount", "payments", type_="check")
    op.alter_column("payments", "amount", new_column_name="amount_cents")
    op.alter_column(
        "payments",
        "amount_cents",
        existing_type=sa.Numeric(18, 2),
        type_=sa.BigInteger(),
        existing_nullable=False,
        postgresql_using="(amount_cents * 100)::bigint",
    )
    op.create_check_constraint(
        "ck_payments_amount_cents",
        "payments",
        "amount_cents > 0 AND amount_cents <= 100000000000",
    )

    op.drop_constraint("ck_settlements_amount", "settlements", type_="check")
    op.alter_column(
        "settlements",
        "amount",
        existing_type=sa.Numeric(18, 2),
        existing_nullable=False,
        comment=None,
    )
    op.alter_column("settlements", "amount", new_column_name="amount_cents")
    op.alter_column(
        "settlements",
        "amount_cents",
        existing_type=sa.Numeric(18, 2),
        type_=sa.BigInteger(),
        existing_nullable=False,
        postgresql_using="(amount_cents * 100)::bigint",
    )
    op.create_check_constraint(
        "ck_settlements_amount_cents",
        "settlements",
        "amount_cents BETWEEN -100000000000 AND 100000000000",
    )
