"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None


# The database was there before Alembic.
def upgrade():
    pass


def downgrade():
    pass
