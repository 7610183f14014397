"""trading strategies

Revision ID: 0017
Revises: 0016
Create Date: 2026-02-10 10:41:17.580932

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0017"
down_revision: Union[str, None] = "0016"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

strategy_stage = postgresql.ENUM(
    "draft",
    "backtest",
    "paper",
    "live",
    "retired",
    name="strategy_stage",
    create_type=False,
)


def upgrade() -> None:
    strategy_stage.create(op.get_bind(), checkfirst=False)

    op.create_table(
        "trading_strategies",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=False),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column(
            "stage",
            strategy_stage,
            server_default=sa.text("'draft'"),
            nullable=False,
        ),
        sa.Column("owner_id", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column(
            "parameters",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("max_drawdown_pct", sa.Numeric(precision=5, scale=2), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name="pk_trading_strategies"),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["admins.id"],
            name="fk_trading_strategies_owner_id_admins",
            ondelete="SET NULL",
        ),
        sa.UniqueConstraint("slug", name="uq_trading_strategies_slug"),
        sa.CheckConstraint(
            "jsonb_typeof(parameters) = 'object'",
            name="ck_trading_strategies_parameters_object",
        ),
        sa.CheckConstraint(
            "max_drawdown_pct > 0 AND max_drawdown_pct <= 100",
            name="ck_trading_strategies_max_drawdown_pct",
        ),
    )
    op.create_index("ix_trading_strategies_stage", "trading_strategies", ["stage"])
    op.create_index(
        "ix_trading_strategies_parameters_gin",
        "trading_strategies",
        ["parameters"],
        postgresql_using="gin",
    )
    op.execute(
        """
        CREATE TRIGGER trg_trading_strategies_touch_updated_at
        BEFORE UPDATE ON trading_strategies
        FOR EACH ROW EXECUTE FUNCTION console_touch_updated_at()
        """
    )


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER trg_trading_strategies_touch_updated_at ON trading_strategies"
    )
    op.drop_index(
        "ix_trading_strategies_parameters_gin", table_name="trading_strategies"
    )
    op.drop_index("ix_trading_strategies_stage", table_name="trading_strategies")
    op.drop_table("trading_strategies")

    strategy_stage.drop(op.get_bind(), checkfirst=False)
