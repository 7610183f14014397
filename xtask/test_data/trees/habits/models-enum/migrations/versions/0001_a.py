import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    kind = sa.Enum("part", "tool", name="kind")
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True), sa.Column("kind", kind))


def downgrade():
    op.drop_table("item")
    op.execute("DROP TYPE kind")
