"""positions

Revision ID: 0013
Revises: 0012
Create Date: 2026-01-19 15:18:37.604429

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0013"
down_revision: Union[str, None] = "0012"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # A quantity may be short, a price never is.
    op.execute(
        """
        CREATE DOMAIN price_amount AS numeric(18, 6)
        CONSTRAINT ck_price_amount_not_negative CHECK (VALUE >= 0)
        """
    )

    op.create_table(
        "positions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column(
            "average_price",
            postgresql.DOMAIN("price_amount", sa.Numeric(18, 6), create_type=False),
            nullable=False,
        ),
        sa.Column(
            "cost_basis",
            sa.Numeric(),
            sa.Computed("quantity * average_price", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "opened_at",
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
        sa.PrimaryKeyConstraint("id", name="pk_positions"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_positions_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name="fk_positions_instrument_id_instruments",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "account_id", "instrument_id", name="uq_positions_account_id_instrument_id"
        ),
    )
    op.create_index("ix_positions_instrument_id", "positions", ["instrument_id"])
    op.execute(
        """
        CREATE TRIGGER trg_positions_touch_updated_at
        BEFORE UPDATE ON positions
        FOR EACH ROW EXECUTE FUNCTION touch_updated_at()
        """
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON positions TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE positions_id_seq TO raptor_app;")


def downgrade() -> None:
    op.execute("DROP TRIGGER trg_positions_touch_updated_at ON positions")
    op.drop_index("ix_positions_instrument_id", table_name="positions")
    op.drop_table("positions")
    op.execute("DROP DOMAIN price_amount")
