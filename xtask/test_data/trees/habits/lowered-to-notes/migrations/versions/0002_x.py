"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


# The condition says which rows are meant.
def upgrade():
    op.execute("DELETE FROM orders WHERE customer_id NOT IN (SELECT id FROM customers)")
    op.create_foreign_key("orders_customer", "orders", "customers", ["customer_id"], ["id"])


def downgrade():
    op.drop_constraint("orders_customer", "orders")
