"""customer profile: plan, time zone, review date

Revision ID: 0031
Revises: 0030
Create Date: 2026-05-19 09:11:32.725418

"""

from typing import Sequence, Union

import sqlalchemy as sa
from alembic import op

# revision identifiers, used by Alembic.
revision: str = "0031"
down_revision: Union[str, None] = "0030"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    with op.batch_alter_table("customers") as batch_op:
        batch_op.add_column(
            sa.Column(
                "plan_code",
                sa.String(length=40),
                server_default=sa.text("'free'"),
                nullable=False,
            )
        )
        batch_op.add_column(
            sa.Column(
                "time_zone",
                sa.String(length=64),
                server_default=sa.text("'UTC'"),
                nullable=False,
                comment="IANA name; statements are cut at midnight there",
            )
        )
        batch_op.add_column(
            sa.Column("kyc_reviewed_at", sa.TIMESTAMP(timezone=True), nullable=True)
        )
        batch_op.create_check_constraint(
            "ck_customers_time_zone_not_blank", "btrim(time_zone) <> ''"
        )
        batch_op.create_index("ix_customers_plan_code", ["plan_code"])


def downgrade() -> None:
    with op.batch_alter_table("customers") as batch_op:
        batch_op.drop_index("ix_customers_plan_code")
        batch_op.drop_constraint("ck_customers_time_zone_not_blank", type_="check")
        batch_op.drop_column("kyc_reviewed_at")
        batch_op.drop_column("time_zone")
        batch_op.drop_column("plan_code")
