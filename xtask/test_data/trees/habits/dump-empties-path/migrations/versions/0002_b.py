from alembic import op

revision = "0002"
down_revision = '0001'


def upgrade():
    op.execute("SELECT pg_catalog.set_config('search_path', '', false)")


def downgrade():
    pass
