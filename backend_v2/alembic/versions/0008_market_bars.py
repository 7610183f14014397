"""market bars

Revision ID: 0008
Revises: 0007
Create Date: 2025-11-03 08:39:20.117853

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PARTITIONS = ("market_bars_2025h2", "market_bars_2026h1", "market_bars_default")


def upgrade():
    # One partition for each half-year: the archive job drops whole ones.
    op.create_table(
        "market_bars",
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("timeframe", sa.String(length=4), nullable=False),
        sa.Column("bar_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open", sa.Numeric(18, 6), nullable=False),
        sa.Column("high", sa.Numeric(18, 6), nullable=False),
        sa.Column("low", sa.Numeric(18, 6), nullable=False),
        sa.Column("close", sa.Numeric(18, 6), nullable=False),
        sa.Column("volume", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "instrument_id", "timeframe", "bar_time", name="pk_market_bars"
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name="fk_market_bars_instrument_id_instruments",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "timeframe IN ('1m', '5m', '1h', '1d')", name="ck_market_bars_timeframe"
        ),
        sa.CheckConstraint("low <= high", name="ck_market_bars_low_high"),
        sa.CheckConstraint("volume >= 0", name="ck_market_bars_volume"),
        postgresql_partition_by="RANGE (bar_time)",
    )
    op.create_index("ix_market_bars_bar_time", "market_bars", ["bar_time"])

    op.execute(
        """
        CREATE TABLE market_bars_2025h2 PARTITION OF market_bars
        FOR VALUES FROM ('2025-07-01 00:00:00+00') TO ('2026-01-01 00:00:00+00')
        """
    )
    op.execute(
        """
        CREATE TABLE market_bars_2026h1 PARTITION OF market_bars
        FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-07-01 00:00:00+00')
        """
    )
    op.execute("CREATE TABLE market_bars_default PARTITION OF market_bars DEFAULT")

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON market_bars TO raptor_app;")
    # The loader copies into a partition directly, so each has its own grant.
    for partition in PARTITIONS:
        op.execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {partition} TO raptor_app;"
        )


def downgrade():
    op.drop_index("ix_market_bars_bar_time", table_name="market_bars")
    op.drop_table("market_bars_default")
    op.drop_table("market_bars_2026h1")
    op.drop_table("market_bars_2025h2")
    op.drop_table("market_bars")
