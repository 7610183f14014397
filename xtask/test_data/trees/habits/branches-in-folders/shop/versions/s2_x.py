"""x"""
import sqlalchemy as sa
from alembic import op

revision = 's2'
down_revision = 's1'
depends_on = ("c2",)


def upgrade():
    op.create_table("carts", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("carts")
