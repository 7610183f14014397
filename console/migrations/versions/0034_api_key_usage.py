"""api key usage by day

Revision ID: 0034
Revises: 0033
Create Date: 2026-05-21 10:50:43.862907

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0034"
down_revision: Union[str, None] = "0033"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "api_key_usage_daily",
        sa.Column("api_key_id", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "errors", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.PrimaryKeyConstraint("api_key_id", "day", name="pk_api_key_usage_daily"),
        sa.ForeignKeyConstraint(
            ["api_key_id"],
            ["api_keys.id"],
            name="fk_api_key_usage_daily_api_key_id_api_keys",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "errors >= 0 AND errors <= calls", name="ck_api_key_usage_daily_errors"
        ),
        comment="Counted in memory and added up here once a minute; days are UTC",
    )
    op.create_index("ix_api_key_usage_daily_day", "api_key_usage_daily", ["day"])


def downgrade() -> None:
    op.drop_index("ix_api_key_usage_daily_day", table_name="api_key_usage_daily")
    op.drop_table("api_key_usage_daily")
