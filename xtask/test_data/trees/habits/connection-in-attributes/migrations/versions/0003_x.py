"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'


def upgrade():
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("age", sa.Integer))


def downgrade():
    with op.batch_alter_table("users") as batch:
        batch.drop_column("age")
