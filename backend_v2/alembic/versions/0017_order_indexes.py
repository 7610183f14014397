"""order indexes, built concurrently

Revision ID: 0017
Revises: 0016
Create Date: 2026-03-02 08:21:16.008435

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "0017"
down_revision: Union[str, None] = "0016"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # Orders are written all day: a plain CREATE INDEX would stop them while it runs.
    # CONCURRENTLY cannot run inside a transaction, hence the autocommit block.
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_orders_account_id_open",
            "orders",
            ["account_id", "submitted_at"],
            postgresql_where=sa.text("status IN ('new', 'partially_filled')"),
            postgresql_concurrently=True,
        )
        op.create_index(
            "ix_orders_instrument_id",
            "orders",
            ["instrument_id"],
            postgresql_concurrently=True,
        )
        op.execute(
            "CREATE INDEX CONCURRENTLY ix_fills_executed_at ON fills (executed_at DESC)"
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY ix_fills_executed_at")
        op.drop_index(
            "ix_orders_instrument_id", table_name="orders", postgresql_concurrently=True
        )
        op.drop_index(
            "ix_orders_account_id_open",
            table_name="orders",
            postgresql_concurrently=True,
        )
