import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade():
    op.add_column("dens", sa.Column("size", sa.Text()))


def downgrade():
    op.drop_column("dens", "size")
