import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade():
    op.create_check_constraint("age_is_known", "pets", "age > 0")


def downgrade():
    op.drop_index("age_is_known")
