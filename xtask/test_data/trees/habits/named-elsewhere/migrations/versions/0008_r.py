import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade():
    op.create_unique_constraint("one_size", "dens", ["size"])


def downgrade():
    op.drop_index("one_size", table_name="dens")
