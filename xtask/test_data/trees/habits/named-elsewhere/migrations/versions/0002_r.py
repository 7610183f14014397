import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table("toys", sa.Column("fits", sa.Enum("cat", "dog", name="pet_kind")))


def downgrade():
    op.drop_table("toys")
