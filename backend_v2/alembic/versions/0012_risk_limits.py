"""risk limits

Revision ID: 0012
Revises: 0011
Create Date: 2026-01-07 11:44:02.871305

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "0012"
down_revision: Union[str, None] = "0011"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "risk_limits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        # NULL: the limit holds for the account as a whole.
        sa.Column("strategy_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("limit_value", sa.Numeric(20, 4), nullable=False),
        sa.Column("is_hard", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_risk_limits"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_risk_limits_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name="fk_risk_limits_strategy_id_strategies",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "kind IN ('max_notional', 'max_position', 'max_daily_loss',"
            " 'max_orders_per_minute')",
            name="ck_risk_limits_kind",
        ),
        sa.CheckConstraint("limit_value >= 0", name="ck_risk_limits_limit_value"),
    )
    # A plain unique constraint would let NULL strategies repeat.
    op.create_index(
        "uq_risk_limits_scope_kind",
        "risk_limits",
        ["account_id", sa.text("coalesce(strategy_id, 0)"), "kind"],
        unique=True,
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON risk_limits TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE risk_limits_id_seq TO raptor_app;")


def downgrade() -> None:
    op.drop_index("uq_risk_limits_scope_kind", table_name="risk_limits")
    op.drop_table("risk_limits")
