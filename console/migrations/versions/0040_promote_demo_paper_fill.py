"""promotions: demo paper fills as evidence

Renumbered from 0038 (#1778): trace mode and this one had both claimed 0038.

Revision ID: 0040
Revises: 0039
Create Date: 2026-05-31 12:18:55.140763

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0040"
down_revision: Union[str, None] = "0039"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.add_column(
        "strategy_promotions",
        sa.Column(
            "demo_fills_required",
            sa.SmallInteger(),
            server_default=sa.text("0"),
            nullable=False,
        ),
    )
    op.create_check_constraint(
        "ck_strategy_promotions_demo_fills_required",
        "strategy_promotions",
        "demo_fills_required >= 0",
    )

    op.create_table(
        "promote_demo_paper_fills",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("promotion_id", sa.BigInteger(), nullable=False),
        # Raptor's id of the fill: it is sent at least once, and kept once.
        sa.Column("fill_ref", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("symbol", sa.String(length=20), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("quantity", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column("price", sa.Numeric(precision=18, scale=6), nullable=False),
        sa.Column(
            "notional",
            sa.Numeric(precision=24, scale=6),
            sa.Computed("quantity * price", persisted=True),
            nullable=True,
        ),
        sa.Column("filled_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_promote_demo_paper_fills"),
        sa.ForeignKeyConstraint(
            ["promotion_id"],
            ["strategy_promotions.id"],
            name="fk_promote_demo_paper_fills_promotion_id_strategy_promotions",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("fill_ref", name="uq_promote_demo_paper_fills_fill_ref"),
        sa.CheckConstraint(
            "side IN ('buy', 'sell')", name="ck_promote_demo_paper_fills_side"
        ),
        sa.CheckConstraint(
            "quantity > 0 AND price > 0", name="ck_promote_demo_paper_fills_positive"
        ),
    )
    op.create_index(
        "ix_promote_demo_paper_fills_promotion_id_filled_at",
        "promote_demo_paper_fills",
        ["promotion_id", "filled_at"],
    )


def downgrade() -> None:
    op.drop_index(
        "ix_promote_demo_paper_fills_promotion_id_filled_at",
        table_name="promote_demo_paper_fills",
    )
    op.drop_table("promote_demo_paper_fills")

    op.drop_constraint(
        "ck_strategy_promotions_demo_fills_required",
        "strategy_promotions",
        type_="check",
    )
    op.drop_column("strategy_promotions", "demo_fills_required")
