"""audit log: the area of an action as a generated column

Revision ID: 0027
Revises: 0026
Create Date: 2026-05-13 09:40:05.631748

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0027"
down_revision: Union[str, None] = "0026"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    # Generated and not backfilled: an UPDATE would run into the append-only
    # trigger of 0011.
    op.add_column(
        "audit_log",
        sa.Column(
            "area",
            sa.Text(),
            sa.Computed("split_part(action, '.', 1)", persisted=True),
            nullable=True,
            comment="First part of the action, e.g. flags of flags.update",
        ),
    )
    op.create_index(
        "ix_audit_log_area_occurred_at",
        "audit_log",
        ["area", sa.text("occurred_at DESC")],
    )


def downgrade() -> None:
    op.drop_index("ix_audit_log_area_occurred_at", table_name="audit_log")
    op.drop_column("audit_log", "area")
