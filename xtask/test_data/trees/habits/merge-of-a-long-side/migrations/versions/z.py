from alembic import op

revision = "z"
down_revision = 'p'
depends_on = "x"


def upgrade():
    op.execute("CREATE TABLE z (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE z")
