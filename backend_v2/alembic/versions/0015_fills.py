"""fills

Revision ID: 0015
Revises: 0014
Create Date: 2026-02-11 12:40:58.190274

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision: str = "0015"
down_revision: Union[str, None] = "0014"
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "fills",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "broker_fill_id",
            sa.String(length=64),
            nullable=False,
            comment="The broker's own id: a replayed message must not fill twice",
        ),
        sa.Column("quantity", sa.Numeric(18, 6), nullable=False),
        sa.Column("price", sa.Numeric(18, 6), nullable=False),
        sa.Column("fee", sa.Numeric(18, 6), server_default="0", nullable=False),
        sa.Column("executed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fills"),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
            name="fk_fills_order_id_orders",
            ondelete="RESTRICT",
        ),
        sa.UniqueConstraint(
            "order_id", "broker_fill_id", name="uq_fills_order_id_broker_fill_id"
        ),
        sa.CheckConstraint("quantity > 0", name="ck_fills_quantity"),
        sa.CheckConstraint("price >= 0", name="ck_fills_price"),
    )
    op.execute(
        """
        CREATE VIEW order_fill_summary AS
        SELECT o.id AS order_id,
               o.account_id,
               o.quantity AS ordered_quantity,
               coalesce(sum(f.quantity), 0) AS filled_quantity,
               sum(f.quantity * f.price) / sum(f.quantity) AS average_price
        FROM orders o
        LEFT JOIN fills f ON f.order_id = o.id
        GROUP BY o.id, o.account_id, o.quantity
        """
    )

    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON fills TO raptor_app;")
    op.execute("GRANT USAGE ON SEQUENCE fills_id_seq TO raptor_app;")
    op.execute("GRANT SELECT ON order_fill_summary TO raptor_app;")


def downgrade() -> None:
    op.execute("DROP VIEW order_fill_summary")
    op.drop_table("fills")
