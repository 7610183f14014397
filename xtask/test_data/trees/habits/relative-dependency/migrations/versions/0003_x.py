"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0001'
depends_on = "0002"


def upgrade():
    op.create_table("c", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("c")
