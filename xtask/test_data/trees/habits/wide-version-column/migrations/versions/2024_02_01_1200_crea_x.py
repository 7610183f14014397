"""x"""
import sqlalchemy as sa
from alembic import op

revision = '2024_02_01_1200_create_the_orders_of_the_shop'
down_revision = '2024_01_01_1200_create_the_users_of_the_shop'


def upgrade():
    op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("orders")
