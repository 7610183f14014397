from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY item_id ON item (id)")


def downgrade():
    op.execute("DROP INDEX item_id")
