"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None


def upgrade():
    op.create_table("a", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Text))
    op.create_table("b", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Text))
    op.create_table("c", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Text))


def downgrade():
    op.drop_table("c")
    op.drop_table("b")
    op.drop_table("a")
