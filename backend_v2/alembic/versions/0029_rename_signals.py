"""signals become strategy_signals

Revision ID: 0029
Revises: 0028
Create Date: 2026-06-23 14:09:26.462058

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "0029"
down_revision: Union[str, None] = "0028"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

# Renaming a table leaves the names of its constraints behind.
CONSTRAINTS = (
    ("pk_signals", "pk_strategy_signals"),
    ("fk_signals_strategy_id_strategies", "fk_strategy_signals_strategy_id_strategies"),
    (
        "fk_signals_instrument_id_instruments",
        "fk_strategy_signals_instrument_id_instruments",
    ),
    ("ck_signals_strength", "ck_strategy_signals_strength"),
)


def upgrade() -> None:
    op.rename_table("signals", "strategy_signals")
    op.execute("ALTER SEQUENCE signals_id_seq RENAME TO strategy_signals_id_seq")
    op.execute(
        "ALTER INDEX ix_signals_strategy_id_emitted_at"
        " RENAME TO ix_strategy_signals_strategy_id_emitted_at"
    )
    for old, new in CONSTRAINTS:
        op.execute(f"ALTER TABLE strategy_signals RENAME CONSTRAINT {old} TO {new}")

    # Which build of the model spoke; unknown for what was emitted before today.
    op.add_column(
        "strategy_signals",
        sa.Column("model_version", sa.String(length=40), nullable=True),
    )


def downgrade() -> None:
    op.drop_column("strategy_signals", "model_version")

    for old, new in CONSTRAINTS:
        op.execute(f"ALTER TABLE strategy_signals RENAME CONSTRAINT {new} TO {old}")
    op.execute(
        "ALTER INDEX ix_strategy_signals_strategy_id_emitted_at"
        " RENAME TO ix_signals_strategy_id_emitted_at"
    )
    op.execute("ALTER SEQUENCE strategy_signals_id_seq RENAME TO signals_id_seq")
    op.rename_table("strategy_signals", "signals")
