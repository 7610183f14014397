from alembic import op

revision = "b1"
down_revision = None
branch_labels = ("b",)


def upgrade():
    op.execute("CREATE TABLE b1 (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE b1")
