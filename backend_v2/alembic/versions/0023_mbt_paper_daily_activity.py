"""MBT paper daily activity

Revision ID: 0023
Revises: 0022
Create Date: 2026-06-02 11:32:07.648825

"""
from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0023"
down_revision: Union[str, None] = "0022"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # The dashboard sums every fill of a session on each visit. Once a night is enough.
    op.execute(
        """
        CREATE MATERIALIZED VIEW mbt_paper_daily_activity AS
        SELECT o.session_id,
               (f.filled_at AT TIME ZONE 'UTC')::date AS trade_date,
               count(*) AS fill_count,
               sum(CASE o.side WHEN 'sell' THEN f.quantity * f.price
                               ELSE -(f.quantity * f.price) END) AS net_cash,
               sum(f.slippage) AS slippage
        FROM mbt_paper_fills f
        JOIN paper_orders o ON o.id = f.paper_order_id
        GROUP BY o.session_id, (f.filled_at AT TIME ZONE 'UTC')::date
        """
    )
    # REFRESH ... CONCURRENTLY demands a unique index.
    op.create_index(
        "uq_mbt_paper_daily_activity_session_id_trade_date",
        "mbt_paper_daily_activity",
        ["session_id", "trade_date"],
        unique=True,
    )
    op.execute("GRANT SELECT ON mbt_paper_daily_activity TO raptor_app;")


def downgrade() -> None:
    op.execute("DROP MATERIALIZED VIEW mbt_paper_daily_activity")
