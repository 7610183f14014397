import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    op.add_column("people", sa.Column("nick", sa.Text()))


def downgrade():
    op.drop_column("people", "nick")
