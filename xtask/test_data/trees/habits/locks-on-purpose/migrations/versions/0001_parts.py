import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("parts", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("code", sa.Text()))


def downgrade():
    op.drop_table("parts")
