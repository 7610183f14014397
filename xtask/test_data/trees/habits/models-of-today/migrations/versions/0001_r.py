import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    pass


def downgrade():
    pass
