from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE a1 (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE a1")
