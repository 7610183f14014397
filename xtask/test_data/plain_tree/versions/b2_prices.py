"""prices"""

import sqlalchemy as sa
from alembic import op

revision = "b2"
down_revision = "a1"


def upgrade():
    op.add_column("items", sa.Column("price", sa.Numeric))


def downgrade():
    op.drop_column("items", "price")
