from alembic import op

revision = "m"
down_revision = ('z', 'y')


def upgrade():
    pass


def downgrade():
    pass
