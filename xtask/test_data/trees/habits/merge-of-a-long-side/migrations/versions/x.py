from alembic import op

revision = "x"
down_revision = 'p'


def upgrade():
    op.execute("CREATE TABLE x (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE x")
