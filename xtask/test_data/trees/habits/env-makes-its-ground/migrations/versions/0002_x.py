"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    op.add_column("users", sa.Column("name", sa.Text), schema="app")


def downgrade():
    op.drop_column("users", "name", schema="app")
