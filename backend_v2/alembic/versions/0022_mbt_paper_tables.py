"""MBT paper trading tables

Model-based trading runs on paper within sessions, and its orders belong to a session
rather than to an account. The paper_orders of 0002 makes way for a table of that name
with another shape; its rows are kept in paper_orders_archive.

Revision ID: 0022
Revises: 0021
Create Date: 2026-05-28 18:16:54.031529

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0022"
down_revision: Union[str, None] = "0021"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

# The enums of 0014, neither created nor dropped here.
order_side = postgresql.ENUM(name="order_side", create_type=False)
order_type = postgresql.ENUM(name="order_type", create_type=False)


def upgrade() -> None:
    op.execute("CREATE TABLE paper_orders_archive AS SELECT * FROM paper_orders")
    # Drop the earlier table first: 0002 created it with a different schema, and this
    # revision replaces it.
    op.drop_index("ix_paper_orders_account_id", table_name="paper_orders")
    op.drop_table("paper_orders")

    op.create_primary_key("pk_paper_orders_archive", "paper_orders_archive", ["id"])
    op.create_foreign_key(
        "fk_paper_orders_archive_account_id_accounts",
        "paper_orders_archive",
        "accounts",
        ["account_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.execute("GRANT SELECT ON paper_orders_archive TO raptor_app;")

    op.create_table(
        "mbt_paper_sessions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("strategy_id", sa.Integer(), nullable=False),
        sa.Column("starting_cash", sa.Numeric(20, 4), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_mbt_paper_sessions"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_mbt_paper_sessions_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name="fk_mbt_paper_sessions_strategy_id_strategies",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "starting_cash > 0", name="ck_mbt_paper_sessions_starting_cash"
        ),
    )
    op.create_index(
        "ix_mbt_paper_sessions_account_id", "mbt_paper_sessions", ["account_id"]
    )

    op.create_table(
        "paper_orders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        sa.Column("signal_id", sa.BigInteger(), nullable=True),
        sa.Column("side", order_side, nullable=False),
        sa.Column("order_type", order_type, nullable=False),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("limit_price", sa.Numeric(18, 6), nullable=True),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_paper_orders"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["mbt_paper_sessions.id"],
            name="fk_paper_orders_session_id_mbt_paper_sessions",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name="fk_paper_orders_instrument_id_instruments",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["signal_id"],
            ["signals.id"],
            name="fk_paper_orders_signal_id_signals",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint(
            "state IN ('open', 'filled', 'cancelled')", name="ck_paper_orders_state"
        ),
        sa.CheckConstraint("quantity > 0", name="ck_paper_orders_quantity"),
    )
    op.create_index("ix_paper_orders_session_id", "paper_orders", ["session_id"])

    op.create_table(
        "mbt_paper_fills",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("paper_order_id", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("price", sa.Numeric(18, 6), nullable=False),
        sa.Column("slippage", sa.Numeric(18, 6), server_default="0", nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mbt_paper_fills"),
        sa.ForeignKeyConstraint(
            ["paper_order_id"],
            ["paper_orders.id"],
            name="fk_mbt_paper_fills_paper_order_id_paper_orders",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("quantity > 0", name="ck_mbt_paper_fills_quantity"),
    )
    op.create_index(
        "ix_mbt_paper_fills_paper_order_id", "mbt_paper_fills", ["paper_order_id"]
    )

    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON mbt_paper_sessions TO raptor_app;"
    )
    op.execute("GRANT USAGE ON SEQUENCE mbt_paper_sessions_id_seq TO raptor_app;")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON paper_orders TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE paper_orders_id_seq TO raptor_app;")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON mbt_paper_fills TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE mbt_paper_fills_id_seq TO raptor_app;")


def downgrade() -> None:
    op.drop_table("mbt_paper_fills")
    op.drop_index("ix_paper_orders_session_id", table_name="paper_orders")
    op.drop_table("paper_orders")
    op.drop_table("mbt_paper_sessions")

    # Restore the earlier table, as 0002 created it.
    op.create_table(
        "paper_orders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=4), nullable=False),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("limit_price", sa.Numeric(18, 6), nullable=True),
        sa.Column("status", sa.String(length=16), server_default="new", nullable=False),
        sa.Column(
            "placed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_paper_orders"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name="fk_paper_orders_account_id_accounts",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("side IN ('buy', 'sell')", name="ck_paper_orders_side"),
        sa.CheckConstraint("quantity > 0", name="ck_paper_orders_quantity"),
    )
    op.create_index("ix_paper_orders_account_id", "paper_orders", ["account_id"])
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON paper_orders TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE paper_orders_id_seq TO raptor_app;")

    op.execute(
        """
        INSERT INTO paper_orders (id, account_id, symbol, side, quantity, limit_price,
                                  status, placed_at, note)
        SELECT id, account_id, symbol, side, quantity, limit_price,
               status, placed_at, note
        FROM paper_orders_archive
        """
    )
    # The next order must not take the id of one that came back.
    op.execute(
        """
        SELECT setval('paper_orders_id_seq', greatest(max(id), 1), max(id) IS NOT NULL)
        FROM paper_orders
        """
    )
    op.drop_table("paper_orders_archive")
