"""order time in force as an enum

Revision ID: 0016
Revises: 0015
Create Date: 2026-02-20 16:07:29.552947

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0016"
down_revision: Union[str, None] = "0015"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

time_in_force = postgresql.ENUM(
    "day", "gtc", "ioc", "fok", name="time_in_force", create_type=False
)


def upgrade() -> None:
    time_in_force.create(op.get_bind(), checkfirst=False)

    # The check compares with strings and the default is one: neither survives the cast.
    op.drop_constraint("ck_orders_time_in_force", "orders", type_="check")
    op.alter_column("orders", "time_in_force", server_default=None)
    op.alter_column(
        "orders",
        "time_in_force",
        existing_type=sa.String(length=8),
        type_=time_in_force,
        existing_nullable=False,
        postgresql_using="time_in_force::time_in_force",
    )
    op.alter_column("orders", "time_in_force", server_default="day")


def downgrade() -> None:
    op.alter_column("orders", "time_in_force", server_default=None)
    op.alter_column(
        "orders",
        "time_in_force",
        existing_type=time_in_force,
        type_=sa.String(length=8),
        existing_nullable=False,
        postgresql_using="time_in_force::text",
    )
    op.alter_column("orders", "time_in_force", server_default="day")
    op.create_check_constraint(
        "ck_orders_time_in_force",
        "orders",
        "time_in_force IN ('day', 'gtc', 'ioc', 'fok')",
    )

    time_in_force.drop(op.get_bind(), checkfirst=False)
