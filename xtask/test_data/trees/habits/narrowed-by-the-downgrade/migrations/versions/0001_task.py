import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    # The lengths were added later, when databases had the columns already.
    op.create_table(
        "task",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(30), nullable=True),
        sa.Column("started", sa.String(30), nullable=True),
        sa.Column("ended", sa.String(30), nullable=True),
    )


def downgrade():
    op.drop_table("task")
