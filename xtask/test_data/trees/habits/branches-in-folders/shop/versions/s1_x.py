"""x"""
import sqlalchemy as sa
from alembic import op

revision = 's1'
down_revision = None
branch_labels = ("shop",)
depends_on = "c1"


def upgrade():
    op.create_table("shops", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("shops")
