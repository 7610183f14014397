import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade():
    op.add_column("pets", sa.Column("color", sa.Text()))


def downgrade():
    op.drop_column("dens", "color")
