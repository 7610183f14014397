"""promotions: trace mode and its transitions

Renumbered from 0037 (#1781): the file carried a revision id that a second
file claimed as well.

Revision ID: 0038
Revises: 0037
Create Date: 2026-05-26 13:47:22.086451

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0038"
down_revision: Union[str, None] = "0037"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

promote_trace_mode = postgresql.ENUM(
    "off", "sampled", "full", name="promote_trace_mode", create_type=False
)


def upgrade() -> None:
    promote_trace_mode.create(op.get_bind(), checkfirst=False)

    op.add_column(
        "strategy_promotions",
        sa.Column(
            "trace_mode",
            promote_trace_mode,
            server_default=sa.text("'off'"),
            nullable=False,
            comment="How much of its decisions the strategy writes down meanwhile",
        ),
    )
    op.create_table(
        "promote_trace_mode_transitions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("promotion_id", sa.BigInteger(), nullable=False),
        sa.Column("from_mode", promote_trace_mode, nullable=False),
        sa.Column("to_mode", promote_trace_mode, nullable=False),
        # NULL where the budget watchdog turned it down.
        sa.Column("changed_by", postgresql.UUID(as_uuid=False), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "changed_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_promote_trace_mode_transitions"),
        sa.ForeignKeyConstraint(
            ["promotion_id"],
            ["strategy_promotions.id"],
            name="fk_promote_trace_mode_transitions_promotion_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"],
            ["admins.id"],
            name="fk_promote_trace_mode_transitions_changed_by_admins",
            ondelete="SET NULL",
        ),
        sa.CheckConstraint(
            "from_mode <> to_mode",
            name="ck_promote_trace_mode_transitions_modes_differ",
        ),
    )
    op.create_index(
        "ix_promote_trace_mode_transitions_promotion_id_changed_at",
        "promote_trace_mode_transitions",
        ["promotion_id", "changed_at"],
    )


def downgrade() -> None:
    op.drop_index(
        "ix_promote_trace_mode_transitions_promotion_id_changed_at",
        table_name="promote_trace_mode_transitions",
    )
    op.drop_table("promote_trace_mode_transitions")
    op.drop_column("strategy_promotions", "trace_mode")

    promote_trace_mode.drop(op.get_bind(), checkfirst=False)
