"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    op.drop_table("a")
    op.drop_table("b")
    op.drop_column("c", "n")


def downgrade():
    op.add_column("c", sa.Column("n", sa.Text))
    op.create_table("b", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Text))
    op.create_table("a", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Text))
