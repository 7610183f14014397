"""orders

Revision ID: 0014
Revises: 0013
Create Date: 2026-02-02 09:56:13.337128

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

# revision identifiers, used by Alembic.
revision: str = "0014"
down_revision: Union[str, None] = "0013"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None

order_side = postgresql.ENUM("buy", "sell", name="order_side", create_type=False)
order_type = postgresql.ENUM(
    "market", "limit", "stop", "stop_limit", name="order_type", create_type=False
)
order_status = postgresql.ENUM(
    "new",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    name="order_status",
    create_type=False,
)


def upgrade() -> None:
    bind = op.get_bind()
    order_side.create(bind, checkfirst=False)
    order_type.create(bind, checkfirst=False)
    order_status.create(bind, checkfirst=False)

    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column(
            "account_id",
            sa.Integer(),
            sa.ForeignKey(
                "accounts.id", name="fk_orders_account_id_accounts", ondelete="RESTRICT"
            ),
            nullable=False,
        ),
        sa.Column(
            "instrument_id",
            sa.Integer(),
            sa.ForeignKey(
                "instruments.id",
                name="fk_orders_instrument_id_instruments",
                ondelete="RESTRICT",
            ),
            nullable=False,
        ),
        sa.Column(
            "broker_connection_id",
            sa.BigInteger(),
            sa.ForeignKey(
                "broker_connections.id",
                name="fk_orders_broker_connection_id_broker_connections",
                ondelete="SET NULL",
            ),
            nullable=True,
        ),
        sa.Column("side", order_side, nullable=False),
        sa.Column("order_type", order_type, nullable=False),
        sa.Column(
            "time_in_force", sa.String(length=8), server_default="day", nullable=False
        ),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("limit_price", sa.Numeric(18, 6), nullable=True),
        sa.Column("status", order_status, server_default="new", nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.CheckConstraint("quantity > 0", name="ck_orders_quantity"),
        sa.CheckConstraint(
            "time_in_force IN ('day', 'gtc', 'ioc', 'fok')",
            name="ck_orders_time_in_force",
        ),
        sa.CheckConstraint(
            "order_type NOT IN ('limit', 'stop_limit') OR limit_price IS NOT NULL",
            name="ck_orders_limit_price",
        ),
    )
    op.execute(
        """
        CREATE TRIGGER trg_orders_touch_updated_at
        BEFORE UPDATE ON orders
        FOR EACH ROW EXECUTE FUNCTION touch_updated_at()
        """
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE orders_id_seq TO raptor_app;")


def downgrade() -> None:
    op.drop_table("orders")

    bind = op.get_bind()
    order_status.drop(bind, checkfirst=False)
    order_type.drop(bind, checkfirst=False)
    order_side.drop(bind, checkfirst=False)
