"""backtests

Revision ID: 0007
Revises: 0006
Create Date: 2025-10-20 13:57:32.419006

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

backtest_state = postgresql.ENUM(
    "queued",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    name="backtest_state",
    create_type=False,
)


def upgrade():
    backtest_state.create(op.get_bind(), checkfirst=False)

    op.create_table(
        "backtests",
        sa.Column(
            "id",
            postgresql.UUID(as_uuid=True),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
        ),
        sa.Column("strategy_id", sa.Integer(), nullable=False),
        sa.Column("state", backtest_state, server_default="queued", nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("initial_capital", sa.Numeric(20, 4), nullable=False),
        sa.Column("metrics", postgresql.JSONB(), nullable=True),
        sa.Column(
            "queued_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_backtests"),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name="fk_backtests_strategy_id_strategies",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("starts_on <= ends_on", name="ck_backtests_period"),
        sa.CheckConstraint("initial_capital > 0", name="ck_backtests_initial_capital"),
    )
    op.create_index(
        "ix_backtests_strategy_id_queued_at",
        "backtests",
        ["strategy_id", sa.text("queued_at DESC")],
    )
    # What the worker polls: a handful of rows in a table that only grows.
    op.create_index(
        "ix_backtests_pending",
        "backtests",
        ["queued_at"],
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )

    op.create_table(
        "backtest_trades",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("backtest_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("price", sa.Numeric(18, 6), nullable=False),
        sa.Column("traded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_backtest_trades"),
        sa.ForeignKeyConstraint(
            ["backtest_id"],
            ["backtests.id"],
            name="fk_backtest_trades_backtest_id_backtests",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name="fk_backtest_trades_instrument_id_instruments",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint("quantity <> 0", name="ck_backtest_trades_quantity"),
    )
    op.create_index(
        "ix_backtest_trades_backtest_id", "backtest_trades", ["backtest_id"]
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON backtests TO raptor_app;")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON backtest_trades TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE backtest_trades_id_seq TO raptor_app;")


def downgrade():
    op.drop_index("ix_backtest_trades_backtest_id", table_name="backtest_trades")
    op.drop_table("backtest_trades")
    op.drop_index("ix_backtests_pending", table_name="backtests")
    op.drop_index("ix_backtests_strategy_id_queued_at", table_name="backtests")
    op.drop_table("backtests")
    backtest_state.drop(op.get_bind(), checkfirst=False)
