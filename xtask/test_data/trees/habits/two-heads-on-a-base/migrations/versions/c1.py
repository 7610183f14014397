from alembic import op

revision = "c1"
down_revision = 'a1'
branch_labels = ("c",)


def upgrade():
    op.execute("CREATE TABLE c1 (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE c1")
