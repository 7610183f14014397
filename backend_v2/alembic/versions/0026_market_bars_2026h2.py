"""market bars of the second half of 2026

Revision ID: 0026
Revises: 0025
Create Date: 2026-06-12 08:05:59.127436

"""
from typing import Sequence, Union

from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0026"
down_revision: Union[str, None] = "0025"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # Futures bars are loaded ahead of time, so the default partition already holds
    # rows of this range, and PARTITION OF would refuse them: fill first, then attach.
    op.execute("CREATE TABLE market_bars_2026h2 (LIKE market_bars INCLUDING ALL)")
    op.execute(
        """
        WITH moved AS (
            DELETE FROM market_bars_default
            WHERE bar_time >= '2026-07-01 00:00:00+00'
              AND bar_time < '2027-01-01 00:00:00+00'
            RETURNING instrument_id, timeframe, bar_time, open, high, low, close, volume
        )
        INSERT INTO market_bars_2026h2
            (instrument_id, timeframe, bar_time, open, high, low, close, volume)
        SELECT instrument_id, timeframe, bar_time, open, high, low, close, volume
        FROM moved
        """
    )
    op.execute(
        """
        ALTER TABLE market_bars ATTACH PARTITION market_bars_2026h2
        FOR VALUES FROM ('2026-07-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')
        """
    )
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON market_bars_2026h2 TO raptor_app;"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE market_bars DETACH PARTITION market_bars_2026h2")
    # Through the parent, which now routes them to the default partition again.
    op.execute(
        """
        INSERT INTO market_bars
            (instrument_id, timeframe, bar_time, open, high, low, close, volume)
        SELECT instrument_id, timeframe, bar_time, open, high, low, close, volume
        FROM market_bars_2026h2
        """
    )
    op.drop_table("market_bars_2026h2")
