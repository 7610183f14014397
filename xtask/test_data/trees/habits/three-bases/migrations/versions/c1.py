from alembic import op

revision = "c1"
down_revision = None
branch_labels = ("c",)


def upgrade():
    op.execute("CREATE TABLE c1 (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE c1")
