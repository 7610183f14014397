"""alert channel: in_app instead of NULL

Revision ID: 0020
Revises: 0019
Create Date: 2026-04-08 13:29:48.913760

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "0020"
down_revision: Union[str, None] = "0019"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.drop_constraint("ck_alerts_channel", "alerts", type_="check")
    # NULL always meant 'shown in the app only'. The old check did not allow in_app, so
    # downgrade() can tell these rows from all others.
    op.execute("UPDATE alerts SET channel = 'in_app' WHERE channel IS NULL")
    with op.batch_alter_table("alerts") as batch_op:
        batch_op.alter_column(
            "channel",
            existing_type=sa.String(length=16),
            nullable=False,
            server_default="in_app",
        )
        batch_op.create_check_constraint(
            "ck_alerts_channel", "channel IN ('in_app', 'email', 'push', 'sms')"
        )


def downgrade() -> None:
    with op.batch_alter_table("alerts") as batch_op:
        batch_op.drop_constraint("ck_alerts_channel", type_="check")
        batch_op.alter_column(
            "channel",
            existing_type=sa.String(length=16),
            nullable=True,
            server_default=None,
        )
    op.execute("UPDATE alerts SET channel = NULL WHERE channel = 'in_app'")
    op.create_check_constraint(
        "ck_alerts_channel", "alerts", "channel IN ('email', 'push', 'sms')"
    )
