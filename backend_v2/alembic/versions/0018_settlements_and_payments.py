"""settlements and payments

Revision ID: 0018
Revises: 0017
Create Date: 2026-03-16 14:52:40.725618

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0018"
down_revision: Union[str, None] = "0017"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "settlements",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("fill_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(length=3), server_default="USD", nullable=False),
        sa.Column("settles_on", sa.Date(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_settlements"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_settlements_account_id_accounts",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["fill_id"],
            ["fills.id"],
            name="fk_settlements_fill_id_fills",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint("fill_id", name="uq_settlements_fill_id"),
        # A billion dollars either way: beyond that it is a unit error.
        sa.CheckConstraint(
            "amount_cents BETWEEN -100000000000 AND 100000000000",
            name="ck_settlements_amount_cents",
        ),
    )
    op.create_index(
        "ix_settlements_due",
        "settlements",
        ["settles_on"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )

    op.create_table(
        "payments",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=True),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(length=12), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("provider_ref", sa.String(length=120), nullable=True),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_payments_account_id_accounts",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "provider", "provider_ref", name="uq_payments_provider_provider_ref"
        ),
        sa.CheckConstraint(
            "direction IN ('deposit', 'withdrawal')", name="ck_payments_direction"
        ),
        sa.CheckConstraint(
            "amount_cents > 0 AND amount_cents <= 100000000000",
            name="ck_payments_amount_cents",
        ),
    )
    op.create_index("ix_payments_account_id", "payments", ["account_id"])

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON settlements TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE settlements_id_seq TO raptor_app;")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON payments TO raptor_app;")


def downgrade() -> None:
    op.drop_index("ix_payments_account_id", table_name="payments")
    op.drop_table("payments")
    op.drop_index("ix_settlements_due", table_name="settlements")
    op.drop_table("settlements")
