"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'


# An application that takes the tables in the other order is only possible.
def upgrade():
    op.add_column("orders", sa.Column("note", sa.Text))
    op.add_column("customers", sa.Column("note", sa.Text))


def downgrade():
    op.drop_column("customers", "note")
    op.drop_column("orders", "note")
