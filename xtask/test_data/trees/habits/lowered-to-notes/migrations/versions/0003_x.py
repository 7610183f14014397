"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'


# The default is for the rows that are there when the column comes back.
def upgrade():
    op.drop_column("orders", "state")


def downgrade():
    op.add_column(
        "orders", sa.Column("state", sa.String(10), nullable=False, server_default="new")
    )
