"""signals

Revision ID: 0021
Revises: 0020
Create Date: 2026-04-27 09:04:33.277841

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0021"
down_revision: Union[str, None] = "0020"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "signals",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("strategy_id", sa.Integer(), nullable=False),
        sa.Column("instrument_id", sa.Integer(), nullable=False),
        # From -1 (sell) to 1 (buy).
        sa.Column("strength", sa.Float(precision=53), nullable=False),
        sa.Column("features", postgresql.JSONB(), nullable=True),
        sa.Column(
            "emitted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signals"),
        sa.ForeignKeyConstraint(
            ["strategy_id"],
            ["strategies.id"],
            name="fk_signals_strategy_id_strategies",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"],
            ["instruments.id"],
            name="fk_signals_instrument_id_instruments",
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint("strength BETWEEN -1 AND 1", name="ck_signals_strength"),
    )
    op.create_index(
        "ix_signals_strategy_id_emitted_at",
        "signals",
        ["strategy_id", sa.text("emitted_at DESC")],
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON signals TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE signals_id_seq TO raptor_app;")


def downgrade() -> None:
    op.drop_index("ix_signals_strategy_id_emitted_at", table_name="signals")
    op.drop_table("signals")
