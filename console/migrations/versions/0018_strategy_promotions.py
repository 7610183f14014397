"""strategy promotions

Revision ID: 0018
Revises: 0017
Create Date: 2026-02-24 16:22:48.035719

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0018"
down_revision: Union[str, None] = "0017"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

# Made by 0017.
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
    op.create_table(
        "strategy_promotions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("strategy_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("from_stage", strategy_stage, nullable=False),
        sa.Column("to_stage", strategy_stage, nullable=False),
        sa.Column("requested_by", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("decided_by", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column(
            "status",
            sa.String(length=20),
            server_default=sa.text("'pending'"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "requested_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_strategy_promotions"),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["trading_strategies.id"],
            name="fk_strategy_promotions_strategy_id_trading_strategies",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"],
            ["admins.id"],
            name="fk_strategy_promotions_requested_by_admins",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"],
            ["admins.id"],
            name="fk_strategy_promotions_decided_by_admins",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected', 'withdrawn')",
            name="ck_strategy_promotions_status",
        ),
        sa.CheckConstraint(
            "from_stage <> to_stage", name="ck_strategy_promotions_stages_differ"
        ),
        # Four eyes: nobody lets their own strategy near real money.
        sa.CheckConstraint(
            "decided_by <> requested_by", name="ck_strategy_promotions_four_eyes"
        ),
    )
    op.create_index(
        "uq_strategy_promotions_one_pending",
        "strategy_promotions",
        ["strategy_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_strategy_promotions_strategy_id_requested_at",
        "strategy_promotions",
        ["strategy_id", "requested_at"],
    )

    op.add_column(
        "trading_strategies",
        sa.Column("last_promotion_id", sa.BigInteger(), nullable=True),
    )
    # The two tables point at each other: deferred, so that one transaction can
    # write both rows in either order.
    op.create_foreign_key(
        "fk_trading_strategies_last_promotion_id_strategy_promotions",
        "trading_strategies",
        "strategy_promotions",
        ["last_promotion_id"],
        ["id"],
        ondelete="SET NULL",
        deferrable=True,
        initially="DEFERRED",
    )


def downgrade() -> None:
    op.drop_constraint(
        "fk_trading_strategies_last_promotion_id_strategy_promotions",
        "trading_strategies",
        type_="foreignkey",
    )
    op.drop_column("trading_strategies", "last_promotion_id")
    op.drop_index(
        "ix_strategy_promotions_strategy_id_requested_at",
        table_name="strategy_promotions",
    )
    op.drop_index(
        "uq_strategy_promotions_one_pending", table_name="strategy_promotions"
    )
    op.drop_table("strategy_promotions")
