"""x"""
import sqlalchemy as sa
from alembic import op

revision = 'c2'
down_revision = 'c1'


def upgrade():
    op.create_table("teams", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))


def downgrade():
    op.drop_table("teams")
