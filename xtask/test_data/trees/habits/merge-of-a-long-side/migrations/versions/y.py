from alembic import op

revision = "y"
down_revision = 'x'


def upgrade():
    op.execute("CREATE TABLE y (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE y")
