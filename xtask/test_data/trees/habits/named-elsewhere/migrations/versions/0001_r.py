import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "pets",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("kind", sa.Enum("cat", "dog", name="pet_kind")),
        sa.Column("age", sa.Integer()),
    )
    op.create_table("dens", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table("dens")
    op.drop_table("pets")
    op.execute("DROP TYPE pet_kind")
