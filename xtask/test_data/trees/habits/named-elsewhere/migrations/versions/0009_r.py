import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade():
    op.create_table("cages", sa.Column("id", sa.Integer()))


def downgrade():
    op.drop_table("cage")
