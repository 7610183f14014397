"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    op.create_table(
        "copies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customers.id")),
    )
    op.execute("INSERT INTO copies SELECT id, customer_id FROM orders")
    op.create_index("ix_orders_n", "orders", ["n"])


def downgrade():
    op.drop_index("ix_orders_n", "orders")
    op.drop_table("copies")
