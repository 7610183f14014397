import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True), sa.Column("note", sa.Text))
    op.create_table("parts", sa.Column("id", sa.Integer, primary_key=True), sa.Column("size", sa.Text, index=True))


def downgrade():
    op.drop_table("parts")
    op.drop_table("item")
