from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade():
    op.create_index('ix_items_tag', 'items', ['tag'])


def downgrade():
    op.drop_index('ix_items_tag', 'items')
