"""x"""
import sqlalchemy as sa
from alembic import op

revision = 'c1'
down_revision = None
branch_labels = ("core",)


def upgrade():
    op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("users")
