import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade():
    op.create_table("food", sa.Column("fits", postgresql.ENUM("cat", "dog", name="pet_kind", create_type=False)))


def downgrade():
    op.drop_table("food")
