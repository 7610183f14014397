"""feature flag schedules

Revision ID: 0037
Revises: 0036
Create Date: 2026-05-25 09:35:50.913284

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0037"
down_revision: Union[str, None] = "0036"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

# Made by 0006.
feature_flag_state = postgresql.ENUM(
    "off", "on", "percentage", name="feature_flag_state", create_type=False
)


def upgrade() -> None:
    op.create_table(
        "feature_flag_schedules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("flag_key", sa.String(length=80), nullable=False),
        sa.Column("target_state", feature_flag_state, nullable=False),
        sa.Column("target_percent", sa.SmallInteger(), nullable=True),
        sa.Column("run_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("applied_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_feature_flag_schedules"),
        sa.ForeignKeyConstraint(
            ["flag_key"],
            ["feature_flags.key"],
            name="fk_feature_flag_schedules_flag_key_feature_flags",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["admins.id"],
            name="fk_feature_flag_schedules_created_by_admins",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint(
            "(target_state = 'percentage') = (target_percent IS NOT NULL)",
            name="ck_feature_flag_schedules_target_percent_with_state",
        ),
        sa.CheckConstraint(
            "target_percent BETWEEN 0 AND 100",
            name="ck_feature_flag_schedules_target_percent_range",
        ),
        sa.CheckConstraint(
            "num_nonnulls(applied_at, cancelled_at) <= 1",
            name="ck_feature_flag_schedules_one_end",
        ),
    )
    # Two pending changes to the same flag at the same moment have no order.
    op.create_index(
        "uq_feature_flag_schedules_flag_key_run_at_pending",
        "feature_flag_schedules",
        ["flag_key", "run_at"],
        unique=True,
        postgresql_where=sa.text("applied_at IS NULL AND cancelled_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_feature_flag_schedules_flag_key_run_at_pending",
        table_name="feature_flag_schedules",
    )
    op.drop_table("feature_flag_schedules")
