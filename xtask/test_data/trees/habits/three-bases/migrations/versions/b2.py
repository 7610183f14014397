from alembic import op

revision = "b2"
down_revision = 'b1'
depends_on = "a"


def upgrade():
    op.execute("CREATE TABLE b2 (id integer PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE b2")
