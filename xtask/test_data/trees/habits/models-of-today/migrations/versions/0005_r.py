import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column("orders", sa.Column("nick", sa.Text()))


def downgrade():
    op.drop_column("orders", "nick")
