import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.add_column("item", sa.Column("size", sa.Text))


def downgrade():
    op.drop_column("item", "size")
