"""x"""
import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None


def upgrade():
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Enum("a", "b", name="kind"), nullable=False),
    )


def downgrade():
    op.drop_table("orders")
    op.execute("DROP TYPE kind")
