from alembic import op

revision = "p"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE p (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE p")
