import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.create_index("by_age", "pets", ["age"])


def downgrade():
    op.drop_constraint("by_age", "pets")
