"""strategy promotion overview

Revision ID: 0041
Revises: 0040
Create Date: 2026-06-02 09:51:11.628394

"""

from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0041"
down_revision: Union[str, None] = "0040"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.execute(
        """
        CREATE VIEW strategy_promotion_overview AS
        SELECT
            p.id AS promotion_id,
            s.slug AS strategy_slug,
            p.from_stage,
            p.to_stage,
            p.status,
            p.trace_mode,
            p.demo_fills_required,
            COALESCE(f.fill_count, 0) AS demo_fill_count,
            COALESCE(f.notional, 0) AS demo_notional,
            COALESCE(f.fill_count, 0) >= p.demo_fills_required AS is_ready
        FROM strategy_promotions p
        JOIN trading_strategies s ON s.id = p.strategy_id
        LEFT JOIN (
            SELECT promotion_id, count(*) AS fill_count, sum(notional) AS notional
            FROM promote_demo_paper_fills
            GROUP BY promotion_id
        ) f ON f.promotion_id = p.id
        """
    )
    op.execute(
        """
        COMMENT ON COLUMN strategy_promotion_overview.is_ready IS
        'Enough demo fills for a decision, not the decision'
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW strategy_promotion_overview")
