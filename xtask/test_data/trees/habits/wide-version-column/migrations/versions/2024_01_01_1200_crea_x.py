"""x"""
import sqlalchemy as sa
from alembic import op

revision = '2024_01_01_1200_create_the_users_of_the_shop'
down_revision = None


def upgrade():
    op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("users")
